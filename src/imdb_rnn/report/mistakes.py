"""The reviews on which the classifier is most sure of the wrong class."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from imdb_rnn.data.classes import likeliest, of_each_class, titles_of
from imdb_rnn.evaluation.predictions import Predictions


class Mistake(NamedTuple):
    """A review that is classified wrongly."""

    id: str
    actual: str
    """Class of the review."""
    called: str
    """Class into which the classifier puts it."""
    probability: float
    """Of that class, as the classifier sees it."""
    rating: int | None
    """Stars, where known."""
    text: str
    """As it was written, line breaks as `\\n`."""


def clearest_mistakes(predictions: Predictions, reviews: pa.Table, each: int) -> list[Mistake]:
    """The most confident mistakes, class by class.

    Args:
        predictions: The test reviews as the classifier sees them.
        reviews: The same reviews in the same order, a review table.
        each: How many of each class at most.
    """
    titles = titles_of(predictions.classes)
    called = likeliest(predictions.probability)
    confidence = of_each_class(predictions.probability).max(axis=-1)
    wrong = called != predictions.labels
    by_confidence = np.argsort(-confidence, kind="stable")
    rows = np.concatenate(
        [
            by_confidence[(wrong & (predictions.labels == label))[by_confidence]][:each]
            for label in range(len(titles))
        ]
    )
    return [
        Mistake(
            id=review["id"],
            actual=titles[review["label"]],
            called=titles[called[row]],
            probability=float(confidence[row]),
            rating=review["rating"],
            text=review["text"].replace("<br />", "\n"),
        )
        for row, review in zip(rows, reviews.take(rows).to_pylist(), strict=True)
    ]
