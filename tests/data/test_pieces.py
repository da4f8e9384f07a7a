from pathlib import Path

import numpy as np
import pytest

from imdb_rnn.data.pieces import pieces
from imdb_rnn.data.token_store import write_store

FIRST = [[5, 6, 7], [], [8]]
SECOND = [[9, 9, 9, 9, 9], [4]]


@pytest.mark.parametrize("words_at_once", [1, 2, 4, 5, 1000])
def test_all_words_come_once_in_order_whatever_the_size_of_a_piece(
    tmp_path: Path, words_at_once: int
) -> None:
    stores = [
        write_store(
            tmp_path / name,
            [np.array(review, dtype=np.int32) for review in reviews],
            [0] * len(reviews),
            [f"{name}{i}" for i in range(len(reviews))],
        )
        for name, reviews in (("a", FIRST), ("b", SECOND))
    ]
    read = list(pieces(stores, words_at_once))
    assert np.concatenate([words for words, _ in read]).tolist() == [
        word for review in FIRST + SECOND for word in review
    ]
    numbers = np.concatenate([reviews for _, reviews in read])
    assert numbers.tolist() == [0, 0, 0, 2, 3, 3, 3, 3, 3, 4]
    for words, reviews in read:
        assert len(words) <= max(words_at_once, 5)
        assert len(words) == len(reviews)
