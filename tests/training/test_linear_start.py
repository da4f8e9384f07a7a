"""A classifier whose n-grams skip the recurrence starts as a linear model of them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from imdb_rnn.data.token_store import write_store
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.errors import UserError
from imdb_rnn.features.ngram_counts import count_ngrams
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.head import is_right
from imdb_rnn.models.inference import predict_logits
from imdb_rnn.training.linear_start import start_linear
from models.shapes import model_shape

VOCABULARY, LONGEST = 40, 300


def reviews(folder: Path, classes: int, seed: int, favour: float = 3.0) -> TrainingSet:
    """Of each class, words that are so many times as frequent in it as in the others."""
    random = np.random.default_rng(seed)
    labels = [i % classes for i in range(60 * classes)]
    words = []
    for label in labels:
        shares = np.where(np.arange(4, VOCABULARY) % classes == label, favour, 1.0)
        length = random.integers(6, 10)
        words.append(random.choice(np.arange(4, VOCABULARY), length, p=shares / shares.sum()))
    encoded = [review.astype(np.int32) for review in words]
    store = write_store(folder, encoded, labels, [str(i) for i in range(len(labels))])
    return TrainingSet.labelled(store, classes)


def untrained(reviews: TrainingSet, *, mask_padding: bool = True) -> Classifier:
    table = count_ngrams(reviews, VOCABULARY, max_ngram=2, min_df=2)
    shape = model_shape(mask_padding=mask_padding)
    classifier = Classifier(
        VOCABULARY, LONGEST, shape, 1, table.sizes, classes=reviews.classes, ngram_skip=True
    )
    classifier.phrases.load_state_dict(table.state_dict())
    return classifier


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("mask_padding", [True, False])
def test_it_judges_other_reviews_before_the_first_step(
    tmp_path: Path, classes: int, *, mask_padding: bool
) -> None:
    training, other = (reviews(tmp_path / str(seed), classes, seed) for seed in (0, 1))
    classifier = untrained(training, mask_padding=mask_padding)
    start_linear(classifier, training)
    assert not classifier.output.weight[:, : -classifier.skipping_features].any()
    logits = torch.from_numpy(predict_logits(classifier, other.stores[0], 16))
    right = is_right(logits, torch.from_numpy(other.targets)).float().mean()
    assert right > 1 / classes + 0.2


def test_n_grams_that_know_their_own_reviews_alone_are_not_believed(tmp_path: Path) -> None:
    training = reviews(tmp_path, 2, 0, favour=1.0)
    classifier = untrained(training)
    start_linear(classifier, training)
    of_log_odds = classifier.output.weight[0, -classifier.skipping_features : -1]
    assert of_log_odds.max() < 2, "4 and more, if reviews are not left out of their own n-grams"


def test_with_a_class_of_which_there_is_nothing_it_starts_as_it_was(tmp_path: Path) -> None:
    training = TrainingSet.labelled(reviews(tmp_path, 2, 0).stores[0], classes=3)
    classifier = untrained(training)
    before = classifier.output.weight.clone()
    start_linear(classifier, training)
    assert torch.equal(classifier.output.weight, before)


def test_n_grams_of_other_labels_are_refused(tmp_path: Path) -> None:
    training = reviews(tmp_path, 2, 0)
    classifier = untrained(training)
    opposite = TrainingSet(training.stores, 1 - training.targets)
    with pytest.raises(UserError, match="ngram_log_odds"):
        start_linear(classifier, opposite)
