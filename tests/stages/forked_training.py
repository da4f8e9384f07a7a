"""What a process does that is forked to train: little to import, so that it starts at once."""

import functools
import os
from pathlib import Path

from imdb_rnn.stages import run_stage, train
from imdb_rnn.training.checkpoint import Checkpoint


def train_in(folder: Path, seconds_between: float) -> None:
    """Run the stage `train` in a folder, silently, and exit."""
    os.chdir(folder)
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # MLflow sets it in whatever uses another store
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - a descriptor is wanted, not a path
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    train.Checkpoint = functools.partial(Checkpoint, seconds_between=seconds_between)
    run_stage(train.train)
