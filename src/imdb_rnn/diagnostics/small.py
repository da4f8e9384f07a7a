"""Small networks that are taught in seconds, one decision apart from each other."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.config import Model, Params, Train
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.inference import predict_logits
from imdb_rnn.training.loop import Trainer

SMALL_CELLS: Final = {
    "tanh": {"cell": "rnn", "nonlinearity": "tanh"},
    "relu": {"cell": "rnn", "nonlinearity": "relu"},
    "gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
}
BATCH_SIZE: Final = 32
LEARNING_RATE: Final = 0.002
CLIP_NORM: Final = 1.0
_PREDICTED_AT_ONCE: Final = 250


def small_shape(params: Params, cell: str, **changes: object) -> Model:
    """One layer that reads forwards and is judged by its last state, without dropout.

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
    return Model.model_validate(params.model.model_dump() | fields | SMALL_CELLS[cell] | changes)


def as_large_as_plain(
    params: Params, cell: str, size: Callable[[Model], int], **changes: object
) -> Model:
    """A small shape with as many units as fit into the parameters of a tanh cell, at least one.

    Args:
        params: The tanh cell has `diagnostics.hidden_size` units.
        cell: A key of `SMALL_CELLS`.
        size: Parameters of the network of a shape.
        changes: Further fields of `Model`.
    """
    limit = size(small_shape(params, "tanh", **changes))
    units = range(1, params.diagnostics.hidden_size + 1)
    shapes = [small_shape(params, cell, hidden_size=n, **changes) for n in units]
    fitting = [shape for shape in shapes if size(shape) <= limit]
    return fitting[-1] if fitting else shapes[0]


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
        "batch_size": BATCH_SIZE,
        "max_grad_norm": CLIP_NORM,
        "bptt_steps": None,
        "ema_decay": 0.0,
    }
    train = Train.model_validate(params.train.model_dump() | settings | changes)
    return Trainer(classifier, TrainingSet.labelled(reviews), train, params.seed)


def accuracy(classifier: Classifier, reviews: TokenStore) -> float:
    """Share of labelled reviews that are called what they are."""
    logits = predict_logits(classifier, reviews, _PREDICTED_AT_ONCE)
    return float(np.mean((logits > 0) == (reviews.labels > 0)))


def last_words(store: TokenStore, chosen: NDArray[np.int64], words: int) -> TokenStore:
    """The last words, at most so many, of some reviews of a store."""
    return in_memory([store[i][-words:] for i in chosen], store.labels[chosen])


def in_memory(reviews: list[NDArray[np.int32]], labels: NDArray[np.int8]) -> TokenStore:
    """A store of reviews, int32 [words] each, that is nowhere on disk."""
    offsets = np.cumsum([0, *map(len, reviews)], dtype=np.int64)
    names = np.array([str(number) for number in range(len(reviews))])
    return TokenStore(np.concatenate(reviews), offsets, labels, names)
