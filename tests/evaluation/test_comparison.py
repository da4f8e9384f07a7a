"""The comparison of two models: its statistics, and how often it raises a false alarm."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit, softmax
from scipy.stats import binomtest, bootstrap, norm, sem
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from imdb_rnn.evaluation import comparison
from imdb_rnn.evaluation.comparison import (
    CONFIDENCE,
    POWER,
    Comparison,
    Difference,
    compare,
    reviews_needed,
    visible_difference,
)
from imdb_rnn.evaluation.intervals import Interval, auc_difference_interval, mcnemar_p
from imdb_rnn.evaluation.predictions import Predictions


def predictions(labels: NDArray[np.int8], probability: NDArray[np.float64]) -> Predictions:
    return Predictions([f"test/{i}" for i in range(len(labels))], labels, probability)


def models(
    reviews: int, skills: tuple[float, float], seed: int = 1
) -> tuple[Predictions, Predictions, NDArray[np.int8]]:
    random = np.random.default_rng(seed)
    labels = (random.random(reviews) < 0.5).astype(np.int8)
    first, second = (
        1 / (1 + np.exp(-random.normal(skill * (2.0 * labels - 1), 1.0))) for skill in skills
    )
    return predictions(labels, first), predictions(labels, second.round(2)), labels


def counted(only_first: int, only_second: int, reviews: int = 1000) -> Comparison:
    right, other = np.ones(reviews, bool), np.ones(reviews, bool)
    other[:only_first] = False
    right[only_first : only_first + only_second] = False
    gap = Difference(float(right.mean()), float(other.mean()), Interval(0.0, 0.0))
    p = mcnemar_p(right, other)
    return Comparison(reviews, {"accuracy": gap}, only_first, only_second, p, [])


def test_the_numbers_are_those_of_scikit_learn_and_scipy() -> None:
    first, second, labels = models(400, (0.6, 1.0))
    found = compare(first, second)
    for side, model in ((0, first), (1, second)):
        decisions = model.probability > 0.5
        values = {name: measure[side] for name, measure in found.measures.items()}
        assert values == {
            "accuracy": pytest.approx(accuracy_score(labels, decisions)),
            "log_loss": pytest.approx(log_loss(labels, model.probability)),
            "roc_auc": pytest.approx(roc_auc_score(labels, model.probability)),
        }
    assert all(m.interval.low < m.value < m.interval.high for m in found.measures.values())
    test = binomtest(found.only_first, found.only_first + found.only_second)
    assert found.mcnemar_p == pytest.approx(test.pvalue)
    assert found.only_second - found.only_first == pytest.approx(
        400 * found.measures["accuracy"].value
    )


def test_the_sampling_error_is_that_of_the_mean_of_paired_differences() -> None:
    first, second, labels = models(400, (0.6, 1.0))
    right, other = ((side.probability > 0.5) == labels for side in (first, second))
    expected = sem(other.astype(int) - right.astype(int), ddof=0)
    assert compare(first, second).sampling_error == pytest.approx(expected)


def test_certainty_has_a_finite_loss() -> None:
    labels = np.array([0, 1, 1, 0], dtype=np.int8)
    sure = predictions(labels, np.array([0.0, 1.0, 0.0, 1.0]))
    found = compare(sure, sure)
    assert found.measures["log_loss"].first == pytest.approx(log_loss(labels, sure.probability))


@pytest.mark.parametrize("name", ["accuracy", "log_loss"])
def test_intervals_are_scipy_s_paired_bootstrap_of_scikit_learn_s_measures(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "RESAMPLES", 200)
    first, second, labels = models(60, (0.4, 0.8))
    measure = {
        "accuracy": lambda labels, probability: accuracy_score(labels, probability > 0.5),
        "log_loss": lambda labels, probability: log_loss(labels, probability, labels=[0, 1]),
    }[name]

    def difference(*drawn: NDArray[np.float64]) -> float:
        labels, probability, other = drawn
        return float(measure(labels, other) - measure(labels, probability))

    expected = bootstrap(
        (labels, first.probability, second.probability),
        difference,
        paired=True,
        vectorized=False,
        n_resamples=comparison.RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(comparison.SEED),
    ).confidence_interval
    found = compare(first, second).measures[name].interval
    assert found == pytest.approx((expected.low, expected.high))


def test_the_interval_of_the_auc_is_scipy_s_with_scikit_learn_s_auc() -> None:
    first, second, labels = models(60, (0.4, 0.8))

    def difference(drawn: NDArray[np.int64]) -> float:
        areas = (roc_auc_score(labels[drawn], m.probability[drawn]) for m in (second, first))
        return float(np.subtract(*areas))

    expected = bootstrap(
        (np.arange(60),),
        difference,
        n_resamples=200,
        batch=50,
        vectorized=False,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(7),
    ).confidence_interval
    found = auc_difference_interval(
        labels[:, None] == 1,
        (first.probability[:, None], second.probability[:, None]),
        0.9,
        resamples=200,
        seed=7,
    )
    assert found == pytest.approx((expected.low, expected.high))


def test_a_tiny_test_set_has_an_interval_too() -> None:
    labels = np.array([0, 1, 1], dtype=np.int8)
    probabilities = (np.array([[0.1], [0.9], [0.4]]), np.array([[0.5], [0.9], [0.4]]))
    low, high = auc_difference_interval(
        labels[:, None] == 1, probabilities, 0.9, resamples=200, seed=7
    )
    assert -1 <= low <= high <= 0


def test_equally_good_models_are_told_apart_as_rarely_as_promised() -> None:
    random = np.random.default_rng(5)
    trials, reviews, disagreement = 2000, 2000, 0.06
    differing = random.binomial(reviews, disagreement, trials)
    only_first = random.binomial(differing, 0.5)
    alarms = sum(
        counted(first, both - first, reviews).outcome != "cannot be told apart"
        for first, both in zip(only_first, differing, strict=True)
    )
    rate = 1 - CONFIDENCE
    # An exact test stays below its level, by what the jumps of the binomial cost.
    assert binomtest(alarms, trials, rate, alternative="greater").pvalue > 0.001
    assert binomtest(alarms, trials, rate / 2, alternative="less").pvalue > 0.001


def test_the_paired_intervals_hold_the_true_difference_as_often_as_promised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two models that share much of their noise, evaluated on many sets of reviews."""
    monkeypatch.setattr(comparison, "RESAMPLES", 300)
    random, skills = np.random.default_rng(8), (0.7, 1.0)

    def on_some(reviews: int) -> Comparison:
        labels = (random.random(reviews) < 0.5).astype(np.int8)
        shared = random.normal(size=reviews)
        first, second = (
            predictions(
                labels, expit(skill * (2 * labels - 1) + shared + random.normal(size=reviews))
            )
            for skill in skills
        )
        return compare(first, second)

    # Scores of a class are normal with variance 2, so that the difference of two has variance 4.
    areas = [float(norm.cdf(2 * skill / 2)) for skill in skills]
    losses = [_mean_loss(skill) for skill in skills]
    true = {"roc_auc": areas[1] - areas[0], "log_loss": losses[1] - losses[0]}
    trials = 200
    drawn = [on_some(150).measures for _ in range(trials)]
    for name, difference in true.items():
        intervals = [measures[name].interval for measures in drawn]
        held = sum(low <= difference <= high for low, high in intervals)
        assert binomtest(held, trials, CONFIDENCE).pvalue > 0.001, f"{name}: {held} of {trials}"


