"""What the order of words is worth: opponents that are given none.

A classifier that was taught on reviews in order and then gets their words shuffled meets something
it has never seen; how far it falls says what it relies on, not what order is worth. Here the
opponents are taught without order: a bag of words, and a small network on shuffled reviews.
"""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from imdb_rnn.config import Params
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics.small import accuracy, in_memory, last_words, small_shape, small_trainer
from imdb_rnn.models.classifier import Classifier

PENALTIES: Final = (0.01, 0.03, 0.1)
"""Inverse strengths of the L2 penalty; more than the last was no better."""


class BagOfWords(NamedTuple):
    """Logistic regression on which words a review has, order and number aside."""

    accuracy: float
    """On the validation reviews, the best over `PENALTIES`, which favours it a little."""
    learned: int
    """Reviews it was fitted on."""


class OrderTaught(NamedTuple):
    """The same small network taught and judged twice: accuracies on the validation reviews."""

    in_order: float
    shuffled: float
    """With the words of all reviews, of those it is judged on too, in random order."""
    learned: int
    """Reviews it was taught on."""


def bag_of_words(prepared: Path, vocabulary_size: int) -> BagOfWords:
    """Fit on all labelled training reviews.

    Args:
        prepared: Folder of the token stores.
        vocabulary_size: Number of word ids.
    """
    train, valid = (TokenStore.open(prepared / split) for split in ("train", "valid"))
    learned, judged = (_presence(store, vocabulary_size) for store in (train, valid))
    # One thread, because sums split among more would differ in their last digits.
    with threadpool_limits(1):
        scores = [
            LogisticRegression(C=penalty, max_iter=1000)
            .fit(learned, train.labels)
            .score(judged, valid.labels)
            for penalty in PENALTIES
        ]
    return BagOfWords(float(max(scores)), len(train))


def teach_order(prepared: Path, vocabulary_size: int, params: Params) -> OrderTaught:
    """Teach an LSTM of both directions, pooled as the default is, in order and shuffled.

    Args:
        prepared: Folder of the token stores.
        vocabulary_size: Number of word ids.
        params: It reads the last `diagnostics.words` of twice `diagnostics.reviews` reviews.
    """
    train, valid = (TokenStore.open(prepared / split) for split in ("train", "valid"))
    chosen = np.random.default_rng(params.seed).permutation(len(train))[
        : 2 * params.diagnostics.reviews
    ]
    learned = last_words(train, chosen, params.diagnostics.words)
    judged = last_words(valid, np.arange(len(valid)), params.diagnostics.words)
    random = np.random.default_rng([params.seed, 3])
    return OrderTaught(
        _taught(learned, judged, vocabulary_size, params),
        _taught(_shuffled(learned, random), _shuffled(judged, random), vocabulary_size, params),
        len(learned),
    )


def _taught(learned: TokenStore, judged: TokenStore, vocabulary_size: int, params: Params) -> float:
    shape = small_shape(
        params, "lstm", bidirectional=True, pooling="max+mean", initialization="orthogonal"
    )
    classifier = Classifier(vocabulary_size, params.diagnostics.words, shape, params.seed)
    trainer = small_trainer(classifier, learned, params, learning_rate=_LEARNING_RATE)
    for epoch in range(1, params.diagnostics.epochs + 1):
        for _ in trainer.epoch(epoch):
            pass
    return accuracy(classifier, judged)


_LEARNING_RATE: Final = 0.003


def _shuffled(reviews: TokenStore, random: np.random.Generator) -> TokenStore:
    words = [random.permutation(reviews[i]) for i in range(len(reviews))]
    return in_memory(words, reviews.labels)


def _presence(store: TokenStore, vocabulary_size: int) -> csr_array:
    """Which words each review has, float32 [reviews, vocabulary_size], 0 or 1."""
    ones = np.ones(len(store.tokens), dtype=np.float32)
    columns, rows = np.array(store.tokens), store.offsets.astype(np.int32)
    counts = csr_array((ones, columns, rows), shape=(len(store), vocabulary_size))
    counts.sum_duplicates()
    counts.data[:] = 1
    return counts
