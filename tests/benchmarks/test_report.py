from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from benchmarks.baseline import Reviews, measure
from benchmarks.document import filled_in
from benchmarks.linear import Linear
from benchmarks.notebook import Notebook
from benchmarks.report import blocks, gathered, refuse_mixture, write_figure

from benchmarks import linear
from imdb_rnn.config import LinearModel
from imdb_rnn.errors import UserError

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
MACHINE = {
    "processor": "abacus",
    "cores": 1,
    "memory_gb": 1.0,
    "system": "desk",
    "python": "3.11",
    "versions": {"torch": "1"},
}
OTHER_MACHINE = MACHINE | {"processor": "slide rule"}


def _reviews(count: int) -> Reviews:
    """Every other one is good, and says so."""
    labels = np.arange(count) % 2
    texts = [f"a {'superb' if label else 'dull'} film {i}" for i, label in enumerate(labels)]
    return Reviews(texts, labels)


def _run(accuracy: float, seconds: float) -> dict[str, Any]:
    return {
        "accuracy": accuracy,
        "train_seconds": seconds,
        "total_seconds": seconds + 1,
        "peak_mb": 100.0,
        "model_mb": 1.5,
        "reviews_per_second": 1000.0,
        "latency_ms": 0.5,
        "curve": [[seconds, accuracy]],
        "instructions": "the libraries' choice",
    }


@pytest.mark.parametrize("kind", ["tfidf", "nb"])
def test_a_linear_baseline_is_measured(
    kind: Literal["tfidf", "nb"], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = LinearModel(max_ngram=1, min_df=1, C=1.0)
    both = type("Settings", (), {"tfidf": settings, "nb": settings})
    monkeypatch.setattr(linear, "load_params", lambda: type("Params", (), {"baseline": both}))
    row = measure(Linear(kind, seed=1), _reviews(20), _reviews(10))
    assert row["accuracy"] == 1
    assert row["curve"] == [[row["train_seconds"], 1.0]]
    assert min(row["peak_mb"], row["model_mb"], row["latency_ms"], row["reviews_per_second"]) > 0


def test_the_notebook_is_measured_after_each_epoch_with_the_clock_stopped() -> None:
    row = measure(Notebook(epochs=2, seed=1), _reviews(8), _reviews(4))
    assert len(row["curve"]) == 2
    assert 0 < row["curve"][0][0] < row["curve"][1][0] <= row["train_seconds"]


def test_looking_at_the_test_accuracy_takes_no_training_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 0.0

    class Slow:
        def fit(self, texts: object, labels: object, after_epoch: Any) -> None:  # noqa: ARG002
            nonlocal now
            for _ in range(2):
                now += 10
                after_epoch()

        def predict(self, texts: list[str]) -> Any:
            nonlocal now
            now += 100
            return np.ones(len(texts))

        def save(self, folder: Path) -> None:
            (folder / "model").write_text("m")

    monkeypatch.setattr("time.perf_counter", lambda: now)
    row = measure(Slow(), _reviews(8), _reviews(4))
    assert row["train_seconds"] == 20
    assert row["curve"] == [[10, 0.5], [20, 0.5]]
    assert row["total_seconds"] == 120


def test_several_runs_become_their_medians() -> None:
    runs = {1: _run(0.8, 3.0), 2: {"failed": "lost"}, 3: _run(0.9, 1.0)}
    (row,) = gathered({"nb": runs}, {}, MACHINE)["results"]
    assert row["runs"] == 2
    assert row["accuracy"] == pytest.approx(0.85)
    assert row["train_seconds"] == 2
    assert row["curve"] == [[3.0, 0.8]]
    assert [(run["seed"], run["accuracy"]) for run in row["each_run"]] == [(1, 0.8), (3, 0.9)]


def test_the_table_says_what_was_measured_and_what_was_not() -> None:
    failed = {"failed": "No module named 'fasttext'"}
    results = gathered({"nb": {1: _run(0.91, 50.0)}, "fasttext": {1: failed}}, {}, MACHINE)
    text = filled_in(DOCUMENT, blocks(results))
    assert "abacus, 1 cores, 1 GB, desk, Python 3.11; torch 1." in text
    assert "| NB-weighted n-grams | 1 | 0.9100 | 50 | 51 | 100 | 1.5 | 1,000 | 0.50 |" in text
    assert "- fastText, 5 epochs: No module named 'fasttext'" in text


def test_what_was_not_measured_anew_stays() -> None:
    first = gathered({"nb": {1: _run(0.91, 50.0)}}, {}, MACHINE)
    second = gathered({"tfidf": {1: _run(0.9, 20.0)}}, first, MACHINE)
    assert [row["name"] for row in second["results"]] == ["nb", "tfidf"]
    assert second["results"][0] == first["results"][0]


def test_rows_of_two_machines_do_not_stand_side_by_side() -> None:
    earlier = gathered({"nb": {1: _run(0.91, 50.0)}}, {}, MACHINE)
    with pytest.raises(UserError, match=r"nb: measured on abacus, .*and this is slide rule"):
        refuse_mixture(["tfidf"], earlier, OTHER_MACHINE)
    refuse_mixture(["tfidf"], earlier, MACHINE)
    refuse_mixture(["nb", "tfidf"], earlier, OTHER_MACHINE)
    refuse_mixture(["tfidf"], {}, MACHINE)


def test_a_block_that_the_document_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match="no block 'prices'"):
        filled_in(DOCUMENT, {"prices": ""})


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    write_figure(tmp_path / "figure.png", [{"name": "nb", **_run(0.9, 50.0)}])
    assert (tmp_path / "figure.png").stat().st_size > 1000
