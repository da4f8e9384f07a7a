"""How good predicted probabilities are, as plain numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    brier_score_loss,
    f1_score,
    log_loss,
    roc_auc_score,
)

from imdb_rnn.data.classes import is_binary, likeliest, whole_numbers
from imdb_rnn.evaluation.calibration import calibration_points, expected_calibration_error


def probability_of(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """What logits [reviews] or [reviews, classes] mean, in double precision."""
    of_one = logits.ndim == 1
    exact = logits.astype(np.float64)
    probability: NDArray[np.float64] = expit(exact) if of_one else softmax(exact, axis=-1)
    return probability


def classification_metrics(
    labels: NDArray[np.int8], probability: NDArray[np.float64]
) -> dict[str, float]:
    """The metrics of one model.

    Args:
        labels: Place of the class of each among the classes [reviews]; at least two occur.
        probability: Of the second of two classes [reviews], or of each of more [reviews, classes].

    Returns:
        accuracy, log_loss (nats), brier, roc_auc, average_precision, macro_f1 and weighted_f1 (over
        the classes that occur or are predicted), expected_calibration_error; and for two classes
        f1, of the second.

        For more, brier is the mean over the reviews of the squared error summed over the classes,
        from 0 to 2; roc_auc and average_precision are those of each class against the rest,
        averaged over the classes that occur.
    """
    predicted = likeliest(probability)
    if probability.ndim == 1:
        of_class, given, classes = labels == 1, probability, None
        of_two = {"f1": f1_score(labels, predicted, zero_division=0.0)}
    else:
        of_class, given = against_the_rest(labels, probability)
        of_two, classes = {}, np.arange(probability.shape[1])
    return {
        "accuracy": accuracy_score(labels, predicted),
        "log_loss": log_loss(labels, probability, labels=classes),
        "brier": brier_score_loss(labels, probability, labels=classes),
        "roc_auc": roc_auc_score(of_class, given),
        "average_precision": average_precision_score(of_class, given),
        **of_two,
        "macro_f1": f1_score(labels, predicted, average="macro", zero_division=0.0),
        "weighted_f1": f1_score(labels, predicted, average="weighted", zero_division=0.0),
        "expected_calibration_error": expected_calibration_error(
            calibration_points(labels, probability)
        ),
    }


def against_the_rest(
    labels: NDArray[np.int8], probability: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Whether each review is of a class, and its probability: both [reviews, classes that occur].

    Args:
        labels: Place of the class of each [reviews].
        probability: [reviews, classes].
    """
    occurring = np.unique(labels)
    return labels[:, None] == occurring, probability[:, occurring]


def absolute_errors(
    labels: NDArray[np.int8], probability: NDArray[np.float64], classes: Sequence[str]
) -> NDArray[np.float64] | None:
    """How far the likeliest class is from the right one, where classes are whole numbers.

    Args:
        labels: Place of the class of each among `classes` [reviews].
        probability: [reviews, classes].
        classes: Their names, such as numbers of stars.

    Returns:
        float64 [reviews]; None of two classes, and where a name is no whole number.
    """
    numbers = whole_numbers(classes)
    if is_binary(len(classes)) or numbers is None:
        return None
    values = np.array(numbers, dtype=np.float64)
    errors: NDArray[np.float64] = np.abs(values[likeliest(probability)] - values[labels])
    return errors


def rounded(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same numbers with six significant digits, which other machines repeat."""
    return {name: _rounded(value) for name, value in values.items()}


def _rounded(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, Mapping):
        return rounded(value)
    return float(f"{value:.6g}") if isinstance(value, float) else value
