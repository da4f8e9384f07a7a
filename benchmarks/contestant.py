"""What a contestant has to be able to do, and how all of them are measured."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.memory import peak_bytes
from benchmarks.reviews import Reviews

MILESTONES: Final = (0.88, 0.90, 0.918)
"""Test accuracies; the last is just above where the NB-weighted n-grams end."""
SINGLE_REVIEWS: Final = 100
MEGABYTE: Final = 1e6

Result = TypeVar("Result")


class Contestant(Protocol):
    """A text classifier with all its preprocessing."""

    settings: dict[str, Any]
    """What it was run with, for the record."""

    def fit(
        self, texts: Sequence[str], labels: NDArray[np.int64], after_epoch: Callable[[], None]
    ) -> None:
        """Learn from raw texts, and call `after_epoch` whenever a pass over them is done."""

    def words_read(self, texts: Sequence[str]) -> int:
        """Number of words that `fit` read of the texts, all passes together, without padding."""

    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probability that each text is positive, [texts]."""

    def save(self, folder: Path) -> None:
        """Write whatever `predict` needs into an empty folder."""


class Clock:
    """Seconds since it was made, without the pauses."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Time that has passed."""
        return time.perf_counter() - self._began

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stand still meanwhile."""
        stopped = time.perf_counter()
        yield
        self._began += time.perf_counter() - stopped


def measure(contestant: Contestant, train: Reviews, test: Reviews) -> dict[str, Any]:
    """Let a contestant learn and judge the test reviews.

    The test accuracy after each pass is looked at for the curve alone, with the clock stopped;
    nothing is chosen by it.

    Returns:
        The fields of `docs/benchmarks.md`.
    """
    curve: list[list[float]] = []
    clock = Clock()

    def look() -> None:
        with clock.paused():
            curve.append([clock.seconds, _accuracy(contestant.predict(test.texts), test)])

    contestant.fit(train.texts, train.labels, look)
    train_seconds = clock.seconds
    probabilities, test_seconds = timed(lambda: contestant.predict(test.texts))
    accuracy = _accuracy(probabilities, test)
    curve = curve or [[train_seconds, accuracy]]
    return {
        "accuracy": accuracy,
        "train_seconds": train_seconds,
        "total_seconds": train_seconds + test_seconds,
        "seconds_to": milestones(curve),
        "peak_mb": peak_bytes() / MEGABYTE,
        "model_mb": _size_mb(contestant),
        "reviews_per_second": len(test.texts) / test_seconds,
        "latency_ms": latency_ms(contestant.predict, test.texts),
        "tokens_per_second": contestant.words_read(train.texts) / train_seconds,
        "curve": curve,
        "settings": contestant.settings,
    }


def milestones(curve: Sequence[Sequence[float]]) -> dict[str, float | None]:
    """Seconds of training until the test accuracy first was as high; None if it never was."""
    return {
        str(milestone): next(
            (seconds for seconds, accuracy in curve if accuracy >= milestone), None
        )
        for milestone in MILESTONES
    }


def latency_ms(predict: Callable[[Sequence[str]], NDArray[Any]], texts: Sequence[str]) -> float:
    """Median time for a single review, over some spread evenly among `texts`."""
    chosen = texts[:: max(1, len(texts) // SINGLE_REVIEWS)][:SINGLE_REVIEWS]
    predict(chosen[:1])  # the first call may compile
    return 1000 * median(timed(partial(predict, [text]))[1] for text in chosen)


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """The result of some work, and the seconds it took."""
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def folder_mb(folder: Path) -> float:
    """Size of all files in a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / MEGABYTE


def _size_mb(contestant: Contestant) -> float:
    with tempfile.TemporaryDirectory() as folder:
        contestant.save(Path(folder))
        return folder_mb(Path(folder))


def _accuracy(probabilities: NDArray[np.float64], test: Reviews) -> float:
    return float(np.mean((probabilities > 0.5) == (test.labels == 1)))  # noqa: PLR2004 - even odds
