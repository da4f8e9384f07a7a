"""The stage `baseline` on classes of any number."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from imdb_rnn.data.reviews import SCHEMA, write_reviews
from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.predictions import read_probabilities
from imdb_rnn.stages.baseline import METRICS, PREDICTIONS, TEST, TRAIN, baseline
from results import shipped_params

TEXTS = ("a dull film", "a long film", "a great film")
STARS = ("1", "2", "5")


def write_split(path: Path, labels: list[int], classes: tuple[str, ...] = STARS) -> list[str]:
    ids = [f"{path.stem}/{number}" for number in range(len(labels))]
    table = {
        "id": ids,
        "text": [TEXTS[label] for label in labels],
        "label": labels,
        "rating": [None] * len(labels),
        "movie": [None] * len(labels),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_reviews(path, pa.table(table, schema=SCHEMA), "own", classes)
    return ids


def test_stars_are_learned_and_scored_by_their_distance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_split(TRAIN, [0, 1, 2] * 10)
    ids = write_split(TEST, [0, 1, 2, 0])
    baseline(shipped_params())
    probabilities = read_probabilities(PREDICTIONS, ids, "baseline", STARS)
    assert {name: values.shape for name, values in probabilities.items()} == {
        "tfidf": (4, 3),
        "nb": (4, 3),
    }
    for scores in json.loads(METRICS.read_text())["models"].values():
        assert (scores["accuracy"], scores["mean_absolute_error"]) == (1.0, 0.0)


@pytest.mark.parametrize(("labels", "said"), [([2, 2], "all are of the class 5"), ([], "are none")])
def test_test_reviews_of_one_class_are_refused_before_anything_is_learned(
    labels: list[int], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_split(TRAIN, [0, 1, 2] * 10)
    write_split(TEST, labels)
    with pytest.raises(UserError, match=rf"data/raw/test\.parquet.*{said}"):
        baseline(shipped_params())
    assert not METRICS.exists()
