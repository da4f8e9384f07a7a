"""How much of a difference between two models may come from their seeds."""

from collections.abc import Sequence
from statistics import mean, stdev
from typing import NamedTuple

import numpy as np
from scipy.stats import ttest_ind

from imdb_rnn.evaluation.comparison import CONFIDENCE, Difference
from imdb_rnn.evaluation.intervals import Interval


class Spread(NamedTuple):
    """Accuracy of the same parameters under several seeds, on the same test reviews."""

    n: int
    mean: float
    sd: float


class SeedVariance(NamedTuple):
    """What seeds do to the difference of accuracy between two models."""

    first: Spread | None
    second: Spread | None
    """None where a model was trained under one seed alone."""
    means: Difference | None
    """Mean accuracies with Welch's interval; None unless both sides have seeds that differ."""

    @property
    def sd(self) -> float:
        """Standard deviation, by seeds, of the difference between two single runs.

        Where the seeds of one side alone are known, the other is taken to vary as much.
        """
        known = [side.sd for side in (self.first, self.second) if side]
        return float(np.sqrt(2 * np.mean(np.square(known))))


def seed_variance(
    first: Sequence[float] | None, second: Sequence[float] | None
) -> SeedVariance | None:
    """What the seeds of two models tell; None where neither has several.

    Args:
        first: Accuracy of the first model under each of its seeds, at least two; None if unknown.
        second: The same of the second. Equal to `first` where both are seeds of the same
            parameters, which then have no difference of means.
    """
    if not (first or second):
        return None
    means = None
    if first and second and list(first) != list(second):
        means = welch_difference(first, second)
    return SeedVariance(_spread(first), _spread(second), means)


def welch_difference(first: Sequence[float], second: Sequence[float]) -> Difference | None:
    """Mean accuracies over seeds, with Welch's interval of how much the second is higher.

    Welch 1947, "The Generalization of 'Student's' Problem when Several Different Population
    Variances are Involved", Biometrika 34. It tells of other seeds on the same test reviews.

    Args:
        first: Accuracy of each seed, at least two.
        second: The same, not necessarily as many.

    Returns:
        None where no seed differs from the others of its side, so that no interval can be given.
    """
    if stdev(first) == stdev(second) == 0:
        return None
    found = ttest_ind(second, first, equal_var=False).confidence_interval(CONFIDENCE)
    return Difference(mean(first), mean(second), Interval(float(found.low), float(found.high)))


def _spread(accuracies: Sequence[float] | None) -> Spread | None:
    return Spread(len(accuracies), mean(accuracies), stdev(accuracies)) if accuracies else None
