"""Whether one model is better than another on the same test reviews, from predictions alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from imdb_rnn.data.classes import SENTIMENT, likeliest, of_each_class
from imdb_rnn.evaluation.intervals import (
    Interval,
    auc_difference_interval,
    mcnemar_p,
    mean_interval,
)
from imdb_rnn.evaluation.metrics import absolute_errors, against_the_rest
from imdb_rnn.evaluation.predictions import Predictions

CONFIDENCE: Final = 0.95
"""Of the intervals; 1 minus it is the most that the verdict's false alarms may be."""
POWER: Final = 0.8
"""Share of tests that find a difference of the size called visible."""
RESAMPLES: Final = 2000
SEED: Final = 0

Outcome = Literal["better", "worse", "cannot be told apart"]


class Difference(NamedTuple):
    """One measure of both models."""

    first: float
    second: float
    interval: Interval
    """Of second minus first."""

    @property
    def value(self) -> float:
        """Second minus first."""
        return self.second - self.first


class Disagreement(NamedTuple):
    """A review that the two models put into different classes."""

    id: str
    label: int
    first: float
    """By the first model: probability of the second of two classes; of more, of `first_label`."""
    second: float
    first_label: int
    """Place of the class into which the first model puts it."""
    second_label: int


@dataclass(frozen=True)
class Comparison:
    """The second model against the first."""

    reviews: int
    measures: Mapping[str, Difference]
    """accuracy, log_loss (nats) and roc_auc; where `absolute_errors` has some, their mean."""
    only_first: int
    """Reviews that the first model alone gets right."""
    only_second: int
    mcnemar_p: float
    disagreements: list[Disagreement]
    """Largest change of probability first."""
    classes: tuple[str, ...] = SENTIMENT

    @property
    def outcome(self) -> Outcome:
        """What is said of the second model.

        It rests on the exact McNemar test of accuracy alone: of two models that are equally often
        right, it calls one better in at most 5 % of comparisons. Looking at three measures would
        raise more false alarms.
        """
        if self.mcnemar_p >= 1 - CONFIDENCE:
            return "cannot be told apart"
        return "better" if self.only_second > self.only_first else "worse"

    @property
    def visible_difference(self) -> float:
        """Difference of accuracy that so many reviews show four times out of five."""
        return visible_difference(self.reviews, self._disagreement)

    @property
    def reviews_needed(self) -> int | None:
        """Reviews that would show the measured difference four times out of five; None if none."""
        gap = self.measures["accuracy"].value
        return reviews_needed(gap, self._disagreement) if gap else None

    @property
    def sampling_error(self) -> float:
        """Standard error of the difference of accuracy over samples of test reviews.

        sqrt((psi - d^2) / n) with d the difference and psi the share of reviews that just one
        model gets right: the differences of single reviews are -1, 0 or 1.
        """
        gap = self.measures["accuracy"].value
        return float(np.sqrt((self._disagreement - gap**2) / self.reviews))

    @property
    def _disagreement(self) -> float:
        return (self.only_first + self.only_second) / self.reviews


def compare(first: Predictions, second: Predictions) -> Comparison:
    """Compare two models on the same reviews, in the same order.

    Intervals are paired: they tell how the difference would vary from one set of test reviews to
    another, not from one seed of the training to another.
    """
    labels, classes = first.labels, first.classes
    pair = (first.probability, second.probability)
    right = tuple(likeliest(probability) == labels for probability in pair)
    losses = tuple(_log_loss(labels, probability) for probability in pair)
    measures = {
        "accuracy": _mean_difference(*(side.astype(np.float64) for side in right)),
        "log_loss": _mean_difference(*losses),
        "roc_auc": _auc_difference(labels, pair),
    }
    errors = [absolute_errors(labels, probability, classes) for probability in pair]
    if errors[0] is not None and errors[1] is not None:
        measures["mean_absolute_error"] = _mean_difference(errors[0], errors[1])
    return Comparison(
        reviews=len(labels),
        measures=measures,
        only_first=int(np.sum(right[0] & ~right[1])),
        only_second=int(np.sum(right[1] & ~right[0])),
        mcnemar_p=mcnemar_p(*right),
        disagreements=_disagreements(first, second),
        classes=classes,
    )


def visible_difference(reviews: int, disagreement: float) -> float:
    """Smallest difference of accuracy that a two-sided paired test finds with power `POWER`.

    (z_(1 - alpha/2) + z_power) sqrt(psi / n): the sample size of Connor 1987, "Sample Size for
    Testing Differences in Proportions for the Paired-Sample Design", Biometrics 43, solved for the
    difference, without its square beside psi, which is small and errs on the safe side.

    Args:
        reviews: n.
        disagreement: psi, the share of reviews that just one of the models gets right.
    """
    return float(_quantiles() * np.sqrt(disagreement / reviews))


def reviews_needed(difference: float, disagreement: float) -> int:
    """How many reviews make `difference` the visible one; see `visible_difference`."""
    return int(np.ceil(_quantiles() ** 2 * disagreement / difference**2))


def _quantiles() -> float:
    return float(norm.ppf((1 + CONFIDENCE) / 2) + norm.ppf(POWER))


def _mean_difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> Difference:
    interval = mean_interval(second - first, CONFIDENCE, RESAMPLES, SEED)
    return Difference(float(first.mean()), float(second.mean()), interval)


def _auc_difference(
    labels: NDArray[np.int8], pair: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> Difference:
    """Of two classes, or of each of more against the rest, averaged over those that occur."""
    first, second = pair
    if first.ndim == 1:
        of_class, columns = labels[:, None] == 1, (first[:, None], second[:, None])
    else:
        (of_class, one), (_, other) = (against_the_rest(labels, side) for side in pair)
        columns = one, other
    interval = auc_difference_interval(of_class, columns, CONFIDENCE, RESAMPLES, SEED)
    areas = [float(roc_auc_score(of_class, side)) for side in columns]
    return Difference(areas[0], areas[1], interval)


def _log_loss(labels: NDArray[np.int8], probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """Loss of each review in nats [reviews], from probabilities [reviews] or [reviews, classes].

    Like scikit-learn's `log_loss`, it takes 0 and 1 for the nearest numbers that lie between.
    """
    tiny = np.finfo(np.float64).eps
    of_label = of_each_class(probability)[np.arange(len(labels)), labels]
    loss: NDArray[np.float64] = -np.log(np.clip(of_label, tiny, 1 - tiny))
    return loss


def _disagreements(first: Predictions, second: Predictions) -> list[Disagreement]:
    decisions = likeliest(first.probability), likeliest(second.probability)
    rows = np.flatnonzero(decisions[0] != decisions[1])
    change = np.abs(second.probability[rows] - first.probability[rows])
    if change.ndim > 1:  # how much probability moved from one class to another
        change = change.sum(axis=-1) / 2
    return [
        Disagreement(
            first.ids[row],
            int(first.labels[row]),
            float(first.probability[row].max()),  # of one number, or of each class
            float(second.probability[row].max()),
            int(decisions[0][row]),
            int(decisions[1][row]),
        )
        for row in rows[np.argsort(-change, kind="stable")]
    ]
