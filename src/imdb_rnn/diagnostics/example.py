"""The trained classifier reading single reviews: how its verdict comes about, word by word."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics.cells import Array
from imdb_rnn.explain.attribution import Attribution, integrated_gradients, prefix_probabilities
from imdb_rnn.models.classifier import Classifier

EXAMINED: Final = 20
"""Short reviews, at most, of which one is shown."""

ADDED_UP: Final = 10
"""Reviews of any length, at most, whose evidence is added up."""


class Example(NamedTuple):
    """One review as the classifier reads it."""

    name: str
    """Its id in the data."""
    positive: bool
    """Its label."""
    words: NDArray[np.int32]
    """Word ids [words]."""
    probabilities: NDArray[np.float32]
    """Of "positive" after each word [words]."""
    evidence: Attribution
    """By integrated gradients."""

    @property
    def turn(self) -> int:
        """The word of the second half after which the probability is farthest from its last."""
        middle = len(self.words) // 2
        return middle + int(np.abs(self.probabilities[middle:] - self.probabilities[-1]).argmax())

    @property
    def turned(self) -> float:
        """How far the probability moves from there to the end."""
        return float(abs(self.probabilities[self.turn] - self.probabilities[-1]))


class Examined(NamedTuple):
    """A short review whose verdict turns, and how well the evidence of others adds up."""

    shown: Example
    """Of some the one whose verdict turns farthest in its second half."""
    lengths: NDArray[np.int64]
    """Words of the others [reviews]."""
    residuals: Array
    """What evidence leaves unexplained of each one's log odds, without sign [reviews]."""
    differences: Array
    """Log odds between unknown words and each of them, without sign [reviews]."""


def examine(classifier: Classifier, reviews: TokenStore, words: int, seed: int) -> Examined:
    """Show a review that is short enough to be shown whole, and add up the evidence of others.

    Args:
        classifier: In evaluation mode.
        reviews: Labelled; of those with at most `words` words, `EXAMINED` are drawn, or of all if
            none is so short, and of all of them `ADDED_UP`.
        words: Of the longest to be shown.
        seed: Of the draw.
    """
    short = np.flatnonzero(reviews.lengths <= words)
    candidates = short if len(short) else np.arange(len(reviews))
    random = np.random.default_rng([seed, 4])
    drawn = random.choice(candidates, min(EXAMINED, len(candidates)), replace=False)
    examples = [_read(classifier, reviews, int(number)) for number in drawn]
    others = random.choice(len(reviews), min(ADDED_UP, len(reviews)), replace=False)
    evidence = [integrated_gradients(classifier, reviews[int(number)]) for number in others]
    return Examined(
        max(examples, key=lambda example: example.turned),
        reviews.lengths[others],
        np.array([abs(one.convergence_delta) for one in evidence]),
        np.array([abs(one.logit - one.baseline) for one in evidence]),
    )


def _read(classifier: Classifier, reviews: TokenStore, number: int) -> Example:
    words = reviews[number]
    return Example(
        str(reviews.ids[number]),
        bool(reviews.labels[number] > 0),
        words,
        prefix_probabilities(classifier, words),
        integrated_gradients(classifier, words),
    )
