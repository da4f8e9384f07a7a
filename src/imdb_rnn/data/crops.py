"""Parts of reviews, for a network that reads the same few over and over.

Read whole each time, they would be learned by heart; a part of another length from another place is
something new, and quicker to read.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

SHARE: Final = 0.8
"""Of the reviews that are cropped; the others are read whole, as those to be judged will be."""
SHORTEST: Final = 6
LONGEST: Final = 60
"""Tokens of a part."""


class Crops(NamedTuple):
    """What is read of each review, int64 [reviews]."""

    begins: NDArray[np.int64]
    lengths: NDArray[np.int64]


def whole(lengths: NDArray[np.int64]) -> Crops:
    """All of each review.

    Args:
        lengths: Tokens of each, int64 [reviews].
    """
    return Crops(np.zeros_like(lengths), lengths)


def random_crops(lengths: NDArray[np.int64], seed: int, epoch: int) -> Crops:
    """A random part of most reviews; of those that are no longer than it, all.

    Args:
        lengths: Tokens of each review, int64 [reviews].
        seed: Of the run.
        epoch: Its number; with the seed, all that the parts follow from.
    """
    generator = np.random.default_rng([seed, epoch, 1])  # [seed, epoch] draws the order
    wanted = generator.integers(SHORTEST, LONGEST, len(lengths), endpoint=True)
    is_cropped = (generator.random(len(lengths)) < SHARE) & (wanted < lengths)
    kept = np.where(is_cropped, wanted, lengths)
    return Crops(generator.integers(0, lengths - kept, endpoint=True), kept)
