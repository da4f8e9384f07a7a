"""Confidence intervals and tests of measured numbers."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, bootstrap

_RESAMPLES_AT_ONCE = 50  # keeps 25,000 reviews below 20 MB


class Interval(NamedTuple):
    """Lower and upper end of a confidence interval."""

    low: float
    high: float


def mean_interval(
    values: NDArray[np.float64], confidence: float, resamples: int, seed: int
) -> Interval:
    """Percentile bootstrap interval of a mean over reviews.

    Values are whatever is averaged: 0 and 1 for the accuracy of one model, or the difference of
    two models on the same review for a paired interval. Equal seeds draw the same reviews.

    Args:
        values: One a review [reviews], at least two.
        confidence: Between 0 and 1.
        resamples: Bootstrap samples.
        seed: Of the resampling.
    """
    found = bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        batch=_RESAMPLES_AT_ONCE,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def auc_difference_interval(
    of_class: NDArray[np.bool_],
    probabilities: tuple[NDArray[np.float64], NDArray[np.float64]],
    confidence: float,
    resamples: int,
    seed: int,
) -> Interval:
    """Paired percentile bootstrap interval of how much the second model's ROC AUC is higher.

    Of several classes it is that of the average over those that a sample has, each against the
    rest. Each bootstrap sample draws reviews, and both models are evaluated on the same ones. Equal
    seeds draw the reviews that `mean_interval` draws.

    Args:
        of_class: Whether each review is of each class [reviews, classes]; of two classes the second
            is enough. Some are, and some are not.
        probabilities: The same by the first and by the second model [reviews, classes].
        confidence: Between 0 and 1.
        resamples: Bootstrap samples.
        seed: Of the resampling.
    """
    first, second = (
        [_Ranking(*column) for column in zip(of_class.T, probability.T, strict=True)]
        for probability in probabilities
    )

    def difference(drawn: NDArray[np.int64], axis: int = -1) -> NDArray[np.float64]:
        counts = np.apply_along_axis(np.bincount, axis, drawn, minlength=len(of_class))
        gaps = np.stack(
            [other.auc(counts) - one.auc(counts) for one, other in zip(first, second, strict=True)]
        )
        # A sample without reviews of a class, or without others, ranks nothing there.
        ranked = ~np.isnan(gaps)
        mean: NDArray[np.float64] = gaps.sum(axis=0, where=ranked) / np.maximum(
            ranked.sum(axis=0), 1
        )
        return mean

    found = bootstrap(
        (np.arange(len(of_class)),),
        difference,
        n_resamples=resamples,
        batch=_RESAMPLES_AT_ONCE,
        confidence_level=confidence,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


class _Ranking:
    """Reviews sorted once by probability, so that the AUC of a resample needs no sorting.

    Args:
        positive: Whether each is of the class [reviews].
        probability: That it is [reviews].
    """

    def __init__(self, positive: NDArray[np.bool_], probability: NDArray[np.float64]) -> None:
        self._order = np.argsort(probability, kind="stable")
        self._positives = np.flatnonzero(positive[self._order])
        # Reviews of equal probability are in one group, and half of their pairs count: those of a
        # review are with the negatives below its group, and with half of those inside.
        ordered = probability[self._order]
        ends = [np.searchsorted(ordered, ordered[self._positives], side) for side in _SIDES]
        self._all_before = ends
        self._positives_before = [np.searchsorted(self._positives, end) for end in ends]

    def auc(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """The share of pairs of a positive and a negative review that are in the right order.

        Args:
            counts: How often each review was drawn [..., reviews].

        Returns:
            float64 [...]; not a number where one of the two was not drawn.
        """
        drawn = np.take(counts, self._order, axis=-1)
        positive = np.take(drawn, self._positives, axis=-1)
        before, positives_before = _sums_before(drawn), _sums_before(positive)
        below = sum(
            np.take(before, end, axis=-1) - np.take(positives_before, positives, axis=-1)
            for end, positives in zip(self._all_before, self._positives_before, strict=True)
        )
        total = positives_before[..., -1]
        pairs = total * (before[..., -1] - total)
        area: NDArray[np.float64] = np.full(pairs.shape, np.nan)
        np.divide((positive * below).sum(axis=-1) / 2, pairs, out=area, where=pairs > 0)
        return area


_SIDES: Final = ("left", "right")


def _sums_before(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum of the values before each place, and of all: [..., n + 1] from [..., n]."""
    sums = np.zeros((*values.shape[:-1], values.shape[-1] + 1), dtype=np.int64)
    values.cumsum(axis=-1, out=sums[..., 1:])
    return sums


def proportion_interval(successes: int, trials: int, confidence: float) -> Interval:
    """Wilson score interval of a share; unlike the bootstrap it is honest for small groups."""
    found = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    return Interval(float(found.low), float(found.high))


def share_with_interval(right: NDArray[np.bool_], confidence: float) -> dict[str, float]:
    """Share of right answers [answers]: n, accuracy, accuracy_low, accuracy_high (Wilson)."""
    low, high = proportion_interval(int(right.sum()), len(right), confidence)
    return {
        "n": len(right),
        "accuracy": float(right.mean()),
        "accuracy_low": low,
        "accuracy_high": high,
    }


def mcnemar_p(correct: NDArray[np.bool_], other_correct: NDArray[np.bool_]) -> float:
    """Exact two-sided McNemar test of two models on the same reviews.

    Under the null hypothesis each review that only one of them gets right is a fair coin flip
    (McNemar 1947, with the binomial in place of the chi-squared distribution).

    Args:
        correct: Whether the first model was right [reviews].
        other_correct: Whether the second was [reviews].

    Returns:
        The p-value; 1 where the models never differ.
    """
    only_first = int(np.sum(correct & ~other_correct))
    only_second = int(np.sum(other_correct & ~correct))
    if only_first + only_second == 0:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)
