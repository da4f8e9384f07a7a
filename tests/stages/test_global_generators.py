"""No stage draws from the random generators that a whole process shares.

Whoever drew before would change its results, and whoever draws after would get others.
"""

import importlib
import pickle
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from imdb_rnn.config import load_params
from results import PROJECT
from stages.small_project import leave_mlflow_out, write_small_project

STAGES = list(yaml.safe_load((PROJECT / "dvc.yaml").read_text(encoding="utf-8"))["stages"])


def global_states() -> dict[str, bytes]:
    """State of each generator; a number drawn from one changes it."""
    states = {
        "random": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002 - the one to watch
        "torch": torch.get_rng_state().numpy(),
    }
    return {name: pickle.dumps(state) for name, state in states.items()}


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Which generators each stage has moved."""
    folder = tmp_path_factory.mktemp("project")
    write_small_project(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        leave_mlflow_out(patch)
        return dict(run_all())


def run_all() -> Iterator[tuple[str, list[str]]]:
    params = load_params(Path("params.yaml"))
    for name in STAGES:
        stage = getattr(importlib.import_module(f"imdb_rnn.stages.{name}"), name)
        before = global_states()
        stage(params)
        after = global_states()
        yield name, [generator for generator in before if before[generator] != after[generator]]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_leaves_the_global_generators_alone(
    moved: dict[str, list[str]], stage: str
) -> None:
    assert moved[stage] == []


def test_a_draw_would_be_noticed() -> None:
    before = global_states()
    random.random()  # noqa: S311 - no secret
    np.random.random()  # noqa: NPY002 - the one to watch
    torch.rand(1)
    after = global_states()
    assert all(before[name] != after[name] for name in before)
