import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import precision_score, recall_score

from imdb_rnn.evaluation.calibration import calibration_bins
from imdb_rnn.evaluation.curves import (
    confusion_counts,
    precision_recall_points,
    roc_points,
    write_points,
)

Predictions = tuple[NDArray[np.int8], dict[str, NDArray[np.float64]]]


@pytest.fixture(name="predictions")
def make_predictions() -> Predictions:
    generator = np.random.default_rng(2)
    labels = (generator.random(400) < 0.5).astype(np.int8)
    blurred = {name: generator.normal(size=400) * noise for name, noise in (("rnn", 1), ("nb", 3))}
    return labels, {name: 1 / (1 + np.exp(-(2 * labels - 1 + n))) for name, n in blurred.items()}


def test_roc_runs_from_corner_to_corner_and_never_falls(predictions: Predictions) -> None:
    points = roc_points(*predictions)
    assert points.column_names == ["false_positive_rate", "rnn", "nb"]
    for name in points.column_names:
        values = points[name].to_numpy()
        assert values[-1] == 1.0
        assert (np.diff(values) >= 0).all()
    area = np.trapezoid(points["rnn"].to_numpy(), points["false_positive_rate"].to_numpy())
    assert area > np.trapezoid(points["nb"].to_numpy(), points["false_positive_rate"].to_numpy())


def test_precision_is_that_of_the_strictest_threshold_with_the_recall(
    predictions: Predictions,
) -> None:
    labels, probabilities = predictions
    points = precision_recall_points(labels, probabilities)
    row = 120
    wanted = points["recall"][row].as_py()
    for threshold in np.sort(probabilities["rnn"])[::-1]:
        predicted = probabilities["rnn"] >= threshold
        if recall_score(labels, predicted) >= wanted:
            break
    assert points["rnn"][row].as_py() == pytest.approx(precision_score(labels, predicted))


def test_confusion_counts_name_both_classes() -> None:
    labels = np.array([0, 0, 0, 1], dtype=np.int8)
    counts = confusion_counts(labels, np.array([0.1, 0.2, 0.8, 0.9]))
    assert counts.to_pylist() == [
        {"actual": "negative", "predicted": "negative", "reviews": 2},
        {"actual": "negative", "predicted": "positive", "reviews": 1},
        {"actual": "positive", "predicted": "negative", "reviews": 0},
        {"actual": "positive", "predicted": "positive", "reviews": 1},
    ]


def test_points_are_small_readable_and_identical_when_written_twice(
    predictions: Predictions, tmp_path: Path
) -> None:
    labels, probabilities = predictions
    tables = {
        "roc": roc_points(labels, probabilities),
        "precision_recall": precision_recall_points(labels, probabilities),
        "calibration": calibration_bins(labels, probabilities["rnn"]),
        "confusion": confusion_counts(labels, probabilities["rnn"]),
    }
    for name, points in tables.items():
        first, second = tmp_path / "first" / f"{name}.csv", tmp_path / "second" / f"{name}.csv"
        write_points(first, points)
        write_points(second, points)
        assert first.read_bytes() == second.read_bytes()
        rows = list(csv.DictReader(first.read_text().splitlines()))
        assert list(rows[0]) == points.column_names
        assert len(rows) == len(points) <= 300
