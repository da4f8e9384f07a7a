"""What parts of reviews tell, and what the order of words is worth: opponents without it.

A classifier that was taught on reviews in order and then gets their words shuffled meets something
it has never seen; how far it falls says what it relies on, not what order is worth. Here the
opponents are taught without order: a bag of words, and a small network on shuffled reviews.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics import drawing, windows
from imdb_rnn.diagnostics.small import accuracy, in_memory, last_words, small_config, small_trainer
from imdb_rnn.diagnostics.study import Material, Outcome, Shown
from imdb_rnn.diagnostics.summaries import rounded, standard_error, told_apart
from imdb_rnn.evaluation.drawing import Figure
from imdb_rnn.models.saved_model import load_model

PENALTIES: Final = (0.01, 0.03, 0.1)
"""Inverse strengths of the L2 penalty; more than the last was no better."""

_LEARNING_RATE: Final = 0.003


def run(material: Material) -> Outcome:
    """Evaluate the trained classifier on parts of reviews, and train its baselines."""
    train, valid = (TokenStore.open(material.prepared / split) for split in ("train", "valid"))
    parts = windows.read_parts(
        load_model(material.model), valid, material.params.seed, windows.lengths_for(valid)
    )
    found = {
        "bag_of_words": bag_of_words(train, valid, material.vocabulary_size),
        "small_network": teach_order(train, material),
    }
    numbers = rounded({"windows": parts, "order": found})
    reviews = len(valid)
    shown = Shown(
        _points(parts, found), partial(_draw, reviews=reviews), _finding(numbers, reviews)
    )
    return Outcome(numbers, {"windows": windows.shown(parts), "order": shown})


def bag_of_words(train: TokenStore, valid: TokenStore, vocabulary_size: int) -> dict[str, Any]:
    """Logistic regression on which words a review has, order and number aside.

    Returns:
        Accuracy, the best over `PENALTIES`, which favours it a little, and the number of reviews
        learned from, which are all.
    """
    learned, evaluated = (_presence(store, vocabulary_size) for store in (train, valid))
    # One thread, because sums split among more would differ in their last digits.
    with threadpool_limits(1):
        scores = [
            LogisticRegression(C=penalty, max_iter=1000)
            .fit(learned, train.labels)
            .score(evaluated, valid.labels)
            for penalty in PENALTIES
        ]
    return {"accuracy": float(max(scores)), "learned": len(train)}


def teach_order(train: TokenStore, material: Material) -> dict[str, Any]:
    """Teach an LSTM of both directions, pooled as the default is, in order and shuffled.

    Args:
        train: The network reads the last `diagnostics.words` of twice `diagnostics.reviews`.
        material: Its validation reviews are predicted, shuffled where the network learned so.

    Returns:
        Accuracies in_order and shuffled, and the number of reviews learned from.
    """
    params = material.params
    order = np.random.default_rng(params.seed).permutation(len(train))
    chosen = order[: 2 * params.diagnostics.reviews]
    learned, evaluated = last_words(train, chosen, params.diagnostics.words), material.valid
    generator = np.random.default_rng([params.seed, 3])
    return {
        "in_order": _taught(learned, evaluated, material),
        "shuffled": _taught(
            _shuffled(learned, generator), _shuffled(evaluated, generator), material
        ),
        "learned": len(learned),
    }


def _taught(learned: TokenStore, evaluated: TokenStore, material: Material) -> float:
    params = material.params
    config = small_config(
        params, "lstm", bidirectional=True, pooling="max+mean", initialization="orthogonal"
    )
    classifier = material.classifier(config)
    trainer = small_trainer(classifier, learned, params, learning_rate=_LEARNING_RATE)
    for epoch in range(1, params.diagnostics.epochs + 1):
        for _ in trainer.epoch(epoch):
            pass
    return accuracy(classifier, evaluated)


def _shuffled(reviews: TokenStore, generator: np.random.Generator) -> TokenStore:
    words = [generator.permutation(reviews[i]) for i in range(len(reviews))]
    return in_memory(words, reviews.labels)


def _presence(store: TokenStore, vocabulary_size: int) -> csr_array:
    """Which words each review has, float32 [reviews, vocabulary_size], 0 or 1."""
    ones = np.ones(len(store.tokens), dtype=np.float32)
    columns, rows = np.array(store.tokens), store.offsets.astype(np.int32)
    counts = csr_array((ones, columns, rows), shape=(len(store), vocabulary_size))
    counts.sum_duplicates()
    counts.data[:] = 1
    return counts


def _points(parts: Mapping[str, Any], found: Mapping[str, Any]) -> pa.Table:
    """Accuracies on the validation reviews: who, accuracy."""
    accuracies = {
        "classifier in order": parts["whole"],
        "classifier shuffled": parts["shuffled"],
        "bag of words": found["bag_of_words"]["accuracy"],
        "small LSTM in order": found["small_network"]["in_order"],
        "small LSTM shuffled": found["small_network"]["shuffled"],
    }
    return pa.table({"who": list(accuracies), "accuracy": list(accuracies.values())})


def _finding(numbers: Mapping[str, Any], reviews: int) -> str:
    parts, bag = numbers["windows"], numbers["order"]["bag_of_words"]
    small = numbers["order"]["small_network"]
    return (
        f"Of {reviews:,} validation reviews (standard error at most "
        f"{standard_error(0.5, reviews):.3f}) a bag of words, fitted on the {bag['learned']:,} "
        f"training reviews, gets {bag['accuracy']:.3f} right; the trained classifier "
        f"{parts['whole']:.3f}, and {parts['shuffled']:.3f} when it is given their words shuffled, "
        f"though it expects them in order. A small LSTM taught on "
        f"{small['learned']:,} reviews gets {small['in_order']:.3f} right with words in order, and "
        f"{small['shuffled']:.3f} trained and evaluated on shuffled words, "
        f"{told_apart(small['in_order'], small['shuffled'], reviews)}."
    )


def _draw(points: pa.Table, reviews: int) -> Figure:
    """Accuracies with the band of two standard errors on so many reviews."""
    figure, (axes,) = drawing.panels(1, 1, height=3.6)
    names, accuracies = points["who"].to_pylist(), points["accuracy"].to_pylist()
    margins = [2 * standard_error(accuracy, reviews) for accuracy in accuracies]
    places = np.arange(len(names))[::-1]
    axes.errorbar(accuracies, places, xerr=margins, fmt="o", color=drawing.BLUE, capsize=4)
    axes.set_yticks(places, names)
    axes.set(xlabel="accuracy", ylim=(-0.5, len(names) - 0.5))
    return figure
