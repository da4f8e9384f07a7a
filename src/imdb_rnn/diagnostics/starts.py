"""First weights of the recurrence, one choice varied at a time."""

from collections.abc import Callable
from typing import Final

import torch
from torch import nn

from imdb_rnn.diagnostics.flow import recurrence
from imdb_rnn.models.classifier import Classifier

Start = Callable[[nn.RNNBase], None]


def _orthogonal(cell: nn.RNNBase) -> None:
    """Keeps every norm (Saxe et al. 2014)."""
    nn.init.orthogonal_(_recurrent(cell))


def _xavier(cell: nn.RNNBase) -> None:
    """Entries of variance 1/hidden: singular values between 0 and 2 (Glorot & Bengio 2010)."""
    nn.init.xavier_normal_(_recurrent(cell))


def _identity(cell: nn.RNNBase) -> None:
    """A ReLU unit then hands its own state on as it is (Le, Jaitly & Hinton 2015)."""
    nn.init.eye_(_recurrent(cell))


def _normal(radius: float) -> Start:
    """Normal entries, scaled so that the spectral radius is near `radius` (the circular law)."""

    def start(cell: nn.RNNBase) -> None:
        nn.init.normal_(_recurrent(cell), std=radius / cell.hidden_size**0.5)

    return start


def _forget_bias(value: float) -> Start:
    """The LSTM keeps sigmoid(value) of its memory a step, before it has learned anything."""

    def start(cell: nn.RNNBase) -> None:
        # PyTorch's order of rows: input, forget, cell, output.
        dict(cell.named_parameters())["bias_ih_l0"].chunk(4)[1].fill_(value)

    return start


STARTS: Final[dict[str, dict[str, Start]]] = {
    "tanh": {
        "orthogonal": _orthogonal,
        "Xavier": _xavier,
        "normal, radius 0.5": _normal(0.5),
        "normal, radius 1.5": _normal(1.5),
    },
    "relu": {
        "identity": _identity,
        "orthogonal": _orthogonal,
        "Xavier": _xavier,
        "normal, radius 1.5": _normal(1.5),
    },
    "lstm": {
        "forget bias 0": _forget_bias(0.0),
        "forget bias 1": _forget_bias(1.0),
        "forget bias 3": _forget_bias(3.0),
    },
}
"""Cell -> name -> what is done to a cell that starts as `models.initialization.orthogonal` has it.

So the embeddings are small, the biases zero, and the recurrence is all that differs.
"""


@torch.no_grad()
def started(classifier: Classifier, start: Start, seed: int) -> Classifier:
    """The classifier, with the recurrence of its first layer started anew."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        start(recurrence(classifier))
    return classifier


def _recurrent(cell: nn.RNNBase) -> torch.Tensor:
    return dict(cell.named_parameters())["weight_hh_l0"]
