"""A classifier whose n-grams skip the recurrence starts as a linear model of them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from imdb_rnn.data.token_store import write_store
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.features.ngram_counts import count_ngrams
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.head import is_right
from imdb_rnn.models.inference import predict_logits
from imdb_rnn.training.linear_start import start_linear
from models.shapes import model_shape

VOCABULARY, WORDS = 40, 8


def reviews(folder: Path, classes: int, seed: int) -> TrainingSet:
    """Of each class, words that are somewhat more frequent in it than in the others."""
    random = np.random.default_rng(seed)
    labels = [i % classes for i in range(60 * classes)]
    words = []
    for label in labels:
        shares = np.where(np.arange(4, VOCABULARY) % classes == label, 3.0, 1.0)
        words.append(random.choice(np.arange(4, VOCABULARY), WORDS, p=shares / shares.sum()))
    encoded = [review.astype(np.int32) for review in words]
    store = write_store(folder, encoded, labels, [str(i) for i in range(len(labels))])
    return TrainingSet.labelled(store, classes)


def untrained(ngrams: list[int], classes: int) -> Classifier:
    shape = model_shape()
    return Classifier(VOCABULARY, WORDS, shape, 1, ngrams, classes=classes, ngram_skip=True)


def test_with_a_class_of_which_there_is_nothing_it_starts_as_it_was(tmp_path: Path) -> None:
    training = TrainingSet.labelled(reviews(tmp_path, 2, 0).stores[0], classes=3)
    classifier = untrained([1], classes=3)
    before = classifier.output.weight.clone()
    start_linear(classifier, training)
    assert torch.equal(classifier.output.weight, before)


@pytest.mark.parametrize("classes", [2, 3])
def test_it_judges_other_reviews_before_the_first_step(tmp_path: Path, classes: int) -> None:
    training, other = (reviews(tmp_path / str(seed), classes, seed) for seed in (0, 1))
    table = count_ngrams(training, VOCABULARY, max_ngram=2, min_df=2)
    classifier = untrained(table.sizes, classes)
    classifier.phrases.load_state_dict(table.state_dict())
    start_linear(classifier, training)
    logits = torch.from_numpy(predict_logits(classifier, other.stores[0], 16))
    right = is_right(logits, torch.from_numpy(other.targets)).float().mean()
    assert right > 1 / classes + 0.2
