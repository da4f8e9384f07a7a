"""How far back a cell remembers: recall a marked word after a delay.

A sequence is the mark, one of two words, and then as many random words as the delay is long, among
them the same two without the mark. The question is which word was marked; guessing is right half
of the time. Each delay is learned from the same first weights in the same number of steps, so that
a delay from which hardly any gradient comes back is learned late or never.
"""

from typing import Final, NamedTuple

import numpy as np

from imdb_rnn.config import Model, Params
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics.small import (
    BATCH_SIZE,
    accuracy,
    as_large_as_plain,
    in_memory,
    small_trainer,
)
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.summary import parameter_count

SHORTEST_DELAY: Final = 5
TESTED: Final = 1000
"""Sequences an accuracy is counted on: its standard error is at most 0.016."""

_MARK: Final = 2
_CHOICES: Final = (3, 4)
_VOCABULARY_SIZE: Final = 10
_EMBEDDING_SIZE: Final = 16


class Recall(NamedTuple):
    """What a cell remembers."""

    hidden_size: int
    parameters: int
    accuracy: dict[int, float]
    """Share of right answers by delay in steps."""


def delays(params: Params) -> list[int]:
    """Each twice as long as the one before, up to `diagnostics.longest_delay`."""
    longest = params.diagnostics.longest_delay
    doublings = range(max(longest // SHORTEST_DELAY, 1).bit_length())
    return [SHORTEST_DELAY * 2**n for n in doublings]


def recall(params: Params, cell: str) -> Recall:
    """Teach each delay to a network of its own and test it on other sequences.

    Args:
        params: A tanh cell has `diagnostics.hidden_size` units; of the others, as many as come
            to no more parameters.
        cell: A key of `small.SMALL_CELLS`.
    """
    shape = as_large_as_plain(
        params, cell, _size, embedding_size=_EMBEDDING_SIZE, initialization="orthogonal"
    )
    random = np.random.default_rng([params.seed, 1])
    right = {}
    for delay in delays(params):
        classifier = Classifier(_VOCABULARY_SIZE, delay + 2, shape, params.seed)
        learned = sequences(random, params.diagnostics.probe_steps * BATCH_SIZE, delay)
        for _ in small_trainer(classifier, learned, params).epoch(1):
            pass
        right[delay] = accuracy(classifier, sequences(random, TESTED, delay))
    return Recall(shape.hidden_size, _size(shape), right)


def sequences(random: np.random.Generator, count: int, delay: int) -> TokenStore:
    """Sequences of 2 + delay words; the label says which of the two words was marked."""
    words = random.integers(_CHOICES[0], _VOCABULARY_SIZE, (count, 2 + delay)).astype(np.int32)
    labels = random.integers(0, 2, count).astype(np.int8)
    words[:, 0] = _MARK
    words[:, 1] = np.array(_CHOICES)[labels]
    return in_memory(list(words), labels)


def _size(shape: Model) -> int:
    return parameter_count(Classifier(_VOCABULARY_SIZE, 1, shape))
