import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imdb_rnn.data.token_store import write_store
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.errors import UserError
from imdb_rnn.io.array_file import write_array

LABELLED = [[3, 4], [5]]
UNLABELLED = [[6, 6, 6], [7], [8, 9]]


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    for name, reviews, labels in (
        ("train", LABELLED, [1, 0]),
        ("unsup", UNLABELLED, [-1, -1, -1]),
    ):
        words = [np.array(review, dtype=np.int32) for review in reviews]
        write_store(tmp_path / name, words, labels, [f"{name}{i}" for i in range(len(words))])
    return tmp_path


def opened(prepared: Path, probabilities: list[Any], classes: int = 2) -> TrainingSet:
    file = prepared / "pseudo_labels.npy"
    write_array(file, np.array(probabilities, dtype=np.float32))
    return TrainingSet.open(prepared, file, classes)


def test_a_teachers_probabilities_stand_in_for_labels(prepared: Path) -> None:
    reviews = opened(prepared, [0.25, 0.5, 1.0])
    assert reviews.targets.tolist() == [1.0, 0.0, 0.25, 0.5, 1.0]
    assert [reviews[i].tolist() for i in range(len(reviews))] == LABELLED + UNLABELLED
    assert reviews.lengths.tolist() == [2, 1, 3, 1, 2]
    for outside in (5, -1):
        with pytest.raises(IndexError):
            reviews[outside]


def test_without_a_teacher_the_labelled_reviews_stand_alone(prepared: Path) -> None:
    reviews = opened(prepared, [])
    assert reviews.targets.tolist() == [1.0, 0.0]
    assert reviews.lengths.tolist() == [2, 1]


def test_more_than_two_classes_have_a_probability_each(prepared: Path) -> None:
    taught = [[0.2, 0.3, 0.5], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    reviews = opened(prepared, taught, classes=3)
    assert reviews.classes == 3
    np.testing.assert_allclose(reviews.targets, [[0, 1, 0], [1, 0, 0], *taught])
    with pytest.raises(UserError, match=r"of 3 classes, not 4"):
        opened(prepared, taught, classes=4)


def test_probabilities_of_other_reviews_are_refused(prepared: Path) -> None:
    with pytest.raises(UserError, match=r"2 for 3 reviews.*pseudo_label"):
        opened(prepared, [0.5, 0.5])


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, math.inf])
def test_what_is_no_probability_is_refused(prepared: Path, value: float) -> None:
    with pytest.raises(UserError, match=r"pseudo_labels\.npy: .*pseudo_label"):
        opened(prepared, [0.5, value, 0.5])


def test_an_array_of_another_shape_is_refused(prepared: Path) -> None:
    file = prepared / "pseudo_labels.npy"
    for wrong in (np.zeros((3, 1), dtype=np.float32), np.zeros(3)):
        write_array(file, wrong)
        with pytest.raises(UserError, match="1-d float32"):
            TrainingSet.open(prepared, file, 2)


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04N.", b"\x93NUMPY\x01\x00"])
def test_a_missing_or_damaged_file_is_refused_by_name(
    prepared: Path, content: bytes | None
) -> None:
    file = prepared / "pseudo_labels.npy"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=r"pseudo_labels\.npy: .*pseudo_label"):
        TrainingSet.open(prepared, file, 2)
