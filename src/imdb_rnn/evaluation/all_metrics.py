"""Everything that `reports/evaluate.json` says, from predictions alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imdb_rnn.config import Evaluate
from imdb_rnn.data.classes import SENTIMENT, classes_in, is_binary, likeliest
from imdb_rnn.data.reviews import is_imdb
from imdb_rnn.evaluation.behaviour import HELD_OUT, OVERALL
from imdb_rnn.evaluation.evaluated_model import ACCURACY
from imdb_rnn.evaluation.intervals import (
    Interval,
    mcnemar_p,
    mean_interval,
    share_with_interval,
)
from imdb_rnn.evaluation.metrics import absolute_errors, classification_metrics, rounded
from imdb_rnn.evaluation.predictions import MODEL, Probabilities
from imdb_rnn.evaluation.slices import Slices, length_slices, negation_slices, rating_slices


def summarize(
    reviews: pa.Table,
    probabilities: Probabilities,
    duplicated: NDArray[np.bool_],
    settings: Evaluate,
    seed: int,
) -> dict[str, Any]:
    """Evaluate the recurrent network on the test reviews and compare it with the baselines.

    Args:
        reviews: The test reviews, a review table; its schema names the classes.
        probabilities: Of the recurrent network (`MODEL`) and of each baseline.
        duplicated: Which reviews also occur in train [reviews].
        settings: Level and resamples of the intervals.
        seed: Of the resampling.

    Returns:
        The keys of `reports/evaluate.json` but for the variant, rounded. `without_duplicates` is
        None where fewer than two classes remain.
    """
    classes = classes_in(reviews.schema.metadata)
    labels, probability = reviews["label"].to_numpy(), probabilities[MODEL]
    correct = likeliest(probability) == labels
    scores = _scores(labels, probability, classes, settings, seed)
    unseen = None
    if len(np.unique(labels[~duplicated])) > 1:
        unseen = _scores(labels[~duplicated], probability[~duplicated], classes, settings, seed)
    return rounded(
        {
            "n_test": scores.pop("n_test"),
            "classes": list(classes),
            "confidence": settings.confidence,
            **{name: scores.pop(name) for name in ACCURACY},
            "accuracy_without_duplicates": unseen["accuracy"] if unseen else None,
            **scores,
            "without_duplicates": unseen,
            "baselines": {
                name: _comparison(labels, (probability, theirs), classes, settings, seed)
                for name, theirs in probabilities.items()
                if name != MODEL
            },
            "slices": {
                kind: _accuracies(correct, slices, settings.confidence)
                for kind, slices in _slices(reviews, classes).items()
            },
        }
    )


def _scores(
    labels: NDArray[np.int8],
    probability: NDArray[np.float64],
    classes: Sequence[str],
    settings: Evaluate,
    seed: int,
) -> dict[str, Any]:
    """The metrics on some reviews, with the intervals of means over them."""
    metrics = classification_metrics(labels, probability)
    low, high = _interval(likeliest(probability) == labels, settings, seed)
    scores = {
        "n_test": len(labels),
        "accuracy": metrics.pop("accuracy"),
        "accuracy_low": low,
        "accuracy_high": high,
        **metrics,
    }
    errors = absolute_errors(labels, probability, classes)
    if errors is None:
        return scores
    low, high = _interval(errors, settings, seed)
    return scores | {
        "mean_absolute_error": float(errors.mean()),
        "mean_absolute_error_low": low,
        "mean_absolute_error_high": high,
    }


def comparable_numbers(test: Mapping[str, Any], train: Mapping[str, Any]) -> dict[str, Any]:
    """The few numbers by which runs are compared: the columns of `dvc exp show`.

    Args:
        test: Contents of `reports/evaluate.json`.
        train: Contents of `reports/train.json`.
    """
    behaviour = test.get("behaviour")
    shown = ["accuracy", "accuracy_low", "accuracy_high", "log_loss", "roc_auc", "brier"]
    if not is_binary(len(test["classes"])):
        shown += [name for name in ("macro_f1", "mean_absolute_error") if name in test]
    return {
        "variant": test["variant"],
        **{name: test[name] for name in shown},
        "ahead_of_nb": test["baselines"]["nb"]["difference"],
        **({"behaviour": behaviour[HELD_OUT][OVERALL]["accuracy"]} if behaviour else {}),
        **{name: train[name] for name in ("valid_accuracy", "valid_loss", "best_epoch")},
        "parameters": train["parameters"],
    }


def _comparison(
    labels: NDArray[np.int8],
    probabilities: tuple[NDArray[np.float64], NDArray[np.float64]],
    classes: Sequence[str],
    settings: Evaluate,
    seed: int,
) -> dict[str, float]:
    """How much better the model is than a baseline on the same reviews.

    Differences are the model's number minus the baseline's, also of errors.
    """
    correct, theirs = (likeliest(probability) == labels for probability in probabilities)
    gain = correct.astype(np.float64) - theirs
    low, high = _interval(gain, settings, seed)
    compared = {
        "accuracy": float(theirs.mean()),
        "difference": float(gain.mean()),
        "difference_low": low,
        "difference_high": high,
        "mcnemar_p": mcnemar_p(correct, theirs),
    }
    errors = [absolute_errors(labels, probability, classes) for probability in probabilities]
    if errors[0] is None or errors[1] is None:
        return compared
    low, high = _interval(errors[0] - errors[1], settings, seed)
    return compared | {
        "mean_absolute_error": float(errors[1].mean()),
        "mean_absolute_error_difference": float((errors[0] - errors[1]).mean()),
        "mean_absolute_error_difference_low": low,
        "mean_absolute_error_difference_high": high,
    }


def _interval(values: NDArray[Any], settings: Evaluate, seed: int) -> Interval:
    """Bootstrap interval of the mean of values [reviews]."""
    return mean_interval(values.astype(np.float64), settings.confidence, settings.resamples, seed)


def _slices(reviews: pa.Table, classes: Sequence[str]) -> dict[str, Slices]:
    texts = reviews["text"].to_pylist()
    found = {"length": length_slices(texts)}
    # Stars are classes themselves, and other texts may not be English.
    if tuple(classes) == SENTIMENT and _are_of_imdb(reviews):
        found["rating"] = rating_slices(reviews["rating"].to_pylist())
        found["negation"] = negation_slices(texts)
    return {kind: slices for kind, slices in found.items() if slices}


def _are_of_imdb(reviews: pa.Table) -> bool:
    return is_imdb((reviews.schema.metadata or {}).get(b"edition", b"full").decode())


def _accuracies(
    correct: NDArray[np.bool_], slices: Slices, confidence: float
) -> dict[str, dict[str, float]]:
    return {
        name: share_with_interval(correct[members], confidence) for name, members in slices.items()
    }
