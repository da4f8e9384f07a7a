import csv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from imdb_rnn.evaluation.calibration import calibration_bins
from imdb_rnn.evaluation.curves import (
    MOST_DRAWN,
    confusion_cells,
    confusion_counts,
    most_confused,
    precision_recall_points,
    read_points,
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


def of_many(classes: int, skill: float = 2.0) -> Predictions:
    generator = np.random.default_rng(classes)
    labels = np.resize(np.arange(classes), 300).astype(np.int8)
    logits = generator.normal(size=(300, classes)) + skill * np.eye(classes)[labels]
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, {"rnn": probability, "nb": np.full((300, classes), 1 / classes)}


def test_the_curve_of_many_classes_is_the_mean_of_each_against_the_rest() -> None:
    labels, probabilities = of_many(3)
    for points_of in (roc_points, precision_recall_points):
        points = points_of(labels, probabilities, ("a", "rnn", "c"))
        assert points.column_names[1:] == ["rnn", "nb", "class a", "class rnn", "class c"]
        each = np.stack([points[name].to_numpy() for name in points.column_names[3:]])
        np.testing.assert_allclose(points["rnn"].to_numpy(), each.mean(axis=0))
        alone = points_of((labels == 1).astype(np.int8), {"rnn": probabilities["rnn"][:, 1]})
        np.testing.assert_allclose(points["class rnn"].to_numpy(), alone["rnn"].to_numpy())


def test_the_area_under_the_mean_curve_is_the_mean_area() -> None:
    labels, probabilities = of_many(5)
    points = roc_points(labels, probabilities, tuple("abcde"))
    area = np.trapezoid(points["rnn"].to_numpy(), points["false_positive_rate"].to_numpy())
    wanted = roc_auc_score(labels, probabilities["rnn"], multi_class="ovr")
    assert area == pytest.approx(wanted, abs=2e-3)


def test_more_classes_than_can_be_told_apart_have_no_curves_of_their_own() -> None:
    classes = tuple(map(str, range(MOST_DRAWN + 1)))
    points = roc_points(*of_many(len(classes)), classes)
    assert points.column_names == ["false_positive_rate", "rnn", "nb"]


def test_names_of_classes_come_back_as_they_were(tmp_path: Path) -> None:
    classes = ("01", 'a "b", c', "true", "", "two\nlines")
    counts = confusion_counts(*_first(of_many(5)), classes)
    write_points(tmp_path / "confusion.csv", counts)
    read = read_points(tmp_path / "confusion.csv")
    assert read.to_pylist() == counts.to_pylist()
    assert read["predicted"].to_pylist()[:5] == list(classes)
    curves = roc_points(*of_many(5), classes)
    write_points(tmp_path / "roc.csv", curves)
    assert read_points(tmp_path / "roc.csv").column_names == curves.column_names


def _first(predictions: Predictions) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    labels, probabilities = predictions
    return labels, probabilities["rnn"]


def test_the_most_confused_classes_are_those_with_mistakes_of_both_kinds() -> None:
    cells = np.diag([9, 9, 9, 9])
    cells[3, 1] = 5  # of class 3, taken for class 1
    cells[0, 3] = 1
    assert most_confused(cells, 2).tolist() == [1, 3]
    assert most_confused(cells, 3).tolist() == [0, 1, 3]
    counts = pa.table({"actual": list("aabb"), "predicted": list("abab"), "reviews": [1, 2, 3, 4]})
    assert confusion_cells(counts).tolist() == [[1, 2], [3, 4]]
