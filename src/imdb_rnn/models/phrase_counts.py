"""Counting the phrases of the training reviews."""

from typing import Final

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from imdb_rnn.corpus.pieces import pieces
from imdb_rnn.corpus.training_set import TrainingSet
from imdb_rnn.corpus.vocabulary import UNKNOWN_ID
from imdb_rnn.models.phrases import NO_PHRASE, PhrasePolarity, find_phrases

SMOOTHING: Final = 1.0
"""Added to the count of either side."""


def count_phrases(
    reviews: TrainingSet, vocabulary_size: int, longest: int, least_count: int
) -> PhrasePolarity:
    """Find the frequent phrases and their polarities.

    Args:
        reviews: With the probability that each is positive.
        vocabulary_size: Number of word ids.
        longest: Words of the longest phrases.
        least_count: A phrase that occurs less often is left out.
    """
    levels: list[tuple[torch.Tensor, torch.Tensor]] = []
    for _ in range(longest):
        shorter = [keys for keys, _ in levels]
        levels.append(_count_level(reviews, shorter, vocabulary_size, least_count))
    table = PhrasePolarity(vocabulary_size, [len(keys) for keys, _ in levels])
    for length, (keys, polarities) in enumerate(levels, start=1):
        table.get_buffer(f"keys_{length}").copy_(keys)
        table.get_buffer(f"polarities_{length}").copy_(polarities)
    return table


def _count_level(
    reviews: TrainingSet, shorter: list[torch.Tensor], vocabulary_size: int, least_count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Keys and polarities of the phrases that are one word longer than the longest so far."""
    shape = (len(shorter[-1]) if shorter else 1, vocabulary_size)
    counts, positive = (sp.csr_array(shape, dtype=np.float64) for _ in range(2))
    for numbers, review in pieces(reviews.stores):
        words, begins = torch.from_numpy(numbers), np.diff(review, prepend=-1) > 0
        beginnings = _beginnings(shorter, words, torch.from_numpy(begins), vocabulary_size)
        kept = ((beginnings != NO_PHRASE) & (words > UNKNOWN_ID)).numpy()
        places = (beginnings.numpy()[kept], numbers[kept])
        counts += sp.coo_array((np.ones(int(kept.sum())), places), shape=shape).tocsr()
        mass = reviews.targets[review[kept]].astype(np.float64)
        positive += sp.coo_array((mass, places), shape=shape).tocsr()
    pairs = counts.tocoo()
    frequent = pairs.data >= least_count
    row, column, count = pairs.row[frequent], pairs.col[frequent], pairs.data[frequent]
    mass = _values_at(positive, row, column)
    polarities = _log_odds(mass, count) - _log_odds(positive.sum(), counts.sum())
    keys = row.astype(np.int64) * vocabulary_size + column
    return torch.from_numpy(keys), torch.from_numpy(polarities.astype(np.float32))


def _values_at(
    matrix: sp.csr_array, row: NDArray[np.int64], column: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Elements of a sparse matrix, one for each pair of row and column."""
    if len(row) == 0:
        return np.zeros(0)  # SciPy would return a matrix
    return np.asarray(matrix[row, column], dtype=np.float64).ravel()


def _beginnings(
    shorter: list[torch.Tensor], words: torch.Tensor, begins: torch.Tensor, vocabulary_size: int
) -> torch.Tensor:
    """Number of the longest kind of phrase that ends just before each word.

    Args:
        shorter: Keys of the phrases of one word, of two, and so on.
        words: int64 [words], reviews one behind the other.
        begins: bool [words], whether a review begins there.
        vocabulary_size: Number of word ids.
    """
    beginnings = torch.zeros_like(words)
    for keys in shorter:
        phrases = find_phrases(keys, beginnings, words, vocabulary_size)
        beginnings = phrases.roll(1).masked_fill_(begins, NO_PHRASE)
    return beginnings


def _log_odds(positive: NDArray[np.float64], count: NDArray[np.float64]) -> NDArray[np.float64]:
    """Smoothed log odds of so much positive among so many."""
    odds: NDArray[np.float64] = np.log((positive + SMOOTHING) / (count - positive + SMOOTHING))
    return odds
