"""How far back a cell adds: the adding problem of Hochreiter & Schmidhuber 1997.

Each step of a sequence brings a number between 0 and 1, and a mark or none. Two steps are marked,
one in each half, and at the end the sum of their numbers is asked for. The recall asks for one of
two words; here the state has to hold a number, and to change it once.
"""

from typing import Final, NamedTuple

import torch
from torch import nn
from torch.nn.functional import mse_loss
from torch.nn.utils import clip_grad_norm_

from imdb_rnn.config import Model, Params
from imdb_rnn.diagnostics.delayed_recall import TESTED, delays
from imdb_rnn.diagnostics.small import BATCH_SIZE, CLIP_NORM, as_large_as_plain
from imdb_rnn.models.initialization import orthogonal
from imdb_rnn.models.recurrent import RecurrentLayer
from imdb_rnn.models.summary import parameter_count

ALWAYS_ONE: Final = 1 / 6
"""Mean squared error of who always answers 1: the variance of a sum of two such numbers."""

_LEARNING_RATE: Final = 0.005


class Adding(NamedTuple):
    """How well a cell adds."""

    hidden_size: int
    parameters: int
    error: dict[int, float]
    """Mean squared error by length of the sequence in steps."""


def add(params: Params, cell: str) -> Adding:
    """Teach each length to a network of its own and test it on other sequences.

    Args:
        params: Lengths and steps are those of the recall; a tanh cell has
            `diagnostics.hidden_size` units, of the others as many as come to no more parameters.
        cell: A key of `small.SMALL_CELLS`.
    """
    shape = as_large_as_plain(params, cell, lambda shape: parameter_count(_Adder(shape, 0)))
    random = torch.Generator().manual_seed(params.seed)
    error = {}
    for length in delays(params):
        adder = _Adder(shape, params.seed)
        _teach(adder, length, params.diagnostics.probe_steps, random)
        error[length] = _error(adder, *sequences(random, TESTED, length))
    return Adding(shape.hidden_size, parameter_count(adder), error)


def sequences(
    random: torch.Generator, count: int, length: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Numbers and marks, float32 [length, count, 2], and the sums, float32 [count].

    Args:
        random: Source of numbers and places.
        count: Number of sequences.
        length: Steps, at least 2.
    """
    numbers = torch.rand(length, count, generator=random)
    half = length // 2
    first = torch.randint(0, half, (1, count), generator=random)
    second = torch.randint(half, length, (1, count), generator=random)
    places = torch.cat([first, second])
    marks = torch.zeros_like(numbers).scatter_(0, places, 1)
    return torch.stack([numbers, marks], dim=-1), numbers.gather(0, places).sum(0)


class _Adder(nn.Module):
    """A recurrent layer whose last state gives a number."""

    def __init__(self, shape: Model, seed: int) -> None:
        super().__init__()
        # PyTorch's modules draw their first weights from its global generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layer = RecurrentLayer(2, shape)
            self.output = nn.Linear(shape.hidden_size, 1)
            orthogonal(self)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The answer to each sequence, [count], from inputs [length, count, 2]."""
        length, count, _ = inputs.shape
        states = self.layer(inputs, torch.full((count,), length))
        answers: torch.Tensor = self.output(states[-1])
        return answers.squeeze(-1)


def _teach(adder: _Adder, length: int, steps: int, random: torch.Generator) -> None:
    optimizer = torch.optim.Adam(adder.parameters(), lr=_LEARNING_RATE)
    for _ in range(steps):
        inputs, sums = sequences(random, BATCH_SIZE, length)
        optimizer.zero_grad()
        mse_loss(adder(inputs), sums).backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
        clip_grad_norm_(adder.parameters(), CLIP_NORM)
        optimizer.step()


@torch.inference_mode()
def _error(adder: _Adder, inputs: torch.Tensor, sums: torch.Tensor) -> float:
    return mse_loss(adder(inputs), sums).item()
