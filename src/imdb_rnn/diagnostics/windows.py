"""What the trained classifier makes of a part of each review, and of its words in another order."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics import drawing
from imdb_rnn.diagnostics.small import accuracy, in_memory
from imdb_rnn.diagnostics.study import Shown
from imdb_rnn.diagnostics.summaries import counted, rounded
from imdb_rnn.evaluation.drawing import Figure
from imdb_rnn.models.classifier import Classifier

WINDOWS: Final = (10, 25, 50, 100)
"""Lengths in words, of reviews that mostly have more."""
PLACES: Final = ("first", "middle", "last")


def lengths_for(reviews: TokenStore) -> list[int]:
    """`WINDOWS`, or as many hundredths of the median review if that is shorter than the longest."""
    hundred = min(100, int(np.median(reviews.lengths)))
    return sorted({max(1, length * hundred // 100) for length in WINDOWS})


def read_parts(
    classifier: Classifier, reviews: TokenStore, seed: int, lengths: Sequence[int] = WINDOWS
) -> dict[str, Any]:
    """Evaluate whole reviews, shuffled ones, and windows of them.

    Args:
        classifier: In evaluation mode.
        reviews: Labelled.
        seed: Of the order of shuffled words.
        lengths: Of the windows, in words.

    Returns:
        Accuracies: whole; shuffled, with each review's words in random order, which a classifier
        taught on order never met; first, middle and last, each by length of the window. A shorter
        review is read whole.
    """
    generator = np.random.default_rng([seed, 2])
    words = [reviews[i] for i in range(len(reviews))]

    def accuracy_on(read: list[NDArray[np.int32]]) -> float:
        return accuracy(classifier, in_memory(read, reviews.labels))

    return {
        "whole": accuracy_on(words),
        "shuffled": accuracy_on([generator.permutation(review) for review in words]),
        **{
            place: {
                str(length): accuracy_on([window(review, place, length) for review in words])
                for length in lengths
            }
            for place in PLACES
        },
    }


def window(review: NDArray[np.int32], place: str, length: int) -> NDArray[np.int32]:
    """The first, middle or last `length` words of a review, or all if it has no more."""
    spare = max(0, len(review) - length)
    begin = {"first": 0, "middle": spare // 2, "last": spare}[place]
    return review[begin : begin + length]


def shown(parts: Mapping[str, Any]) -> Shown:
    """Accuracy by the window's length, a line a place.

    Args:
        parts: From `read_parts`.
    """
    lengths = list(parts[PLACES[0]])
    longest = lengths[-1]
    said = ", ".join(f"{rounded(parts[place][longest]):.3f} ({place})" for place in PLACES)
    finding = (
        f"The trained classifier reaches {rounded(parts['whole']):.3f} on whole validation "
        f"reviews, and with {counted(int(longest), 'word')} alone {said}."
    )
    by_place = {place: list(parts[place].values()) for place in PLACES}
    points = pa.table({"words": list(map(int, lengths))} | by_place)
    return Shown(points, partial(_draw, whole=parts["whole"]), finding)


def _draw(points: pa.Table, whole: float) -> Figure:
    figure, axes = drawing.one_plot("The classifier on parts of reviews")
    axes.axhline(whole, color=drawing.INK, linewidth=1, label="whole reviews")
    colors = (drawing.GREEN, drawing.ORANGE, drawing.BLUE)
    for place, color, marker in zip(PLACES, colors, "s^o", strict=True):
        label = f"{place} words"
        axes.plot(points["words"], points[place], color=color, marker=marker, label=label)
    axes.set(xlabel="words read of each review", ylabel="accuracy")
    drawing.legend_below(figure, [axes], columns=2)
    return figure