def _mean_loss(skill: float) -> float:
    """Expected log loss of a model whose log odds for the truth are normal(skill, 2)."""
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    losses = np.logaddexp(0, -(skill + np.sqrt(2) * points))
    return float(weights @ losses / weights.sum())


def test_a_visible_difference_is_seen_as_often_as_promised() -> None:
    random = np.random.default_rng(6)
    trials, reviews, disagreement = 1000, 5000, 0.06
    gap = visible_difference(reviews, disagreement)
    differing = random.binomial(reviews, disagreement, trials)
    only_second = random.binomial(differing, (1 + gap / disagreement) / 2)
    seen = sum(
        counted(both - second, second, reviews).outcome == "better"
        for second, both in zip(only_second, differing, strict=True)
    )
    assert seen / trials == pytest.approx(POWER, abs=0.05)


def test_the_reviews_needed_make_the_difference_visible() -> None:
    needed = reviews_needed(0.002, 0.05)
    assert visible_difference(needed, 0.05) <= 0.002 < visible_difference(needed - 1, 0.05)


@pytest.mark.parametrize(
    ("only_first", "only_second", "outcome"),
    [
        (10, 40, "better"),
        (40, 10, "worse"),
        (24, 26, "cannot be told apart"),
        (0, 0, "cannot be told apart"),
    ],
)
def test_the_outcome_is_said_of_the_second(only_first: int, only_second: int, outcome: str) -> None:
    assert counted(only_first, only_second).outcome == outcome


