"""Small architectures for tests."""

from typing import Any

from imdb_rnn.config import Model


def model_shape(**changes: Any) -> Model:
    """A one-layer tanh RNN without dropout, with the given fields changed."""
    fields: dict[str, Any] = {
        "cell": "rnn",
        "nonlinearity": "tanh",
        "layers": 1,
        "hidden_size": 6,
        "bidirectional": False,
        "embedding_size": 5,
        "pooling": "last",
        "padding": "post",
        "mask_padding": True,
        "word_dropout": 0.0,
        "embedding_dropout": 0.0,
        "layer_dropout": 0.0,
        "output_dropout": 0.0,
        "initialization": "pytorch",
    }
    return Model.model_validate(fields | changes)
