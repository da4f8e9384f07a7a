"""What seeds do to a difference, against the formulas that scipy's tests stand for."""

from statistics import mean, stdev, variance

import numpy as np
import pytest
from scipy.stats import binomtest, t

from imdb_rnn.evaluation.comparison import CONFIDENCE
from imdb_rnn.evaluation.seed_variance import seed_variance, welch_difference

FIRST = [0.9270, 0.9262, 0.9265]
SECOND = [0.9301, 0.9240, 0.9286, 0.9262]


def test_the_interval_is_welch_s() -> None:
    found = welch_difference(FIRST, SECOND)
    assert found
    errors = [variance(side) / len(side) for side in (FIRST, SECOND)]
    freedom = sum(errors) ** 2 / sum(
        error**2 / (len(side) - 1) for error, side in zip(errors, (FIRST, SECOND), strict=True)
    )
    half = t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(sum(errors))
    gap = mean(SECOND) - mean(FIRST)
    assert found.value == pytest.approx(gap)
    assert found.interval == pytest.approx((gap - half, gap + half))


def test_equally_good_parameters_are_told_apart_as_rarely_as_promised() -> None:
    random = np.random.default_rng(3)
    trials = 600
    draws = (random.normal(0.92, [[0.0004] * 3 + [0.002] * 4]).ravel() for _ in range(trials))
    found = [welch_difference(draw[:3], draw[3:]) for draw in draws]
    alarms = sum(not gap.interval.low < 0 < gap.interval.high for gap in found if gap)
    assert binomtest(alarms, trials, 1 - CONFIDENCE).pvalue > 0.001


def test_single_runs_differ_by_the_variance_of_both() -> None:
    variance = seed_variance(FIRST, SECOND)
    assert variance
    assert variance.sd == pytest.approx(np.hypot(stdev(FIRST), stdev(SECOND)))
    assert variance.first == (3, pytest.approx(mean(FIRST)), pytest.approx(stdev(FIRST)))
    assert variance.means == welch_difference(FIRST, SECOND)


@pytest.mark.parametrize("sides", [(FIRST, None), (None, FIRST), (FIRST, FIRST)])
def test_without_other_seeds_both_are_taken_to_vary_as_much(
    sides: tuple[list[float] | None, list[float] | None],
) -> None:
    variance = seed_variance(*sides)
    assert variance
    assert variance.sd == pytest.approx(np.sqrt(2) * stdev(FIRST))
    assert variance.means is None


def test_nothing_is_said_without_seeds() -> None:
    assert seed_variance(None, None) is None


def test_seeds_that_never_differ_give_no_interval() -> None:
    assert welch_difference([0.9, 0.9], [0.8, 0.8]) is None
    assert welch_difference([0.9, 0.9], [0.8, 0.81]) is not None
