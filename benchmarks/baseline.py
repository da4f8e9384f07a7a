"""What a baseline has to be able to do, and how it and this project's models are measured."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import peak_bytes
from imdb_rnn.data.reviews import read_reviews
from imdb_rnn.errors import UserError

RAW: Final = Path("data/raw")
SINGLE_REVIEWS: Final = 100
MEGABYTE: Final = 1e6
EVEN_ODDS: Final = 0.5


@dataclass(frozen=True)
class Reviews:
    """The labelled reviews as every baseline gets them, in memory."""

    texts: list[str]
    labels: NDArray[np.int64]
    """[reviews]: 1 positive, 0 negative."""

    @classmethod
    def read(cls, split: str) -> "Reviews":
        """Read the labelled reviews of `train` or `test`.

        Raises:
            UserError: They are not there.
        """
        path = RAW / f"{split}.parquet"
        if not path.exists():
            raise UserError(f"{path}: no reviews yet. `dvc repro download` gets them.")
        table = read_reviews(path)
        return cls(table["text"].to_pylist(), table["label"].to_numpy().astype(np.int64))


class Baseline(Protocol):
    """A text classifier with all its preprocessing."""

    def fit(
        self, texts: Sequence[str], labels: NDArray[np.int64], after_epoch: Callable[[], None]
    ) -> None:
        """Learn from raw texts, and call `after_epoch` whenever a pass over them is done."""

    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probability that each text is positive, [texts]."""

    def save(self, folder: Path) -> None:
        """Write whatever `predict` needs into an empty folder."""


def measure(baseline: Baseline, train: Reviews, test: Reviews) -> dict[str, Any]:
    """Let a baseline learn and predict the test reviews.

    The test accuracy after each pass is looked at for the curve alone, with the clock stopped;
    nothing is chosen by it.

    Returns:
        The fields of a row in `reports/benchmark.json`.
    """
    curve: list[list[float]] = []
    paused, began = 0.0, time.perf_counter()

    def look() -> None:
        nonlocal paused
        stopped = time.perf_counter()
        curve.append([stopped - began - paused, _accuracy(baseline.predict(test.texts), test)])
        paused += time.perf_counter() - stopped

    baseline.fit(train.texts, train.labels, look)
    seconds = time.perf_counter() - began - paused
    with tempfile.TemporaryDirectory() as folder:
        baseline.save(Path(folder))
        return evaluated(baseline.predict, test, seconds, curve, Path(folder))


def evaluated(
    predict: Callable[[Sequence[str]], NDArray[Any]],
    test: Reviews,
    train_seconds: float,
    curve: list[list[float]],
    model: Path,
) -> dict[str, Any]:
    """How well and how fast a trained model judges the test reviews.

    Args:
        predict: Texts to probabilities.
        test: The reviews.
        train_seconds: What its training took.
        curve: Seconds and test accuracy after each pass; empty where the model tells of none.
        model: Folder of the saved model.
    """
    began = time.perf_counter()
    accuracy = _accuracy(predict(test.texts), test)
    test_seconds = time.perf_counter() - began
    return {
        "accuracy": accuracy,
        "train_seconds": train_seconds,
        "total_seconds": train_seconds + test_seconds,
        "peak_mb": peak_bytes() / MEGABYTE,
        "model_mb": sum(f.stat().st_size for f in model.rglob("*") if f.is_file()) / MEGABYTE,
        "reviews_per_second": len(test.texts) / test_seconds,
        "latency_ms": _latency_ms(predict, test.texts),
        "curve": curve or [[train_seconds, accuracy]],
    }


def _latency_ms(predict: Callable[[Sequence[str]], NDArray[Any]], texts: Sequence[str]) -> float:
    """Median time for a single review, over some spread evenly among `texts`."""
    chosen = texts[:: max(1, len(texts) // SINGLE_REVIEWS)][:SINGLE_REVIEWS]
    predict(chosen[:1])  # the first call may compile
    seconds = []
    for text in chosen:
        began = time.perf_counter()
        predict([text])
        seconds.append(time.perf_counter() - began)
    return 1000 * median(seconds)


def _accuracy(probabilities: NDArray[Any], test: Reviews) -> float:
    return float(np.mean((probabilities > EVEN_ODDS) == (test.labels == 1)))
