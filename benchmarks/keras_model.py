"""A network as Keras users write it, after the code example "Bidirectional LSTM on IMDB"."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.words import WordIds

# Keras and TensorFlow read them when they are imported.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

VOCABULARY_SIZE: Final = 20_000
WIDTH: Final = 200
BATCH_SIZE: Final = 32


def bidirectional_lstm() -> keras.Model:
    """Two bidirectional LSTM layers on token ids [batch, time]."""
    inputs = keras.Input(shape=(None,), dtype="int32")
    features = keras.layers.Embedding(VOCABULARY_SIZE, 128)(inputs)
    features = keras.layers.Bidirectional(keras.layers.LSTM(64, return_sequences=True))(features)
    features = keras.layers.Bidirectional(keras.layers.LSTM(64))(features)
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(features))


class Keras:
    """The network as a baseline.

    Args:
        seed: Of all its random numbers.
        epochs: Passes over the reviews.
    """

    def __init__(self, seed: int, epochs: int = 2) -> None:
        self._epochs = epochs
        keras.utils.set_random_seed(seed)
        self._model = bidirectional_lstm()
        self._model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])

    def fit(
        self, texts: Sequence[str], labels: NDArray[np.int64], after_epoch: Callable[[], None]
    ) -> None:
        """Learn; see `Baseline`."""
        self._words = WordIds(texts, VOCABULARY_SIZE)
        tokens = self._tokens(texts)
        for _ in range(self._epochs):
            self._model.fit(tokens, labels, batch_size=BATCH_SIZE, verbose=0)
            after_epoch()

    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities; see `Baseline`."""
        if len(texts) == 1:  # Keras' advice for small numbers: `predict` sets up a loop first
            answer = self._model.predict_on_batch(self._tokens(texts))
        else:
            answer = self._model.predict(self._tokens(texts), batch_size=256, verbose=0)
        return np.asarray(answer, dtype=np.float64)[:, 0]

    def save(self, folder: Path) -> None:
        """Write weights and words; see `Baseline`."""
        # Keras' own formats add the optimizer's state, twice as much again.
        np.savez(folder / "weights.npz", *self._model.get_weights())
        (folder / "words.txt").write_text("\n".join(self._words.ids), encoding="utf-8")

    def _tokens(self, texts: Sequence[str]) -> NDArray[np.int32]:
        # The code example leaves padding to `pad_sequences`, which puts it in front.
        return self._words.rectangle(texts, WIDTH, "pre").astype(np.int32)
