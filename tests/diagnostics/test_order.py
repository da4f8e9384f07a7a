"""Opponents without order, on reviews of which order or words alone decide."""

from pathlib import Path

import numpy as np
import pytest

from imdb_rnn.config import Params
from imdb_rnn.data.token_store import write_store
from imdb_rnn.diagnostics.order import bag_of_words, teach_order
from results import shipped_params

VOCABULARY = 8
FIRST, SECOND, FILLER = 2, 3, 4


def params() -> Params:
    values = shipped_params().model_dump()
    values["diagnostics"] |= {"words": 6, "hidden_size": 16, "epochs": 12, "reviews": 300}
    return Params.model_validate(values)


def prepare(folder: Path, positive: list[int], negative: list[int]) -> Path:
    random = np.random.default_rng(2)
    for split, count in (("train", 600), ("valid", 200)):
        reviews = []
        for number in range(count):
            filler = random.integers(FILLER, VOCABULARY, 4)
            marks = positive if number % 2 else negative
            reviews.append(np.array([marks[0], *filler, marks[1]], dtype=np.int32))
        labels = [number % 2 for number in range(count)]
        write_store(folder / split, reviews, labels, list(map(str, range(count))))
    return folder


def test_a_bag_of_words_reads_words_but_not_their_order(tmp_path: Path) -> None:
    words = bag_of_words(prepare(tmp_path / "words", [FIRST, FIRST], [SECOND] * 2), VOCABULARY)
    order = bag_of_words(prepare(tmp_path / "order", [FIRST, SECOND], [SECOND, FIRST]), VOCABULARY)
    assert words.accuracy == 1
    assert words.learned == 600
    assert order.accuracy == pytest.approx(0.5, abs=0.12)


def test_a_network_learns_order_where_there_is_some(tmp_path: Path) -> None:
    prepared = prepare(tmp_path / "order", [FIRST, SECOND], [SECOND, FIRST])
    found = teach_order(prepared, VOCABULARY, params())
    assert found.in_order > 0.95
    assert found.shuffled == pytest.approx(0.5, abs=0.12)
    assert found.learned == 600
