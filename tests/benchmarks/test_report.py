from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.catalogue import CATALOGUE
from benchmarks.contestant import Clock, measure, milestones
from benchmarks.document import filled_in
from benchmarks.figure import write_figure
from benchmarks.linear import Linear
from benchmarks.notebook import Notebook
from benchmarks.report import blocks, gathered, refuse_mixture, summarized
from benchmarks.reviews import Reviews

from imdb_rnn.config import LinearModel
from imdb_rnn.errors import UserError
from imdb_rnn.features.ngram_models import nb_model
from imdb_rnn.io.json_file import read_json

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs/benchmarks.md").read_text(encoding="utf-8")
RESULTS = ROOT / "reports/benchmark.json"

MACHINE = {
    "processor": "abacus",
    "cores": 1,
    "memory_gb": 1.0,
    "system": "desk",
    "python": "3.11",
    "gflops_float32": 1.0,
    "versions": {"torch": "1"},
}


def _reviews(count: int) -> Reviews:
    """Every other one is good, and says so."""
    labels = np.arange(count) % 2
    texts = [f"a {'superb' if label else 'dull'} film {i}" for i, label in enumerate(labels)]
    return Reviews(texts, labels)


def _nb() -> Linear:
    settings = LinearModel(max_ngram=1, min_df=1, C=1.0)
    return Linear(nb_model(settings), settings.model_dump())


def _run(accuracy: float, seconds: float, reached: float | None) -> dict[str, Any]:
    return {
        "accuracy": accuracy,
        "train_seconds": seconds,
        "total_seconds": seconds + 1,
        "seconds_to": {"0.88": reached, "0.9": None, "0.918": None},
        "peak_mb": 100.0,
        "model_mb": 1.5,
        "reviews_per_second": 1000.0,
        "latency_ms": 0.5,
        "tokens_per_second": 5000.0,
        "curve": [[seconds, accuracy]],
        "settings": {"seed": 1},
        "instructions": "the libraries' choice",
    }


def _speed(mb_per_second: float, instructions: str) -> dict[str, Any]:
    return {"mb_per_second": mb_per_second, "mb": 65.0, "instructions": instructions}


def _growth(prepare_seconds: float, train_seconds: float) -> dict[str, Any]:
    return {
        "prepare_seconds": prepare_seconds,
        "prepare_peak_mb": 500.0,
        "train_seconds": train_seconds,
        "train_peak_mb": 800.0,
    }


def test_a_linear_contestant_is_measured() -> None:
    row = measure(_nb(), _reviews(20), _reviews(10))
    assert row["accuracy"] == 1
    assert row["curve"] == [[row["train_seconds"], 1.0]]
    assert row["seconds_to"]["0.918"] == row["train_seconds"]
    assert row["tokens_per_second"] * row["train_seconds"] == pytest.approx(20 * 4)
    assert min(row["peak_mb"], row["model_mb"], row["latency_ms"], row["reviews_per_second"]) > 0


def test_the_notebook_is_measured_after_each_epoch() -> None:
    row = measure(Notebook(epochs=2, seed=1), _reviews(8), _reviews(4))
    assert len(row["curve"]) == 2
    assert 0 < row["curve"][0][0] < row["curve"][1][0] <= row["train_seconds"]


def test_the_clock_stands_still_in_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 10.0, 15.0, 20.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(now))
    clock = Clock()
    with clock.paused():
        pass
    assert clock.seconds == 15


def test_a_milestone_is_the_first_time_that_it_is_reached() -> None:
    curve = [[10.0, 0.89], [20.0, 0.87], [30.0, 0.91]]
    assert milestones(curve) == {"0.88": 10.0, "0.9": 30.0, "0.918": None}


def test_several_runs_become_their_medians() -> None:
    row = summarized({1: _run(0.8, 3.0, 2.0), 2: {"failed": "lost"}, 3: _run(0.9, 1.0, None)})
    assert row["runs"] == 2
    assert row["accuracy"] == pytest.approx(0.85)
    assert row["train_seconds"] == 2
    assert row["seconds_to"]["0.88"] is None, "one of the runs never got there"
    assert [(run["seed"], run["accuracy"]) for run in row["each_run"]] == [(1, 0.8), (3, 0.9)]


