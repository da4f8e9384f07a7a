from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from benchmarks.notebook_speed import notebook_steps, project_steps
from benchmarks.pipeline import experiment_params

from imdb_rnn.config import Params

ROOT = Path(__file__).parents[2]


def test_both_loops_take_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    params = Params.model_validate(experiment_params("notebook"))
    random = np.random.default_rng(1)
    tokens = np.zeros((160, 200), dtype=np.int64)
    for row in tokens:
        length = random.integers(20, 200)
        row[:length] = random.integers(1, 10_000, length)
    labels = random.integers(0, 2, len(tokens))
    losses = [
        list(islice(steps(tokens, labels, params), 5)) for steps in (notebook_steps, project_steps)
    ]
    assert len(set(losses[0])) == 5
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)
