from typing import Any

import numpy as np
import pytest

from imdb_rnn.diagnostics.small import in_memory
from imdb_rnn.diagnostics.windows import WINDOWS, lengths_for, read_parts, window
from imdb_rnn.models.classifier import Classifier
from models.shapes import model_shape

REVIEW = np.arange(1, 8, dtype=np.int32)


@pytest.mark.parametrize(
    ("place", "length", "expected"),
    [
        ("first", 3, [1, 2, 3]),
        ("middle", 3, [3, 4, 5]),
        ("last", 3, [5, 6, 7]),
        ("middle", 2, [3, 4]),
        *((place, 20, [1, 2, 3, 4, 5, 6, 7]) for place in ("first", "middle", "last")),
    ],
)
def test_a_window_is_where_it_says(place: str, length: int, expected: list[int]) -> None:
    assert window(REVIEW, place, length).tolist() == expected


def counting_classifier() -> Classifier:
    """Calls positive what holds word 2 at its very end."""
    classifier = Classifier(4, 200, model_shape(hidden_size=1, embedding_size=1), seed=0)
    state: dict[str, Any] = classifier.state_dict()
    for weight in state.values():
        weight.zero_()
    state["embedding.weight"][2] = 5.0
    state["layers.0.forwards.weight_ih_l0"].fill_(1)
    state["output.weight"].fill_(4)
    state["output.bias"].fill_(-1)
    return classifier.eval()


def test_accuracies_are_of_the_parts_that_are_named() -> None:
    ends_with = [
        np.array([1] * 150 + [2], dtype=np.int32),
        np.array([2] + [1] * 150, dtype=np.int32),
    ]
    found = read_parts(counting_classifier(), in_memory(ends_with, np.array([1, 0], np.int8)), 0)
    assert found["whole"] == 1
    assert found["last"] == dict.fromkeys(map(str, WINDOWS), 1.0)
    assert found["first"] == dict.fromkeys(map(str, WINDOWS), 0.5)
    assert found["shuffled"] == 0.5


def test_shuffling_follows_from_the_seed() -> None:
    reviews = [np.random.default_rng(i).integers(1, 3, 9).astype(np.int32) for i in range(60)]
    store = in_memory(reviews, np.tile(np.array([0, 1], np.int8), 30))
    shuffled = [read_parts(counting_classifier(), store, seed)["shuffled"] for seed in (1, 1, 2, 3)]
    assert shuffled[0] == shuffled[1]
    assert len(set(shuffled)) > 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([100, 200, 300], [10, 25, 50, 100]),
        ([20, 20, 600], [2, 5, 10, 20]),
        ([3], [1, 3]),
        ([1, 1], [1]),
    ],
)
def test_windows_are_shorter_where_the_median_review_is(
    words: list[int], expected: list[int]
) -> None:
    reviews = [np.ones(number, dtype=np.int32) for number in words]
    assert lengths_for(in_memory(reviews, np.zeros(len(words), np.int8))) == expected
