"""How good predicted probabilities are, as plain numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    roc_auc_score,
)

from imdb_rnn.evaluation.calibration import calibration_bins, expected_calibration_error


def positive_probability(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """The logistic function of logits [reviews], in double precision."""
    probability: NDArray[np.float64] = expit(logits.astype(np.float64))
    return probability


def predicted_labels(probability: NDArray[np.floating[Any]]) -> NDArray[np.int8]:
    """1 where positive is the likelier class, else 0 [reviews]."""
    return (probability > 0.5).astype(np.int8)  # noqa: PLR2004 - even odds


def classification_metrics(
    labels: NDArray[np.int8], probability: NDArray[np.float64]
) -> dict[str, float]:
    """The metrics of one model.

    Args:
        labels: 1 positive, 0 negative [reviews]; both occur.
        probability: Of positive [reviews].

    Returns:
        accuracy, log_loss (nats), brier, roc_auc, average_precision, f1 (of positive) and
        expected_calibration_error.
    """
    predicted = predicted_labels(probability)
    return {
        "accuracy": accuracy_score(labels, predicted),
        "log_loss": log_loss(labels, probability),
        "brier": brier_score_loss(labels, probability),
        "roc_auc": roc_auc_score(labels, probability),
        "average_precision": average_precision_score(labels, probability),
        "f1": f1_score(labels, predicted, zero_division=0.0),
        "expected_calibration_error": expected_calibration_error(
            calibration_bins(labels, probability)
        ),
    }


def rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same numbers with six significant digits, which other machines repeat."""
    return {name: _rounded(value) for name, value in values.items()}


def _rounded(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        return rounded(value)
    return float(f"{value:.6g}") if isinstance(value, float) else value