def test_disagreements_are_sorted_by_how_far_the_probability_moved() -> None:
    labels = np.array([1, 0, 1, 0, 1], dtype=np.int8)
    first = predictions(labels, np.array([0.4, 0.9, 0.9, 0.2, 0.55]))
    second = predictions(labels, np.array([0.6, 0.1, 0.7, 0.1, 0.1]))
    disagreements: list[Any] = compare(first, second).disagreements
    assert [review.id for review in disagreements] == ["test/1", "test/4", "test/0"]
    assert disagreements[0] == ("test/1", 0, 0.9, 0.1, 1, 0)


CLASSES = ("1", "2", "5")


def of_three(reviews: int, skills: tuple[float, float]) -> tuple[Predictions, Predictions]:
    random = np.random.default_rng(3)
    labels = np.resize(np.arange(3), reviews).astype(np.int8)
    shared = random.normal(size=(reviews, 3))
    first, second = (
        softmax(shared + random.normal(size=(reviews, 3)) + skill * np.eye(3)[labels], axis=1)
        for skill in skills
    )
    ids = [f"test/{i}" for i in range(reviews)]
    return Predictions(ids, labels, first, CLASSES), Predictions(ids, labels, second, CLASSES)


def test_the_better_of_two_models_of_three_classes_is_called_so() -> None:
    first, second = of_three(600, (1.0, 2.0))
    found = compare(first, second)
    assert (found.outcome, compare(second, first).outcome) == ("better", "worse")
    assert found.classes == CLASSES
    stars = np.array([1, 2, 5])
    for side, model in ((0, first), (1, second)):
        labels, decisions = model.labels, model.probability.argmax(axis=1)
        assert {name: measure[side] for name, measure in found.measures.items()} == {
            "accuracy": pytest.approx(accuracy_score(labels, decisions)),
            "log_loss": pytest.approx(log_loss(labels, model.probability)),
            "roc_auc": pytest.approx(roc_auc_score(labels, model.probability, multi_class="ovr")),
            "mean_absolute_error": pytest.approx(np.abs(stars[decisions] - stars[labels]).mean()),
        }
    assert all(m.interval.low < m.value < m.interval.high for m in found.measures.values())


def test_a_model_of_three_classes_cannot_be_told_apart_from_itself() -> None:
    first, _ = of_three(60, (1.0, 2.0))
    found = compare(first, first)
    assert (found.outcome, found.disagreements) == ("cannot be told apart", [])
    assert {(m.value, *m.interval) for m in found.measures.values()} == {(0.0, 0.0, 0.0)}


def test_the_interval_of_the_mean_auc_is_scipy_s_with_scikit_learn_s_auc() -> None:
    first, second = of_three(90, (0.5, 1.0))
    labels, ties = first.labels, first.probability.round(1)
    pair = (ties / ties.sum(axis=1, keepdims=True), second.probability)

    def difference(drawn: NDArray[np.int64]) -> float:
        areas = (roc_auc_score(labels[drawn], m[drawn], multi_class="ovr") for m in pair)
        return -float(np.subtract(*areas))

    expected = bootstrap(
        (np.arange(90),),
        difference,
        n_resamples=100,
        batch=50,
        vectorized=False,
        confidence_level=0.9,
        method="percentile",
        rng=np.random.default_rng(7),
    ).confidence_interval
    of_class = labels[:, None] == np.arange(3)
    found = auc_difference_interval(of_class, pair, 0.9, resamples=100, seed=7)
    assert found == pytest.approx((expected.low, expected.high))


def test_disagreements_on_three_classes_tell_what_each_model_says() -> None:
    labels = np.array([0, 1, 2], dtype=np.int8)
    first = np.array([[0.6, 0.3, 0.1], [0.4, 0.5, 0.1], [0.1, 0.1, 0.8]])
    second = np.array([[0.1, 0.1, 0.8], [0.5, 0.4, 0.1], [0.2, 0.1, 0.7]])
    ids = ["a", "b", "c"]
    found = compare(
        Predictions(ids, labels, first, CLASSES), Predictions(ids, labels, second, CLASSES)
    )
    assert found.disagreements == [("a", 0, 0.6, 0.8, 0, 2), ("b", 1, 0.5, 0.5, 1, 0)]
