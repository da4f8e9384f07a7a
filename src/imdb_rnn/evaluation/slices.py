"""Groups of reviews on which a model may be better or worse than on all."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.data.typography import plain

Slices = dict[str, NDArray[np.bool_]]
"""Name of each group -> bool [reviews]. Groups do not overlap; empty ones are left out."""

_NEGATION: Final = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|nowhere|neither|nor|cannot|without)\b|n't\b",
    re.IGNORECASE,
)
_LENGTHS: Final = {"0-99": 0, "100-199": 100, "200-399": 200, "400 or more": 400}
_PER_HUNDRED_WORDS: Final = {
    "none": 0.0,
    # The least above zero that is not subnormal, which a process that has trained takes as zero.
    "under 1 per 100": np.finfo(np.float64).tiny,
    "1 to 2 per 100": 1.0,
    "2 to 3 per 100": 2.0,
    "3 or more per 100": 3.0,
}


def length_slices(texts: Sequence[str]) -> Slices:
    """Groups by the number of words between white space, before any cut."""
    return _binned(_word_counts(texts), _LENGTHS)


def negation_slices(texts: Sequence[str]) -> Slices:
    """Groups by negation words (not, never, isn't, ...) in a hundred words.

    A rate, because a plain count would sort reviews by length once more.
    """
    negations = np.array([len(_NEGATION.findall(plain(text))) for text in texts])
    return _binned(100 * negations / np.maximum(_word_counts(texts), 1), _PER_HUNDRED_WORDS)


def rating_slices(ratings: Sequence[int | None]) -> Slices:
    """Groups by stars; reviews without a known rating are in none."""
    known = np.array([rating or 0 for rating in ratings])
    return {str(stars): known == stars for stars in np.unique(known) if stars > 0}


def _word_counts(texts: Sequence[str]) -> NDArray[np.int64]:
    return np.array([len(text.replace("<br />", " ").split()) for text in texts])


def _binned(values: NDArray[np.int64] | NDArray[np.float64], begins: Mapping[str, float]) -> Slices:
    """Groups named after the bin, each from its beginning up to that of the next."""
    index = np.digitize(values, list(begins.values())) - 1
    groups = {name: index == number for number, name in enumerate(begins)}
    return {name: group for name, group in groups.items() if group.any()}
