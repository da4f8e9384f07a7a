import json

import numpy as np
import pytest

from imdb_rnn.data.classes import likeliest
from imdb_rnn.evaluation.calibration import calibration_bins, expected_calibration_error
from imdb_rnn.evaluation.metrics import (
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
