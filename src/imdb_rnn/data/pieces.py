"""Stores read from end to end, a few million words at once."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.data.token_store import TokenStore

WORDS_AT_ONCE: Final = 4_000_000


def pieces(
    stores: Sequence[TokenStore], words_at_once: int = WORDS_AT_ONCE
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Whole reviews, so many at once that memory does not grow with the corpus.

    Args:
        stores: Read in their order.
        words_at_once: Words of a piece; a longer review is a piece of its own.

    Yields:
        Word ids int64 [words], and the number of the review that each word stands in, int64
        [words], counted through all stores.
    """
    before = 0
    for store in stores:
        begin = 0
        while begin < len(store):
            limit = store.offsets[begin] + words_at_once
            end = max(begin + 1, int(np.searchsorted(store.offsets, limit, side="right")) - 1)
            words = store.tokens[store.offsets[begin] : store.offsets[end]].astype(np.int64)
            yield words, np.repeat(np.arange(begin, end) + before, store.lengths[begin:end])
            begin = end
        before += len(store)
