"""How far back a cell adds: the adding problem of Hochreiter & Schmidhuber 1997.

Each step of a sequence brings a number between 0 and 1, and a mark or none. Two steps are marked,
one in each half, and at the end the sum of their numbers is asked for. The delayed recall asks
for one of two words; here the state has to hold a number, and to change it once.
"""

from functools import partial
from typing import Any, Final

import torch
from torch import nn
from torch.nn.functional import mse_loss
from torch.nn.utils import clip_grad_norm_

from imdb_rnn.config import Model, Params
from imdb_rnn.diagnostics.delayed_recall import TESTED, delays, longest, points
from imdb_rnn.diagnostics.drawing import lines_by_cell
from imdb_rnn.diagnostics.small import BATCH_SIZE, MAX_GRAD_NORM, SMALL_CELLS, as_large_as_plain
from imdb_rnn.diagnostics.study import Material, Outcome, Shown
from imdb_rnn.diagnostics.summaries import rounded
from imdb_rnn.models.initialization import orthogonal
from imdb_rnn.models.recurrent import RecurrentLayer
from imdb_rnn.models.summary import parameter_count

ALWAYS_ONE: Final = 1 / 6
"""Mean squared error of who always answers 1: the variance of a sum of two such numbers."""

_LEARNING_RATE: Final = 0.005
_ADDED: Final = 0.02


def run(material: Material) -> Outcome:
    """Teach every cell every length: error by length."""
    found = {cell: add(material.params, cell) for cell in SMALL_CELLS}
    lasting = longest(rounded(found), "mean_squared_error", lambda error: error <= _ADDED)
    finding = (
        "The longest sequence for which, as for all shorter ones, the mean squared error of the "
        f"sum is at most {_ADDED} (always answering 1 has 0.167): {lasting}."
    )
    draw = partial(
        lines_by_cell,
        title="Adding two marked numbers",
        reference=(ALWAYS_ONE, "always 1"),
        xlabel="length in steps",
        ylabel="mean squared error",
        yscale="log",
    )
    shown = Shown(points(found, "mean_squared_error", by="length"), draw, finding)
    return Outcome({"adding": rounded(found)}, {"adding": shown})


def add(params: Params, cell: str) -> dict[str, Any]:
    """Teach each length to a network of its own and test it on other sequences.

    Args:
        params: Lengths and steps are those of the delayed recall; a tanh cell has
            `diagnostics.hidden_size` units, of the others as many as have no more parameters.
        cell: A key of `small.SMALL_CELLS`.

    Returns:
        hidden_size, parameters, and mean_squared_error by length of the sequence in steps.
    """
    config = as_large_as_plain(params, cell, lambda one: parameter_count(_Adder(one, 0)))
    generator = torch.Generator().manual_seed(params.seed)
    error = {}
    for length in delays(params):
        adder = _Adder(config, params.seed)
        _teach(adder, length, params.diagnostics.probe_steps, generator)
        error[str(length)] = _error(adder, *sequences(generator, TESTED, length))
    return {
        "hidden_size": config.hidden_size,
        "parameters": parameter_count(adder),
        "mean_squared_error": error,
    }


def sequences(
    generator: torch.Generator, count: int, length: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Numbers and marks, float32 [length, count, 2], and the sums, float32 [count].

    Args:
        generator: Source of numbers and places.
        count: Number of sequences.
        length: Steps, at least 2.
    """
    numbers = torch.rand(length, count, generator=generator)
    half = length // 2
    first = torch.randint(0, half, (1, count), generator=generator)
    second = torch.randint(half, length, (1, count), generator=generator)
    places = torch.cat([first, second])
    marks = torch.zeros_like(numbers).scatter_(0, places, 1)
    return torch.stack([numbers, marks], dim=-1), numbers.gather(0, places).sum(0)


class _Adder(nn.Module):
    """A recurrent layer whose last state gives a number."""

    def __init__(self, config: Model, seed: int) -> None:
        super().__init__()
        # PyTorch's modules draw their first weights from its global generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layer = RecurrentLayer(2, config)
            self.output = nn.Linear(config.hidden_size, 1)
            orthogonal(self)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """The answer to each sequence, [count], from inputs [length, count, 2]."""
        length, count, _ = inputs.shape
        states = self.layer(inputs, torch.full((count,), length))
        answers: torch.Tensor = self.output(states[-1])
        return answers.squeeze(-1)


def _teach(adder: _Adder, length: int, steps: int, generator: torch.Generator) -> None:
    optimizer = torch.optim.Adam(adder.parameters(), lr=_LEARNING_RATE)
    for _ in range(steps):
        inputs, sums = sequences(generator, BATCH_SIZE, length)
        optimizer.zero_grad()
        mse_loss(adder(inputs), sums).backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
        clip_grad_norm_(adder.parameters(), MAX_GRAD_NORM)
        optimizer.step()


@torch.inference_mode()
def _error(adder: _Adder, inputs: torch.Tensor, sums: torch.Tensor) -> float:
    return mse_loss(adder(inputs), sums).item()
