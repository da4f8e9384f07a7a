"""Stages as processes that can be killed, forked from one that has imported everything.

So starting one costs nothing, and a kill meets its work instead of its imports.
"""

import functools
import importlib
import multiprocessing
import os
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

from imdb_rnn.stages import run_stage

STAGES: Final = ("download", "prepare", "pseudo_label", "ngram_log_odds", "word_vectors", "train")

_SERVER = multiprocessing.get_context("forkserver")
# One server for all tests of a process. PyArrow and PyTorch's optimizers import the last two.
_SERVER.set_forkserver_preload(
    [*(f"imdb_rnn.stages.{stage}" for stage in STAGES), "pandas", "torch._dynamo"]
)


def start(stage: str, folder: Path, seconds_between: float = 0.0) -> ForkServerProcess:
    """Start a stage in a folder, silently.

    Args:
        stage: One of `STAGES`.
        folder: With all that the stage reads.
        seconds_between: From one checkpoint of a training to the next.
    """
    _wait_for_the_server()
    # A daemon is killed where the test that started it ends too early.
    process = _SERVER.Process(target=_run, args=(stage, folder, seconds_between), daemon=True)
    process.start()
    return process


@functools.cache
def _wait_for_the_server() -> None:
    """Its imports are no part of the time that a stage takes."""
    process = _SERVER.Process(target=os.getpid)
    process.start()
    process.join()


def _run(stage: str, folder: Path, seconds_between: float) -> None:
    os.chdir(folder)
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # MLflow sets it in whatever uses another store
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a descriptor is wanted, not a path
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    module = importlib.import_module(f"imdb_rnn.stages.{stage}")
    if stage == "train":
        module.Checkpoint = functools.partial(module.Checkpoint, seconds_between=seconds_between)
    run_stage(getattr(module, stage))
