from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from benchmarks.document import filled_in
from benchmarks.notebook_speed import blocks, notebook_steps, project_steps
from benchmarks.pipeline import experiment_params

from imdb_rnn.config import Params
from imdb_rnn.io.json_file import read_json

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "reports/notebook_speed.json"


def test_both_loops_take_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    params = Params.model_validate(experiment_params("notebook"))
    random = np.random.default_rng(1)
    tokens = np.zeros((96, 200), dtype=np.int64)
    for row in tokens:
        length = random.integers(20, 200)
        row[:length] = random.integers(1, 10_000, length)
    labels = random.integers(0, 2, len(tokens))
    losses = [
        list(islice(steps(tokens, labels, params), 5)) for steps in (notebook_steps, project_steps)
    ]
    assert len(set(losses[0])) == 5
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)


@pytest.mark.skipif(not RESULTS.exists(), reason="the speed has not been measured yet")
def test_the_page_shows_the_committed_results() -> None:
    page = (ROOT / "docs/profile.md").read_text(encoding="utf-8")
    results = read_json(RESULTS)
    assert filled_in(page, blocks(results)) == page
    assert results["largest_loss_difference"] < 1e-4
