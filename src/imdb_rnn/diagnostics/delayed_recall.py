"""How far back a cell remembers: recall a marked word after a delay.

A sequence is the mark, one of two words, and then as many random words as the delay is long, among
them the same two without the mark. The question is which word was marked; guessing is right half
of the time. Each delay is learned from the same first weights in the same number of steps, so that
a delay from which hardly any gradient comes back is learned late or never.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa

from imdb_rnn.config import Model, Params
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics.drawing import lines_by_cell
from imdb_rnn.diagnostics.small import (
    BATCH_SIZE,
    SMALL_CELLS,
    accuracy,
    as_large_as_plain,
    in_memory,
    small_trainer,
)
from imdb_rnn.diagnostics.study import Material, Outcome, Shown
from imdb_rnn.diagnostics.summaries import rounded
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.summary import parameter_count

SHORTEST_DELAY: Final = 5
TESTED: Final = 1000
"""Sequences an accuracy is counted on: its standard error is at most 0.016."""

_MARK: Final = 2
_CHOICES: Final = (3, 4)
_VOCABULARY_SIZE: Final = 10
_EMBEDDING_SIZE: Final = 16


_REMEMBERED: Final = 0.95


def run(material: Material) -> Outcome:
    """Teach every cell every delay: accuracy by delay."""
    found = {cell: recall(material.params, cell) for cell in SMALL_CELLS}
    lasting = longest(rounded(found), "accuracy", lambda accuracy: accuracy >= _REMEMBERED)
    finding = (
        f"The longest delay at which, as at all shorter ones, at least {_REMEMBERED:.0%} of the "
        f"marked words are recalled: {lasting}."
    )
    draw = partial(
        lines_by_cell,
        title="Recalling a marked word",
        reference=(0.5, "guessing"),
        xlabel="delay in steps",
        ylabel="accuracy",
        ylim=(0.4, 1.04),
    )
    shown = Shown(points(found, "accuracy", by="delay"), draw, finding)
    return Outcome({"delayed_recall": rounded(found)}, {"delayed_recall": shown})


def delays(params: Params) -> list[int]:
    """Each twice as long as the one before, up to `diagnostics.longest_delay`."""
    longest = params.diagnostics.longest_delay
    doublings = range(max(longest // SHORTEST_DELAY, 1).bit_length())
    return [SHORTEST_DELAY * 2**n for n in doublings]


def recall(params: Params, cell: str) -> dict[str, Any]:
    """Teach each delay to a network of its own and test it on other sequences.

    Args:
        params: A tanh cell has `diagnostics.hidden_size` units; of the others, as many as come
            to no more parameters.
        cell: A key of `small.SMALL_CELLS`.

    Returns:
        hidden_size, parameters, and accuracy, the share of right answers by delay in steps.
    """
    config = as_large_as_plain(
        params, cell, _size, embedding_size=_EMBEDDING_SIZE, initialization="orthogonal"
    )
    generator = np.random.default_rng([params.seed, 1])
    right = {}
    for delay in delays(params):
        classifier = Classifier(_VOCABULARY_SIZE, delay + 2, config, params.seed)
        learned = sequences(generator, params.diagnostics.probe_steps * BATCH_SIZE, delay)
        for _ in small_trainer(classifier, learned, params).epoch(1):
            pass
        right[str(delay)] = accuracy(classifier, sequences(generator, TESTED, delay))
    return {"hidden_size": config.hidden_size, "parameters": _size(config), "accuracy": right}


def sequences(generator: np.random.Generator, count: int, delay: int) -> TokenStore:
    """Sequences of 2 + delay tokens; the label says which of the two was marked."""
    tokens = generator.integers(_CHOICES[0], _VOCABULARY_SIZE, (count, 2 + delay)).astype(np.int32)
    labels = generator.integers(0, 2, count).astype(np.int8)
    tokens[:, 0] = _MARK
    tokens[:, 1] = np.array(_CHOICES)[labels]
    return in_memory(list(tokens), labels)


def _size(config: Model) -> int:
    return parameter_count(Classifier(_VOCABULARY_SIZE, 1, config))


def points(found: Mapping[str, Mapping[str, Any]], measure: str, by: str) -> pa.Table:
    """A column of steps, and for each cell one of what was measured after so many."""
    measured = {cell: numbers[measure] for cell, numbers in found.items()}
    steps = [int(number) for number in next(iter(measured.values()))]
    return pa.table(
        {by: steps} | {cell: list(values.values()) for cell, values in measured.items()}
    )


def longest(
    found: Mapping[str, Mapping[str, Any]], measure: str, succeeded: Callable[[float], bool]
) -> str:
    """Each cell, and up to where all numbers of steps, in order, were a success."""
    return ", ".join(
        f"{SMALL_CELLS[cell].title} {_longest(numbers[measure], succeeded)}"
        for cell, numbers in found.items()
    )


def _longest(measured: Mapping[str, float], succeeded: Callable[[float], bool]) -> str:
    lasting = "none"
    for steps, value in measured.items():
        if not succeeded(value):
            return lasting
        lasting = f"{steps} steps"
    return f"at least {lasting} (the longest tried)"
