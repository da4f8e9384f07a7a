"""What the trained classifier makes of a part of each review, and of its words in another order."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics.small import accuracy, in_memory
from imdb_rnn.models.classifier import Classifier

WINDOWS: Final = (10, 25, 50, 100)
"""Lengths in words."""
PLACES: Final = ("first", "middle", "last")


class PartAccuracies(NamedTuple):
    """Accuracies of one classifier on the same reviews."""

    whole: float
    shuffled: float
    """The words of each review in random order, which a classifier taught on order never met."""
    parts: dict[str, dict[int, float]]
    """By place, then by length of the window; a shorter review is read whole."""


def read_parts(classifier: Classifier, reviews: TokenStore, seed: int) -> PartAccuracies:
    """Judge whole reviews, shuffled ones, and windows of them.

    Args:
        classifier: In evaluation mode.
        reviews: Labelled.
        seed: Of the order of shuffled words.
    """
    random = np.random.default_rng([seed, 2])
    words = [reviews[i] for i in range(len(reviews))]

    def accuracy_on(read: list[NDArray[np.int32]]) -> float:
        return accuracy(classifier, in_memory(read, reviews.labels))

    return PartAccuracies(
        accuracy_on(words),
        accuracy_on([random.permutation(review) for review in words]),
        {
            place: {
                length: accuracy_on([window(review, place, length) for review in words])
                for length in WINDOWS
            }
            for place in PLACES
        },
    )


def window(review: NDArray[np.int32], place: str, length: int) -> NDArray[np.int32]:
    """The first, middle or last `length` words of a review, or all if it has no more."""
    spare = max(0, len(review) - length)
    begin = {"first": 0, "middle": spare // 2, "last": spare}[place]
    return review[begin : begin + length]
