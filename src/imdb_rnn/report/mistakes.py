"""The reviews on which the classifier is most sure of the wrong class."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from imdb_rnn.evaluation.curves import CLASSES
from imdb_rnn.evaluation.metrics import predicted_labels
from imdb_rnn.evaluation.predictions import Predictions


class Mistake(NamedTuple):
    """A review that is classified wrongly."""

    id: str
    actual: str
    """Class of the review."""
    probability: float
    """Of positive, as the classifier sees it."""
    rating: int | None
    """Stars, where known."""
    text: str
    """As it was written, line breaks as `\\n`."""


def clearest_mistakes(predictions: Predictions, reviews: pa.Table, each: int) -> list[Mistake]:
    """The most confident mistakes, class by class: first negative reviews called positive.

    Args:
        predictions: The test reviews as the classifier sees them.
        reviews: The same reviews in the same order, a review table.
        each: How many of each class at most.
    """
    confidence = np.abs(predictions.probability - 0.5)
    wrong = predicted_labels(predictions.probability) != predictions.labels
    by_confidence = np.argsort(-confidence, kind="stable")
    rows = np.concatenate(
        [
            by_confidence[(wrong & (predictions.labels == label))[by_confidence]][:each]
            for label in range(len(CLASSES))
        ]
    )
    return [
        Mistake(
            id=review["id"],
            actual=CLASSES[review["label"]],
            probability=float(predictions.probability[row]),
            rating=review["rating"],
            text=review["text"].replace("<br />", "\n"),
        )
        for row, review in zip(rows, reviews.take(rows).to_pylist(), strict=True)
    ]
