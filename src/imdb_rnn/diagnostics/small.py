"""Small networks that are taught in seconds, one decision apart from each other."""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from imdb_rnn.config import Model, Params, Train
from imdb_rnn.data.classes import targets_of
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.head import is_right
from imdb_rnn.models.inference import predict_logits
from imdb_rnn.training.loop import Trainer


class SmallCell(NamedTuple):
    """A cell that is compared with others, and how figures show it."""

    fields: Mapping[str, str]
    """Of `Model`."""
    title: str
    color: str
    marker: str
    line: str


SMALL_CELLS: Final = {
    "tanh": SmallCell({"cell": "rnn", "nonlinearity": "tanh"}, "tanh RNN", "#e07b28", "o", "-"),
    "relu": SmallCell({"cell": "rnn", "nonlinearity": "relu"}, "ReLU RNN", "#b2473e", "s", "--"),
    "gru": SmallCell({"cell": "gru"}, "GRU", "#3f8f6b", "^", "-."),
    "lstm": SmallCell({"cell": "lstm"}, "LSTM", "#1f5fa8", "D", ":"),
}
BATCH_SIZE: Final = 32
LEARNING_RATE: Final = 0.002
MAX_GRAD_NORM: Final = 1.0
_PREDICTED_AT_ONCE: Final = 250


def small_config(params: Params, cell: str, **changes: object) -> Model:
    """One layer that reads forwards and is classified by its last state, without dropout.

    Args:
        params: The cell's size is that of `diagnostics`.
        cell: A key of `SMALL_CELLS`.
        changes: Further fields of `Model`.
    """
    size = params.diagnostics.hidden_size
    fields = {
        "layers": 1,
        "hidden_size": size,
        "bidirectional": False,
        "embedding_size": size,
        "pooling": "last",
        "padding": "post",
        "mask_padding": True,
        "word_dropout": 0.0,
        "embedding_dropout": 0.0,
        "layer_dropout": 0.0,
        "output_dropout": 0.0,
        "initialization": "pytorch",
    }
    of_cell = dict(SMALL_CELLS[cell].fields)
    return Model.model_validate(params.model.model_dump() | fields | of_cell | changes)


def as_large_as_plain(
    params: Params, cell: str, size: Callable[[Model], int], **changes: object
) -> Model:
    """A small network with as many units as fit into a tanh cell's parameters, at least one.

    Args:
        params: The tanh cell has `diagnostics.hidden_size` units.
        cell: A key of `SMALL_CELLS`.
        size: Parameters of the network that a configuration describes.
        changes: Further fields of `Model`.
    """
    limit = size(small_config(params, "tanh", **changes))
    units = range(1, params.diagnostics.hidden_size + 1)
    configs = [small_config(params, cell, hidden_size=n, **changes) for n in units]
    fitting = [config for config in configs if size(config) <= limit]
    return fitting[-1] if fitting else configs[0]


def small_trainer(
    classifier: Classifier, reviews: TokenStore, params: Params, **changes: object
) -> Trainer:
    """Adam at a constant rate, clipped, for `diagnostics.epochs`.

    Args:
        classifier: Changed in place.
        reviews: Labelled.
        params: Of the diagnostics and of the seed.
        changes: Other fields of `Train`.
    """
    settings = {
        "optimizer": "adam",
        "learning_rate": LEARNING_RATE,
        "weight_decay": 0.0,
        "schedule": "constant",
        "warmup": 0.0,
        "epochs": params.diagnostics.epochs,
        "min_steps": 0,
        "batch_size": BATCH_SIZE,
        "max_grad_norm": MAX_GRAD_NORM,
        "bptt_steps": None,
        "ema_decay": 0.0,
    }
    train = Train.model_validate(params.train.model_dump() | settings | changes)
    learned = TrainingSet.labelled(reviews, classifier.classes)
    return Trainer(classifier, learned, train, params.seed)


def accuracy(classifier: Classifier, reviews: TokenStore) -> float:
    """Share of labelled reviews that are called what they are."""
    logits = torch.from_numpy(predict_logits(classifier, reviews, _PREDICTED_AT_ONCE))
    targets = torch.from_numpy(targets_of(reviews.labels, classifier.classes))
    return float(np.mean(is_right(logits, targets).numpy()))


def last_words(store: TokenStore, chosen: NDArray[np.int64], words: int) -> TokenStore:
    """The last words, at most so many, of some reviews of a store."""
    return in_memory([store[i][-words:] for i in chosen], store.labels[chosen])


def in_memory(reviews: list[NDArray[np.int32]], labels: NDArray[np.int8]) -> TokenStore:
    """A store of reviews, int32 [words] each, that is nowhere on disk."""
    offsets = np.cumsum([0, *map(len, reviews)], dtype=np.int64)
    names = np.array([str(number) for number in range(len(reviews))])
    tokens = np.concatenate([np.zeros(0, np.int32), *reviews])
    return TokenStore(tokens, offsets, labels, names)
