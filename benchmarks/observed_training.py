"""The stage `train` as it ships, with the test accuracy looked at after each epoch.

Runs in place of `imdb_rnn.stages.train`, in its folder, and notes the course in `CURVE`. MLflow is
left out. The looking changes nothing: the stage keeps the epoch that its validation chooses.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import psutil

from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.io.json_file import write_json
from imdb_rnn.models.inference import predict_logits
from imdb_rnn.stages import run_stage, train
from imdb_rnn.training.loop import VALIDATION_BATCH_SIZE, Trainer

CURVE: Final = Path("curve.json")
TEST: Final = Path("data/prepared/test")


class Observation:
    """Takes the place of the run in MLflow."""

    def __init__(self) -> None:
        self._began = psutil.Process().create_time()
        self._paused = 0.0
        self._curve: list[list[float]] = []

    def trainer(self, *arguments: Any, **named: Any) -> Trainer:  # noqa: ANN401 - passed on
        """Make the stage's trainer, and remember it."""
        self._trainer = Trainer(*arguments, **named)
        return self._trainer

    @contextmanager
    def run(self, _: object) -> Iterator["Observation"]:
        """Stand in for `tracking.live.training_run`."""
        yield self
        write_json(CURVE, {"paused": self._paused, "curve": self._curve})

    def log_step(self, step: int, metrics: dict[str, float]) -> None:
        """Gradient steps are not looked at."""

    def log_epoch(self, epoch: int, metrics: dict[str, float]) -> None:  # noqa: ARG002 - protocol
        """Note the test accuracy, with the clock stopped."""
        stopped = time.time()
        test = TokenStore.open(TEST)
        logits = predict_logits(self._trainer.result, test, VALIDATION_BATCH_SIZE)
        accuracy = float(np.mean((logits > 0) == (test.labels == 1)))
        self._curve.append([stopped - self._began - self._paused, accuracy])
        self._paused += time.time() - stopped


if __name__ == "__main__":
    observation = Observation()
    with (
        patch.object(train, "training_run", observation.run),
        patch.object(train, "Trainer", observation.trainer),
    ):
        run_stage(train.train)
