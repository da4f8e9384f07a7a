from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.predictions import (
    read_predictions,
    read_probabilities,
    require_same_reviews,
    write_predictions,
)

IDS = ["test/neg/0_2", "test/neg/1_3", "test/pos/0_10"]
REVIEWS = pa.table({"id": IDS, "text": ["a", "b", "c"], "label": pa.array([0, 0, 1], pa.int8())})
NB = np.array([0.25, 0.5, 0.75], dtype=np.float32)


@pytest.fixture(name="path")
def make_path(tmp_path: Path) -> Path:
    path = tmp_path / "reports" / "baseline_predictions.parquet"
    write_predictions(path, REVIEWS, {"nb": NB})
    return path


def test_predictions_come_back_by_model(path: Path) -> None:
    probabilities = read_probabilities(path, IDS, made_by="baseline")
    assert list(probabilities) == ["nb"]
    np.testing.assert_array_equal(probabilities["nb"], NB)


def test_equal_predictions_make_equal_bytes(path: Path, tmp_path: Path) -> None:
    write_predictions(tmp_path / "again.parquet", REVIEWS, {"nb": NB})
    assert (tmp_path / "again.parquet").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("expected", "complaint"),
    [
        (IDS[:2], "3 reviews where 2 are expected"),
        ([IDS[1], IDS[0], IDS[2]], "test/neg/0_2 in row 0 where test/neg/1_3 is expected"),
        ([*IDS[:2], "test/pos/9_9"], "test/pos/0_10 in row 2 where test/pos/9_9 is expected"),
    ],
)
def test_predictions_of_other_reviews_are_refused(
    path: Path, expected: list[str], complaint: str
) -> None:
    with pytest.raises(UserError) as refusal:
        read_probabilities(path, expected, made_by="baseline")
    assert complaint in str(refusal.value)
    assert path.name in str(refusal.value)
    assert "dvc repro baseline" in str(refusal.value)


def test_the_same_reviews_pass() -> None:
    require_same_reviews(IDS, list(IDS), origin="data/prepared/test", made_by="prepare")


CLASSES = ("bad", "so so", "good")
OF_EACH = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [1.0, 0.0, 0.0]])


def write_three(path: Path, labels: list[int] | None = None, **columns: NDArray[Any]) -> None:
    table = pa.table({"id": IDS, "label": pa.array(labels or [0, 2, 2], pa.int8())})
    write_predictions(path, table, columns, CLASSES)


def test_predictions_of_three_classes_come_back_with_their_names(tmp_path: Path) -> None:
    path = tmp_path / "predictions.parquet"
    write_three(path, logit=np.log(OF_EACH + 1e-9), probability=OF_EACH)
    found = read_predictions(path, "A")
    assert (found.ids, found.labels.tolist(), found.classes) == (IDS, [0, 2, 2], CLASSES)
    np.testing.assert_allclose(found.probability, OF_EACH, rtol=1e-15)


def test_two_classes_with_names_of_their_own_keep_one_number_each(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.parquet", REVIEWS, {"probability": NB}, ("ham", "spam"))
    found = read_predictions(tmp_path / "p.parquet", "A")
    assert found.classes == ("ham", "spam")
    np.testing.assert_array_equal(found.probability, NB)


def test_what_single_precision_rounds_away_is_put_right(tmp_path: Path) -> None:
    write_three(tmp_path / "baseline.parquet", nb=OF_EACH.astype(np.float32))
    found = read_probabilities(tmp_path / "baseline.parquet", IDS, "baseline", CLASSES)
    np.testing.assert_allclose(found["nb"].sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_allclose(found["nb"], OF_EACH, rtol=1e-6)


def test_probabilities_of_other_classes_are_refused(tmp_path: Path) -> None:
    write_three(tmp_path / "baseline.parquet", nb=OF_EACH)
    others = ("bad", "good", "so so")
    with pytest.raises(UserError, match=r"bad, so so, good.*bad, good, so so.*repro baseline"):
        read_probabilities(tmp_path / "baseline.parquet", IDS, "baseline", others)
    with pytest.raises(UserError, match="neg, pos"):
        read_probabilities(tmp_path / "baseline.parquet", IDS, "baseline")


@pytest.mark.parametrize(
    ("labels", "probability", "complaint"),
    [
        (None, OF_EACH * 0.99, "sum to 1"),
        (None, OF_EACH - [0.3, -0.3, 0], "between 0 and 1"),
        (None, np.where(OF_EACH == 0.7, np.nan, OF_EACH), "between 0 and 1"),
        (None, OF_EACH[:, 0], "a list of 3 numbers"),
        (None, OF_EACH[:, :2], "a list of 3 numbers"),
        ([0, 1, 3], OF_EACH, "from 0 to 2"),
        ([0, 1, -1], OF_EACH, "from 0 to 2"),
        ([1, 1, 1], OF_EACH, "two must occur"),
    ],
)
def test_what_is_no_prediction_of_three_classes_is_refused(
    labels: list[int] | None, probability: NDArray[np.float64], complaint: str, tmp_path: Path
) -> None:
    write_three(tmp_path / "predictions.parquet", labels, probability=probability)
    with pytest.raises(UserError, match=rf"A: these are not predictions.*{complaint}"):
        read_predictions(tmp_path / "predictions.parquet", "A")


@pytest.mark.parametrize("named", ['["a"]', '["a", "a"]', "[1, 2]", "3", "{", "null"])
def test_a_table_that_names_no_classes_is_refused(named: str, tmp_path: Path) -> None:
    table = pa.table({"id": IDS, "label": pa.array([0, 1, 1], pa.int8()), "probability": NB})
    damaged = table.replace_schema_metadata({"classes": named})
    pq.write_table(damaged, tmp_path / "predictions.parquet")
    with pytest.raises(UserError, match="A: these are not predictions"):
        read_predictions(tmp_path / "predictions.parquet", "A")
