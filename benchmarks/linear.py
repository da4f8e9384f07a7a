"""Linear baselines: the n-gram models of the stage `baseline`, and fastText."""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import joblib
import numpy as np
from numpy.typing import NDArray

from benchmarks.words import split_words
from imdb_rnn.config import load_params
from imdb_rnn.features.ngram_models import nb_model, tfidf_model

LABEL = "__label__"


class Linear:
    """A scikit-learn pipeline from texts to classes.

    Args:
        kind: Whose settings in `params.yaml` it takes.
        seed: Not used: nothing is drawn.
    """

    def __init__(self, kind: Literal["tfidf", "nb"], seed: int) -> None:  # noqa: ARG002
        settings = load_params().baseline
        self._model = tfidf_model(settings.tfidf) if kind == "tfidf" else nb_model(settings.nb)

    def fit(
        self,
        texts: Sequence[str],
        labels: NDArray[np.int64],
        after_epoch: Callable[[], None],  # noqa: ARG002 - a convex fit has no passes to tell of
    ) -> None:
        """Learn; see `Baseline`."""
        self._model.fit(texts, labels)

    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities; see `Baseline`."""
        probabilities: NDArray[np.float64] = self._model.predict_proba(texts)[:, 1]
        return probabilities

    def save(self, folder: Path) -> None:
        """Write the model; see `Baseline`."""
        joblib.dump(self._model, folder / "model.joblib")


class FastText:
    """Averaged vectors of words and hashed word pairs, as in Joulin et al. 2016 (section 3.1).

    Args:
        epochs: Passes over the reviews.
        seed: Of its random numbers; with several threads it does not fix the result.
    """

    def __init__(self, epochs: int, seed: int) -> None:
        affinity = getattr(os, "sched_getaffinity", None)  # not on macOS
        threads = len(affinity(0)) if affinity else os.cpu_count() or 1
        self._settings: dict[str, Any] = {"epoch": epochs, "seed": seed, "thread": threads}

    def fit(
        self,
        texts: Sequence[str],
        labels: NDArray[np.int64],
        after_epoch: Callable[[], None],  # noqa: ARG002 - fastText does not tell of its passes
    ) -> None:
        """Learn; see `Baseline`."""
        import fasttext

        with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
            file.writelines(
                f"{LABEL}{label} {_line(text)}\n" for label, text in zip(labels, texts, strict=True)
            )
            file.flush()
            self._model = fasttext.train_supervised(
                file.name, verbose=0, dim=10, wordNgrams=2, lr=0.25, **self._settings
            )

    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities; see `Baseline`."""
        labels, probabilities = self._model.predict([_line(text) for text in texts])
        best = np.array([row[0] for row in probabilities], dtype=np.float64)
        return np.where([row[0] == f"{LABEL}1" for row in labels], best, 1 - best)

    def save(self, folder: Path) -> None:
        """Write the model; see `Baseline`."""
        self._model.save_model(str(folder / "model.bin"))


def _line(text: str) -> str:
    return " ".join(split_words(text))
