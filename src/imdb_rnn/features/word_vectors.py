"""Word vectors from the company that words keep, counted instead of trained.

The truncated singular value decomposition of the positive pointwise mutual information of words
and their neighbours: what word2vec approximates step by step (Levy & Goldberg 2014, "Neural Word
Embedding as Implicit Matrix Factorization"), in seconds and without a learning rate. Smoothing and
weighting follow Levy, Goldberg & Dagan 2015, "Improving Distributional Similarity with Lessons
Learned from Word Embeddings".
"""

from typing import Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from imdb_rnn.data.token_store import TokenStore, pieces
from imdb_rnn.data.tokenizer import UNKNOWN_ID
from imdb_rnn.features import EMBEDDING_SD

CONTEXT_SMOOTHING: Final = 0.75
SINGULAR_VALUE_POWER: Final = 0.5
LEAST_PAIRS: Final = 2
"""A pair of words that meets less often is noise."""


def word_vectors(
    stores: list[TokenStore], vocabulary_size: int, size: int, window: int, seed: int
) -> NDArray[np.float32]:
    """A vector for each word; words that keep the same company have like vectors.

    Args:
        stores: Reviews to count on.
        vocabulary_size: Number of token ids.
        size: Dimensions of a vector.
        window: Farthest neighbour, in words to either side.
        seed: Of the random projection that the decomposition starts from.

    Returns:
        float32 [vocabulary_size, size], of the spread that an untrained embedding has; zeros for
        padding, the unknown word, and words that were never seen.
    """
    information = positive_pmi(neighbour_counts(stores, vocabulary_size, window))
    # One thread, because sums split among more would differ in their last digits.
    with threadpool_limits(1):
        left, values, _ = randomized_svd(
            information, min(size, vocabulary_size), n_iter=3, random_state=seed
        )
    vectors = np.zeros((vocabulary_size, size), dtype=np.float32)
    vectors[:, : len(values)] = left * values**SINGULAR_VALUE_POWER
    vectors[information.sum(axis=1) == 0] = 0  # rather than what rounding left of nothing
    spread = vectors.std()
    return vectors * np.float32(EMBEDDING_SD / spread) if spread > 0 else vectors


def neighbour_counts(stores: list[TokenStore], vocabulary_size: int, window: int) -> sp.csr_array:
    """How often two known words stand within `window` words of each other in a review.

    Returns:
        Symmetric, float32 [vocabulary_size, vocabulary_size].
    """
    shape = (vocabulary_size, vocabulary_size)
    counts = sp.csr_array(shape, dtype=np.float32)
    for words, reviews in pieces(stores):
        for distance in range(1, window + 1):
            first, second = words[:-distance], words[distance:]
            pair = (reviews[:-distance] == reviews[distance:]) & (first > UNKNOWN_ID)
            pair &= second > UNKNOWN_ID
            ones = np.ones(int(pair.sum()), dtype=np.float32)
            counts += sp.coo_array((ones, (first[pair], second[pair])), shape=shape).tocsr()
    return (counts + counts.T).tocsr()


def positive_pmi(counts: sp.csr_array) -> sp.csr_array:
    """Positive pointwise mutual information, log(p(a, b) / (p(a) p'(b))) where it is above zero.

    p' is proportional to the frequency to the power of 0.75, which keeps rare neighbours from
    looking telling.

    Args:
        counts: Of pairs, [words, words].
    """
    frequency = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    context = frequency**CONTEXT_SMOOTHING
    pairs = counts.tocoo()
    # Both frequencies are positive wherever a pair was counted.
    expected = frequency[pairs.row] * context[pairs.col]
    information = np.log(pairs.data * context.sum() / expected).astype(np.float32)
    kept = (information > 0) & (pairs.data >= LEAST_PAIRS)
    return sp.csr_array((information[kept], (pairs.row[kept], pairs.col[kept])), shape=counts.shape)
