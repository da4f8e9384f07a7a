"""fastText: a linear classifier on averaged vectors of words and hashed word pairs."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
from numpy.typing import NDArray

from benchmarks.words import split_words

LABEL = "__label__"


class FastText:
    """fastText as a contestant, with the vectors and pairs of Joulin et al. 2016 (section 3.1).

    Args:
        epochs: Passes over the reviews.
        seed: Of its random numbers; with several threads it does not fix the result.
        threads: That train at once.
    """

    def __init__(self, epochs: int, seed: int, threads: int) -> None:
        self.settings: dict[str, Any] = {
            "dim": 10,
            "wordNgrams": 2,
            "lr": 0.25,
            "epoch": epochs,
            "thread": threads,
            "seed": seed,
        }
        self._epochs = epochs

    def fit(
        self,
        texts: Sequence[str],
        labels: NDArray[np.int64],
        after_epoch: Callable[[], None],  # noqa: ARG002 - fastText does not tell of its passes
    ) -> None:
        """Learn; see `Contestant`."""
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
            file.writelines(
                f"{LABEL}{label} {_line(text)}\n" for label, text in zip(labels, texts, strict=True)
            )
            file.flush()
            self._model = fasttext.train_supervised(file.name, verbose=0, **self.settings)

    def words_read(self, texts: Sequence[str]) -> int:
        """All of them, in each pass; see `Contestant`."""
        return sum(len(split_words(text)) for text in texts) * self._epochs

    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities; see `Contestant`."""
        labels, probabilities = self._model.predict([_line(text) for text in texts])
        best = np.array([row[0] for row in probabilities], dtype=np.float64)
        return np.where([row[0] == f"{LABEL}1" for row in labels], best, 1 - best)

    def save(self, folder: Path) -> None:
        """Write the model; see `Contestant`."""
        self._model.save_model(str(folder / "model.bin"))


def _line(text: str) -> str:
    return " ".join(split_words(text))
