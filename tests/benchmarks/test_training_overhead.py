from pathlib import Path

import pytest
from benchmarks.document import filled_in
from benchmarks.training_overhead import blocks

from imdb_rnn.io.json_file import read_json

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "reports/training_overhead.json"
measured = pytest.mark.skipif(not RESULTS.exists(), reason="it has not been measured yet")


def test_the_table_names_each_server_and_the_checkpoints() -> None:
    results = {
        "slower": {"answers at once": 0.0012, "is not there": -0.004},
        "end_seconds": {"answers at once": 0.31, "is not there": 0.0},
        "checkpoint_seconds": [0.1, 0.12, 0.3],
        "checkpoint_share": 0.004,
    }
    assert blocks(results)["overhead"].splitlines()[2:] == [
        "| recorded by a server that answers at once | +0.1 % | 0.3 s |",
        "| recorded by a server that is not there | -0.4 % | 0.0 s |",
        "| a checkpoint of 0.12 s every 30 s | +0.4 % |  |",
    ]


@measured
def test_the_page_shows_the_committed_results() -> None:
    page = (ROOT / "docs/promises.md").read_text(encoding="utf-8")
    assert filled_in(page, blocks(read_json(RESULTS))) == page


@measured
def test_what_was_measured_keeps_the_promises() -> None:
    results = read_json(RESULTS)
    assert max(results["slower"].values()) <= 0.05
    assert results["checkpoint_share"] <= 0.03
