"""The linear n-gram models of the stage `baseline`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from benchmarks.words import split_words


class Linear:
    """A scikit-learn pipeline from texts to classes.

    Args:
        model: Not fitted yet.
        settings: What it was built with.
    """

    def __init__(self, model: Pipeline, settings: dict[str, Any]) -> None:
        self._model = model
        self.settings = settings

    def fit(
        self,
        texts: Sequence[str],
        labels: NDArray[np.int64],
        after_epoch: Callable[[], None],  # noqa: ARG002 - a convex fit has no passes to tell of
    ) -> None:
        """Learn; see `Contestant`."""
        self._model.fit(texts, labels)

    def words_read(self, texts: Sequence[str]) -> int:
        """All of them; see `Contestant`."""
        return sum(len(split_words(text)) for text in texts)

    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities; see `Contestant`."""
        probabilities: NDArray[np.float64] = self._model.predict_proba(texts)[:, 1]
        return probabilities

    def save(self, folder: Path) -> None:
        """Write the model; see `Contestant`."""
        joblib.dump(self._model, folder / "model.joblib")