def test_the_tables_say_what_was_measured_and_what_was_not() -> None:
    measured = {
        ("contestant", "nb", 1): _run(0.91, 50.0, 50.0),
        ("contestant", "fasttext", 1): {"failed": "not installed: no module named fasttext"},
        ("tokenizing", "project", 1): _speed(12.5, "AVX2"),
        ("tokenizing", "count-vectorizer", 1): _speed(5.0, "the libraries' choice"),
        ("growth", "0.5", 1): _growth(10.0, 20.0),
        ("growth", "1.0", 1): _growth(15.0, 35.0),
        ("labels", "nb:100", 1): {"accuracy": 0.7, "train_seconds": 1.0},
        ("labels", "gru:100", 1): {"failed": "stage train failed"},
    }
    results = gathered(measured, {}, MACHINE)
    text = filled_in(DOCUMENT, blocks(results))
    assert "| NB-weighted n-grams | 1 | 0.9100 | 50 | 1.0 | 50 | never | never | 51 |" in text
    assert "- fastText, 5 epochs: not installed: no module named fasttext" in text
    assert "| 100 | 1.5 | 1,000 | 0.50 | 5,000 | the libraries' choice |" in text
    assert "| this project (`tokenizers`) | 12.5 | 2.5 | 1 | AVX2 |" in text
    assert "| 0.5 | 10.0 | 500 | 20.0 | 800 | 1.20 |" in text
    assert "| 1 | 15.0 | 500 | 35.0 | 800 | 1.00 |" in text
    assert "| 100 | 0.7000 |" in text
    assert "- gru:100: stage train failed" in text
    assert "(images/accuracy_per_minute.png)" in text
    assert "No run on an idle machine" not in text


def test_what_was_not_measured_anew_stays() -> None:
    first = gathered({("contestant", "nb", 1): _run(0.91, 50.0, None)}, {}, MACHINE)
    second = gathered({("contestant", "tfidf", 1): _run(0.9, 20.0, None)}, first, MACHINE)
    assert [row["name"] for row in second["results"]] == ["nb", "tfidf"]
    assert second["results"][0] == first["results"][0]


OTHER_MACHINE = MACHINE | {"processor": "slide rule"}


def test_each_table_says_what_it_was_measured_on() -> None:
    first = gathered({("contestant", "nb", 1): _run(0.91, 50.0, None)}, {}, MACHINE)
    second = gathered({("growth", "1.0", 1): _growth(15.0, 35.0)}, first, OTHER_MACHINE)
    third = gathered(
        {("growth", "1.0", 1): _growth(15.0, 35.0)}, first, MACHINE | {"gflops_float32": 1.1}
    )
    for results in (first, third):
        assert blocks(results)["machine"].startswith("\nabacus, 1 cores")
    assert "- Side by side: abacus, 1 cores" in blocks(second)["machine"]
    assert "- Growth: slide rule, 1 cores" in blocks(second)["machine"]


def test_rows_of_two_machines_do_not_stand_side_by_side() -> None:
    nb, tfidf = ("contestant", "nb", 1), ("contestant", "tfidf", 1)
    earlier = gathered({nb: _run(0.91, 50.0, None)}, {}, MACHINE)
    with pytest.raises(UserError, match=r"nb: measured on abacus, .*and this is slide rule"):
        refuse_mixture([tfidf], earlier, OTHER_MACHINE)
    with pytest.raises(UserError, match="nb: measured on an unknown machine"):
        refuse_mixture([tfidf], {"results": earlier["results"]}, MACHINE)
    for jobs, machine in (
        ([tfidf], MACHINE),
        ([nb, tfidf], OTHER_MACHINE),
        ([("growth", "1.0", 1)], OTHER_MACHINE),
    ):
        refuse_mixture(jobs, earlier, machine)


def test_a_block_that_the_document_lacks_is_an_error() -> None:
    with pytest.raises(ValueError, match="no block 'prices'"):
        filled_in(DOCUMENT, {"prices": ""})


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    write_figure(tmp_path / "figure.png", [{"name": "nb", **_run(0.9, 50.0, None)}])
    assert (tmp_path / "figure.png").stat().st_size > 1000


def test_titles_tell_the_contestants_apart() -> None:
    assert len({entry.title for entry in CATALOGUE.values()}) == len(CATALOGUE)


def test_the_page_shows_the_committed_results() -> None:
    assert filled_in(DOCUMENT, blocks(read_json(RESULTS))) == DOCUMENT
