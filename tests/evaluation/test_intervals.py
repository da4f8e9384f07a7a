import math

import numpy as np
import pytest

from imdb_rnn.evaluation.intervals import mcnemar_p, mean_interval, proportion_interval


def test_bootstrap_interval_covers_at_the_promised_rate() -> None:
    generator = np.random.default_rng(11)
    truth, confidence, trials = 0.8, 0.9, 300
    samples = (generator.random((trials, 200)) < truth).astype(np.float64)
    intervals = [mean_interval(s, confidence, resamples=300, seed=i) for i, s in enumerate(samples)]
    covered = np.mean([low <= truth <= high for low, high in intervals])
    # Four standard errors of a share of 0.9 in 300 trials, and the bootstrap's own small bias.
    assert abs(covered - confidence) < 0.07


def test_interval_follows_from_the_seed_and_holds_the_mean() -> None:
    values = np.array([0.0, 1.0, 1.0, 1.0, 0.0, 1.0])
    low, high = mean_interval(values, 0.95, 500, seed=1)
    assert (low, high) == mean_interval(values, 0.95, 500, seed=1)
    assert low < values.mean() < high


def test_paired_interval_is_tighter_than_the_intervals_it_compares() -> None:
    generator = np.random.default_rng(5)
    first = (generator.random(1000) < 0.9).astype(np.float64)
    second = first.copy()
    second[:20] = 1 - second[:20]  # differ on twenty reviews only
    low, high = mean_interval(first - second, 0.95, 500, seed=1)
    alone = mean_interval(first, 0.95, 500, seed=1)
    assert high - low < alone.high - alone.low


def test_wilson_interval_agrees_with_its_formula_and_stays_honest_at_the_edge() -> None:
    low, high = proportion_interval(8, 10, 0.95)
    z = 1.959963984540054
    centre, half = 0.8 + z**2 / 20, z * math.sqrt(0.8 * 0.2 / 10 + z**2 / 400)
    assert low == pytest.approx((centre - half) / (1 + z**2 / 10))
    assert high == pytest.approx((centre + half) / (1 + z**2 / 10))
    assert proportion_interval(3, 3, 0.95).low < 0.5


def test_mcnemar_is_the_binomial_tail_of_the_discordant_reviews() -> None:
    correct = np.array([True] * 7 + [False] * 2 + [True] * 50 + [False] * 5)
    other = np.array([False] * 7 + [True] * 2 + [True] * 50 + [False] * 5)
    # Nine coins, at most two heads, both tails: 2 * (1 + 9 + 36) / 2^9.
    assert mcnemar_p(correct, other) == pytest.approx(2 * 46 / 512)
    assert mcnemar_p(other, correct) == mcnemar_p(correct, other)


def test_mcnemar_of_models_that_never_differ_is_one() -> None:
    correct = np.array([True, False, True])
    assert mcnemar_p(correct, correct) == 1.0
