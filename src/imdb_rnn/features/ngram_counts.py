"""Counting the n-grams of the training reviews."""

from typing import Final, NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from imdb_rnn.data.token_store import pieces
from imdb_rnn.data.tokenizer import UNKNOWN_ID
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.features.ngram_log_odds import NO_NGRAM, SMOOTHING, NgramTable, find_ngrams

REVIEWS_FOR_EACH: Final = 2000
"""Where reviews are few, an n-gram is kept that one of so many of them contains."""


def least_reviews(min_df: int, reviews: int) -> int:
    """Reviews that have to hold an n-gram: `min_df`, or one of `REVIEWS_FOR_EACH` if that is less.

    That is no fewer than two, so that one remains when the review that is learned from is left out,
    unless `min_df` asks for less.

    Args:
        min_df: What is asked for.
        reviews: How many there are.
    """
    return min(min_df, max(2, reviews // REVIEWS_FOR_EACH))


def count_ngrams(
    reviews: TrainingSet, vocabulary_size: int, max_ngram: int, min_df: int
) -> NgramTable:
    """Find the frequent n-grams and their log odds.

    Args:
        reviews: With the probability that each is positive, or of each of its classes.
        vocabulary_size: Number of token ids.
        max_ngram: Tokens of the longest n-grams.
        min_df: An n-gram that occurs in fewer is left out.
    """
    levels: list[_Level] = []
    for _ in range(max_ngram):
        shorter = [torch.from_numpy(level.keys) for level in levels]
        levels.append(_count_level(reviews, shorter, vocabulary_size, min_df))
    table = NgramTable(vocabulary_size, [len(level.keys) for level in levels], reviews.classes)
    for length, level in enumerate(levels, start=1):
        others = SMOOTHING * (reviews.classes - 1)
        log_odds = np.log((level.positive + SMOOTHING) / (level.negative + others)).T
        table.get_buffer(f"keys_{length}").copy_(torch.from_numpy(level.keys))
        table.get_buffer(f"polarities_{length}").copy_(torch.from_numpy(log_odds))
        table.get_buffer(f"reviews_{length}").copy_(torch.from_numpy(level.reviews))
    return table


class _Level(NamedTuple):
    """N-grams of one length, [n-grams] each; [classes, n-grams] what is of more than two."""

    keys: NDArray[np.int64]
    """As `find_ngrams` reads them."""
    reviews: NDArray[np.float64]
    """That hold the n-gram."""
    positive: NDArray[np.float64]
    """Of those, by label or pseudo-label."""

    @property
    def negative(self) -> NDArray[np.float64]:
        """The others."""
        return self.reviews - self.positive


def _count_level(
    reviews: TrainingSet, shorter: list[torch.Tensor], vocabulary_size: int, min_df: int
) -> _Level:
    """The n-grams that are one token longer than the longest so far."""
    shape = (len(shorter[-1]) if shorter else 1, vocabulary_size)
    targets = np.atleast_2d(reviews.targets.T)  # [1 or classes, reviews]
    counts, *positive = (sp.csr_array(shape, dtype=np.float64) for _ in range(1 + len(targets)))
    for tokens, review in pieces(reviews.stores):
        begins = torch.from_numpy(np.diff(review, prepend=-1) > 0)
        beginnings = _beginnings(shorter, torch.from_numpy(tokens), begins, vocabulary_size).numpy()
        known = (beginnings != NO_NGRAM) & (tokens > UNKNOWN_ID)
        keys, holder = _once_a_review(
            beginnings[known] * vocabulary_size + tokens[known], review[known]
        )
        places = np.divmod(keys, vocabulary_size)
        counts += sp.coo_array((np.ones(len(keys)), places), shape=shape).tocsr()
        for number, of_class in enumerate(targets):
            mass = of_class[holder].astype(np.float64)
            positive[number] += sp.coo_array((mass, places), shape=shape).tocsr()
    pairs = counts.tocoo()
    frequent = pairs.data >= min_df
    row, column, count = pairs.row[frequent], pairs.col[frequent], pairs.data[frequent]
    keys = row.astype(np.int64) * vocabulary_size + column
    values = np.stack([_values_at(of_class, row, column) for of_class in positive])
    return _Level(keys, count, values if reviews.targets.ndim > 1 else values[0])


def _once_a_review(
    keys: NDArray[np.int64], review: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each n-gram once for each review that holds it.

    Args:
        keys: int64 [n-grams].
        review: int64 [n-grams], rising.
    """
    order = np.argsort(keys, kind="stable")  # so equal keys keep their reviews rising
    keys, review = keys[order], review[order]
    first = (np.diff(keys, prepend=-1) != 0) | (np.diff(review, prepend=-1) != 0)
    return keys[first], review[first]


def _values_at(
    matrix: sp.csr_array, row: NDArray[np.int64], column: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Elements of a sparse matrix, one for each pair of row and column."""
    if len(row) == 0:
        return np.zeros(0)  # SciPy would return a matrix
    return np.asarray(matrix[row, column], dtype=np.float64).ravel()


def _beginnings(
    shorter: list[torch.Tensor], tokens: torch.Tensor, begins: torch.Tensor, vocabulary_size: int
) -> torch.Tensor:
    """Number of the longest kind of n-gram that ends just before each token.

    Args:
        shorter: Keys of the n-grams of one token, of two, and so on.
        tokens: int64 [tokens], reviews one behind the other.
        begins: bool [tokens], whether a review begins there.
        vocabulary_size: Number of token ids.
    """
    beginnings = torch.zeros_like(tokens)
    for keys in shorter:
        ngrams = find_ngrams(keys, beginnings, tokens, vocabulary_size)
        beginnings = ngrams.roll(1).masked_fill_(begins, NO_NGRAM)
    return beginnings
