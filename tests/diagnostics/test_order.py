"""Opponents without order, on reviews of which order or words alone decide."""

import numpy as np
import pytest

from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics.order import bag_of_words, teach_order
from imdb_rnn.diagnostics.small import in_memory
from studies import material_of

VOCABULARY = 8
FIRST, SECOND, FILLER = 2, 3, 4


def reviews(count: int, positive: list[int], negative: list[int]) -> TokenStore:
    """Two marks around fillers, by the label."""
    generator = np.random.default_rng(count)
    tokens = []
    for number in range(count):
        filler = generator.integers(FILLER, VOCABULARY, 4)
        first, last = positive if number % 2 else negative
        tokens.append(np.array([first, *filler, last], dtype=np.int32))
    return in_memory(tokens, np.arange(count, dtype=np.int8) % 2)


def test_a_bag_of_words_reads_words_but_not_their_order() -> None:
    marks = [FIRST, FIRST], [SECOND, SECOND]
    words = bag_of_words(reviews(600, *marks), reviews(200, *marks), VOCABULARY)
    assert words == {"accuracy": 1, "learned": 600}
    marks = [FIRST, SECOND], [SECOND, FIRST]
    order = bag_of_words(reviews(600, *marks), reviews(200, *marks), VOCABULARY)
    assert order["accuracy"] == pytest.approx(0.5, abs=0.12)


def test_a_network_learns_order_where_there_is_some() -> None:
    marks = [FIRST, SECOND], [SECOND, FIRST]
    valid = reviews(200, *marks)
    material = material_of(valid, VOCABULARY, words=6, hidden_size=16, epochs=12, reviews=300)
    found = teach_order(reviews(600, *marks), material)
    assert found["in_order"] > 0.95
    assert found["shuffled"] == pytest.approx(0.5, abs=0.12)
    assert found["learned"] == 600


def test_of_three_classes_words_are_learned_too() -> None:
    generator = np.random.default_rng(1)
    labels = np.arange(300, dtype=np.int8) % 3
    tokens = [
        np.append(generator.integers(5, VOCABULARY, 3), FIRST + label).astype(np.int32)
        for label in labels
    ]
    store = in_memory(tokens, labels)
    assert bag_of_words(store, store, VOCABULARY)["accuracy"] == 1
    material = material_of(
        store, VOCABULARY, ("a", "b", "c"), words=4, hidden_size=16, epochs=12, reviews=150
    )
    assert teach_order(store, material)["in_order"] > 0.95
