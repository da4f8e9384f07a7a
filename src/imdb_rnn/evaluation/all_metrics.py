"""Everything that `reports/evaluate.json` says, from predictions alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imdb_rnn.config import Evaluate
from imdb_rnn.evaluation.behaviour import HELD_OUT, OVERALL
from imdb_rnn.evaluation.intervals import (
    Interval,
    mcnemar_p,
    mean_interval,
    share_with_interval,
)
from imdb_rnn.evaluation.metrics import classification_metrics, predicted_labels, rounded
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
        reviews: The test reviews, a review table.
        probabilities: Of the recurrent network (`MODEL`) and of each baseline.
        duplicated: Which reviews also occur in train [reviews].
        settings: Level and resamples of the intervals.
        seed: Of the resampling.

    Returns:
        The keys of `reports/evaluate.json` but for the variant, rounded.
    """
    labels, probability = reviews["label"].to_numpy(), probabilities[MODEL]
    metrics = classification_metrics(labels, probability)
    unseen = classification_metrics(labels[~duplicated], probability[~duplicated])
    correct = predicted_labels(probability) == labels
    low, high = _interval(correct, settings, seed)
    unseen_low, unseen_high = _interval(correct[~duplicated], settings, seed)
    unseen_accuracy = unseen.pop("accuracy")
    return rounded(
        {
            "n_test": len(labels),
            "confidence": settings.confidence,
            "accuracy": metrics.pop("accuracy"),
            "accuracy_low": low,
            "accuracy_high": high,
            "accuracy_without_duplicates": unseen_accuracy,
            **metrics,
            "without_duplicates": {
                "n_test": int((~duplicated).sum()),
                "accuracy": unseen_accuracy,
                "accuracy_low": unseen_low,
                "accuracy_high": unseen_high,
                **unseen,
            },
            "baselines": {
                name: _comparison(correct, predicted_labels(theirs) == labels, settings, seed)
                for name, theirs in probabilities.items()
                if name != MODEL
            },
            "slices": {
                kind: _accuracies(correct, slices, settings.confidence)
                for kind, slices in _slices(reviews).items()
            },
        }
    )


def comparable_numbers(test: Mapping[str, Any], train: Mapping[str, Any]) -> dict[str, Any]:
    """The few numbers by which runs are compared: the columns of `dvc exp show`.

    Args:
        test: Contents of `reports/evaluate.json`.
        train: Contents of `reports/train.json`.
    """
    behaviour = test.get("behaviour")
    shown = ("accuracy", "accuracy_low", "accuracy_high", "log_loss", "roc_auc", "brier")
    return {
        "variant": test["variant"],
        **{name: test[name] for name in shown},
        "ahead_of_nb": test["baselines"]["nb"]["difference"],
        **({"behaviour": behaviour[HELD_OUT][OVERALL]["accuracy"]} if behaviour else {}),
        **{name: train[name] for name in ("valid_accuracy", "valid_loss", "best_epoch")},
        "parameters": train["parameters"],
    }


def _comparison(
    correct: NDArray[np.bool_], theirs: NDArray[np.bool_], settings: Evaluate, seed: int
) -> dict[str, float]:
    """How much better the model is than a baseline on the same reviews."""
    gain = correct.astype(np.float64) - theirs
    low, high = _interval(gain, settings, seed)
    return {
        "accuracy": float(theirs.mean()),
        "difference": float(gain.mean()),
        "difference_low": low,
        "difference_high": high,
        "mcnemar_p": mcnemar_p(correct, theirs),
    }


def _interval(values: NDArray[Any], settings: Evaluate, seed: int) -> Interval:
    """Bootstrap interval of the mean of values [reviews]."""
    return mean_interval(values.astype(np.float64), settings.confidence, settings.resamples, seed)


def _slices(reviews: pa.Table) -> dict[str, Slices]:
    texts = reviews["text"].to_pylist()
    found = {
        "length": length_slices(texts),
        "rating": rating_slices(reviews["rating"].to_pylist()),
        "negation": negation_slices(texts),
    }
    return {kind: slices for kind, slices in found.items() if slices}


def _accuracies(
    correct: NDArray[np.bool_], slices: Slices, confidence: float
) -> dict[str, dict[str, float]]:
    return {
        name: share_with_interval(correct[members], confidence) for name, members in slices.items()
    }
