from pathlib import Path

import pytest
from benchmarks.document import filled_in
from benchmarks.numbers import documents, headline, with_numbers

ROOT = Path(__file__).parents[2]
ROW = {"accuracy": 0.9, "accuracy_low": 0.89, "accuracy_high": 0.91, "valid_accuracy": 0.8}
ROWS = [{"name": "default", **ROW}, {"name": "gru", **ROW, "accuracy": 0.85}]
BASELINE = {"difference": 0.02, "difference_low": 0.01, "difference_high": 0.03, "mcnemar_p": 0.001}
RESULTS = {
    **ROW,
    "n_test": 2000,
    "confidence": 0.95,
    "baselines": {"tfidf": {"accuracy": 0.86, **BASELINE}, "nb": {"accuracy": 0.88, **BASELINE}},
}
SEEDS = {"n": 3, "accuracy_mean": 0.9, "accuracy_min": 0.88, "accuracy_max": 0.92}


def test_every_document_shows_the_committed_results(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for document, blocks in documents().items():
        text = document.read_text(encoding="utf-8")
        assert filled_in(text, blocks) == text, (
            f"`python -m benchmarks.numbers` fills in {document}"
        )


def test_numbers_go_behind_the_descriptions_in_the_table_of_experiments_alone(
    tmp_path: Path,
) -> None:
    document = tmp_path / "page.md"
    document.write_text(
        "| `gru` | elsewhere | 1 |\n<!-- experiments -->\n"
        "| `gru` | gates | old | old | old |\n| `lstm` | more gates | old | old | old |\n"
        "<!-- /experiments -->\n"
    )
    assert with_numbers(document, ROWS).splitlines() == [
        "| `gru` | gates | 0.8500 | 0.8900 to 0.9100 | 0.8000 |",
        "| `lstm` | more gates | not run yet |  |  |",
    ]


def test_the_headline_tells_of_seeds_where_they_belong_to_the_result() -> None:
    assert "0.9000 (0.8800 to 0.9200)" in headline(RESULTS, SEEDS)
    assert "seeds" not in headline(RESULTS, None)
