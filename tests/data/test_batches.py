import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imdb_rnn.data.batches import batches_by_length, collate, shuffled_batches

LENGTHS = np.random.default_rng(0).integers(1, 400, size=5000)


def _epoch(seed: int, epoch: int, *, by_length: bool = True) -> list[NDArray[np.int64]]:
    return shuffled_batches(LENGTHS, 32, seed, epoch, by_length=by_length)


@given(
    lengths=st.lists(st.integers(1, 50), min_size=1),
    size=st.integers(1, 10),
    epoch=st.integers(0, 3),
    by_length=st.booleans(),
)
def test_every_review_comes_once_an_epoch(
    lengths: list[int], size: int, epoch: int, *, by_length: bool
) -> None:
    batches = shuffled_batches(np.array(lengths), size, 1, epoch, by_length=by_length)
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    assert max(map(len, batches)) <= size


@pytest.mark.parametrize("by_length", [True, False])
def test_the_order_follows_from_seed_and_epoch(*, by_length: bool) -> None:
    first = np.concatenate(_epoch(1, 1, by_length=by_length))
    assert (first == np.concatenate(_epoch(1, 1, by_length=by_length))).all()
    assert (first != np.concatenate(_epoch(1, 2, by_length=by_length))).any()
    assert (first != np.concatenate(_epoch(2, 1, by_length=by_length))).any()


def test_reviews_of_like_length_stand_together() -> None:
    def padding(batches: list[NDArray[np.int64]]) -> float:
        return 1 - LENGTHS.sum() / sum(len(b) * LENGTHS[b].max() for b in batches)

    assert padding(_epoch(1, 1, by_length=True)) < 0.03
    assert padding(_epoch(1, 1, by_length=False)) > 0.3


def test_short_and_long_batches_are_mixed() -> None:
    means = [LENGTHS[batch].mean() for batch in _epoch(1, 1)]
    assert abs(np.corrcoef(np.arange(len(means)), means)[0, 1]) < 0.2


def test_prediction_goes_from_short_to_long() -> None:
    longest = [LENGTHS[batch].max() for batch in batches_by_length(LENGTHS, 32)]
    assert longest == sorted(longest)


@pytest.mark.parametrize(
    ("side", "fill_to", "rows"),
    [
        ("post", None, [[5, 6, 7], [8, 0, 0]]),
        ("pre", None, [[5, 6, 7], [0, 0, 8]]),
        ("post", 4, [[5, 6, 7, 0], [8, 0, 0, 0]]),
        ("pre", 4, [[0, 5, 6, 7], [0, 0, 0, 8]]),
    ],
)
def test_padding_goes_to_its_side(side: str, fill_to: int | None, rows: list[list[int]]) -> None:
    reviews = [np.array([5, 6, 7], dtype=np.int32), np.array([8], dtype=np.int32)]
    tokens, lengths = collate(reviews, side, fill_to)  # type: ignore[arg-type]
    assert tokens.tolist() == rows
    assert lengths.tolist() == [3, 1]
