import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from imdb_rnn.data.classes import likeliest
from imdb_rnn.evaluation.calibration import calibration_bins, expected_calibration_error
from imdb_rnn.evaluation.metrics import (
    absolute_errors,
    classification_metrics,
    probability_of,
    rounded,
)

LABELS = np.array([1, 1, 0, 0], dtype=np.int8)
PROBABILITY = np.array([0.9, 0.4, 0.2, 0.6])


def test_metrics_agree_with_hand_computed_values() -> None:
    metrics = classification_metrics(LABELS, PROBABILITY)
    assert metrics["accuracy"] == 0.5
    assert metrics["f1"] == pytest.approx(0.5)  # one true, one false, one missed positive
    assert metrics["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.4]).mean())
    assert metrics["brier"] == pytest.approx((0.01 + 0.36 + 0.04 + 0.36) / 4)
    assert metrics["roc_auc"] == pytest.approx(3 / 4)  # of four pairs, (0.4, 0.6) is out of order
    assert metrics["average_precision"] == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert metrics["expected_calibration_error"] == pytest.approx((0.1 + 0.6 + 0.2 + 0.6) / 4)


def test_probability_and_label_follow_the_logit() -> None:
    probability = probability_of(np.array([-2.0, 0.0, 2.0, 40.0], dtype=np.float32))
    np.testing.assert_allclose(probability[:3], [1 / (1 + np.e**2), 0.5, 1 / (1 + np.e**-2)])
    assert probability.dtype == np.float64
    np.testing.assert_array_equal(likeliest(probability), [0, 0, 1, 1])


def test_calibration_bins_count_every_review_once() -> None:
    generator = np.random.default_rng(3)
    probability = np.concatenate([[0.0, 1.0, 0.1, 0.3], generator.random(500)])
    labels = (generator.random(504) < probability).astype(np.int8)
    bins = calibration_bins(labels, probability)
    reviews = bins["reviews"].to_numpy()
    assert reviews.sum() == 504
    assert np.dot(bins["positive_share"].to_numpy(), reviews) == pytest.approx(labels.sum())
    assert np.dot(bins["mean_probability"].to_numpy(), reviews) == pytest.approx(probability.sum())


def test_calibration_error_tells_honest_from_overconfident() -> None:
    labels = np.tile(np.array([1, 1, 1, 0], dtype=np.int8), 25)
    honest = calibration_bins(labels, np.full(100, 0.75))
    overconfident = calibration_bins(labels, np.full(100, 0.95))
    assert expected_calibration_error(honest) == pytest.approx(0.0)
    assert expected_calibration_error(overconfident) == pytest.approx(0.2)


def test_rounded_metrics_are_plain_json_numbers() -> None:
    metrics = rounded({"n": 4, "deep": {"share": np.float64(1 / 3), "p": 1.23456789e-9}})
    assert json.dumps(metrics) == '{"n": 4, "deep": {"share": 0.333333, "p": 1.23457e-09}}'


FOUR_CLASSES = 4
GENERATOR = np.random.default_rng(5)
OF_FOUR = np.resize(np.arange(FOUR_CLASSES), 200).astype(np.int8)
"""Labels of four classes, all of which occur."""
OF_EACH = probability_of(
    (GENERATOR.normal(size=(200, FOUR_CLASSES)) + 1.5 * np.eye(FOUR_CLASSES)[OF_FOUR]).astype(
        np.float32
    )
)


def test_metrics_of_many_classes_agree_with_scikit_learn() -> None:
    found = classification_metrics(OF_FOUR, OF_EACH)
    named = np.eye(FOUR_CLASSES)[OF_FOUR]
    predicted = OF_EACH.argmax(axis=1)
    assert found == {
        "accuracy": pytest.approx(np.mean(predicted == OF_FOUR)),
        "log_loss": pytest.approx(-np.log((OF_EACH * named).sum(axis=1)).mean()),
        "brier": pytest.approx(((OF_EACH - named) ** 2).sum(axis=1).mean()),
        "roc_auc": pytest.approx(roc_auc_score(OF_FOUR, OF_EACH, multi_class="ovr")),
        "average_precision": pytest.approx(average_precision_score(named, OF_EACH)),
        "macro_f1": pytest.approx(f1_score(OF_FOUR, predicted, average="macro")),
        "weighted_f1": pytest.approx(f1_score(OF_FOUR, predicted, average="weighted")),
        "expected_calibration_error": pytest.approx(_calibration_error_of_the_likeliest()),
    }


def _calibration_error_of_the_likeliest() -> float:
    """Equation 3 of Guo et al. 2017, in ten bins."""
    confidence, right = OF_EACH.max(axis=1), OF_EACH.argmax(axis=1) == OF_FOUR
    bins = [(confidence * 10).astype(int) == number for number in range(10)]
    return sum(
        abs(right[members].mean() - confidence[members].mean()) * members.mean()
        for members in bins
        if members.any()
    )


def test_a_class_that_does_not_occur_is_left_out_of_the_averages() -> None:
    labels, probability = OF_FOUR[OF_FOUR != 2], OF_EACH[OF_FOUR != 2]
    areas = [roc_auc_score(labels == label, probability[:, label]) for label in (0, 1, 3)]
    found = classification_metrics(labels, probability)
    assert found["roc_auc"] == pytest.approx(np.mean(areas))
    assert all(map(np.isfinite, found.values()))


def test_probabilities_of_many_classes_are_the_softmax_in_double_precision() -> None:
    logits = np.array([[0.0, np.log(2), np.log(5)], [100.0, 0.0, -100.0]], dtype=np.float32)
    probability = probability_of(logits)
    np.testing.assert_allclose(probability[0], [1 / 8, 2 / 8, 5 / 8], rtol=1e-6)
    assert 0 < probability[1, 2] < 1e-80


def test_errors_are_distances_between_the_numbers_that_classes_are() -> None:
    labels = np.array([0, 1, 2, 2], dtype=np.int8)
    probability = np.eye(3)[[0, 2, 2, 0]]
    errors = absolute_errors(labels, probability, ("-1", "4", "+10"))
    np.testing.assert_array_equal(errors, [0, 6, 0, 11])


@pytest.mark.parametrize("classes", [("1", "2", "three"), ("1", "2", "2.5"), ("1", "2", "")])
def test_classes_that_are_no_whole_numbers_have_no_errors(classes: tuple[str, ...]) -> None:
    assert absolute_errors(np.zeros(2, np.int8), np.eye(3)[[0, 1]], classes) is None
