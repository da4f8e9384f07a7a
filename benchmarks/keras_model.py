"""Recurrent networks as Keras users write them."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.words import PADDING, WordIds

# Keras and TensorFlow read them when they are imported.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

WIDTH: Final = 200
BATCH_SIZE: Final = 32
VOCABULARY_SIZE: Final = {"bidirectional-lstm": 20_000, "simple-rnn": 10_000}

Architecture = Literal["bidirectional-lstm", "simple-rnn"]


def bidirectional_lstm() -> keras.Model:
    """Two bidirectional LSTM layers, after Keras' code example "Bidirectional LSTM on IMDB"."""
    inputs = keras.Input(shape=(None,), dtype="int32")
    features = keras.layers.Embedding(VOCABULARY_SIZE["bidirectional-lstm"], 128)(inputs)
    features = keras.layers.Bidirectional(keras.layers.LSTM(64, return_sequences=True))(features)
    features = keras.layers.Bidirectional(keras.layers.LSTM(64))(features)
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(features))


def simple_rnn() -> keras.Model:
    """The notebook's network in Keras."""
    return keras.Sequential(
        [
            keras.layers.Embedding(VOCABULARY_SIZE["simple-rnn"], 128),
            keras.layers.SimpleRNN(128),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


class Keras:
    """A Keras network as a contestant.

    Args:
        architecture: Which one.
        epochs: Passes over the reviews.
        seed: Of all its random numbers.
    """

    def __init__(self, architecture: Architecture, epochs: int, seed: int) -> None:
        # The code example leaves padding to `pad_sequences`, which puts it in front.
        self._side: Literal["post", "pre"] = "post" if architecture == "simple-rnn" else "pre"
        self._size = VOCABULARY_SIZE[architecture]
        self._epochs = epochs
        self.settings: dict[str, Any] = {
            "backend": keras.backend.backend(),
            "vocabulary_size": self._size,
            "width": WIDTH,
            "padding": self._side,
            "batch_size": BATCH_SIZE,
            "epochs": epochs,
            "seed": seed,
        }
        keras.utils.set_random_seed(seed)
        self._model = simple_rnn() if architecture == "simple-rnn" else bidirectional_lstm()
        self._model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])

    def fit(
        self, texts: Sequence[str], labels: NDArray[np.int64], after_epoch: Callable[[], None]
    ) -> None:
        """Learn; see `Contestant`."""
        self._words = WordIds(texts, self._size)
        tokens = self._tokens(texts)
        for _ in range(self._epochs):
            self._model.fit(tokens, labels, batch_size=BATCH_SIZE, verbose=0)
            after_epoch()

    def words_read(self, texts: Sequence[str]) -> int:
        """The last ones of each text, in each pass; see `Contestant`."""
        return int((self._tokens(texts) != PADDING).sum()) * self._epochs

    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities; see `Contestant`."""
        if len(texts) == 1:  # Keras' advice for small numbers: `predict` sets up a loop first
            answer = self._model.predict_on_batch(self._tokens(texts))
        else:
            answer = self._model.predict(self._tokens(texts), batch_size=256, verbose=0)
        return np.asarray(answer, dtype=np.float64)[:, 0]

    def save(self, folder: Path) -> None:
        """Write weights and words; see `Contestant`."""
        # Keras' own formats add the optimizer's state, twice as much again.
        np.savez(folder / "weights.npz", *self._model.get_weights())
        (folder / "words.txt").write_text("\n".join(self._words.ids), encoding="utf-8")

    def _tokens(self, texts: Sequence[str]) -> NDArray[np.int32]:
        return self._words.rectangle(texts, WIDTH, self._side).astype(np.int32)
