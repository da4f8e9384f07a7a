from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.predictions import (
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
