"""Whether predicted probabilities mean what they say."""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imdb_rnn.data.classes import likeliest

BINS: Final = 10


def calibration_points(labels: NDArray[np.int8], probability: NDArray[np.float64]) -> pa.Table:
    """What `calibration_bins` says of the second of two classes, or of the likeliest of more.

    Args:
        labels: Place of the class of each [reviews].
        probability: [reviews] or [reviews, classes].
    """
    if probability.ndim == 1:
        return calibration_bins(labels, probability)
    right = likeliest(probability) == labels
    return calibration_bins(right.astype(np.int8), probability.max(axis=-1))


def calibration_bins(labels: NDArray[np.int8], probability: NDArray[np.float64]) -> pa.Table:
    """What was predicted and what was true, in ten bins of equal width.

    Args:
        labels: 1 where it came true, else 0 [reviews].
        probability: That it would [reviews].

    Returns:
        A row for each bin that is not empty: mean_probability, positive_share, reviews.
    """
    index = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    reviews = np.bincount(index, minlength=BINS)
    filled = reviews > 0
    predicted = np.bincount(index, weights=probability, minlength=BINS)[filled]
    positive = np.bincount(index, weights=labels, minlength=BINS)[filled]
    return pa.table(
        {
            "mean_probability": predicted / reviews[filled],
            "positive_share": positive / reviews[filled],
            "reviews": reviews[filled],
        }
    )


def expected_calibration_error(bins: pa.Table) -> float:
    """Mean distance between the predicted probability and the share that came true.

    Guo et al. 2017, "On Calibration of Modern Neural Networks", equation 3; of two classes with the
    probability of the second in the place of the confidence.

    Args:
        bins: From `calibration_points`.
    """
    distance = np.abs(bins["mean_probability"].to_numpy() - bins["positive_share"].to_numpy())
    return float(np.average(distance, weights=bins["reviews"].to_numpy()))
