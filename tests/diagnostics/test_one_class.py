"""One class against the others has the probability that it had among all."""

import numpy as np
import pytest
import torch

from imdb_rnn.diagnostics.one_class import against_others
from imdb_rnn.explain.attribution import integrated_gradients, prefix_probabilities
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.head import probabilities
from imdb_rnn.models.inference import predict_logits
from models.shapes import model_shape

CLASSES = 4
REVIEW = np.array([3, 5, 2, 7, 7, 4], dtype=np.int32)


@pytest.fixture
def classifier() -> Classifier:
    shape = model_shape(cell="lstm", pooling="max+mean")
    return Classifier(9, 20, shape, seed=2, ngrams=[2], classes=CLASSES).eval()


@pytest.mark.parametrize("label", range(CLASSES))
def test_the_probability_after_each_word_is_that_among_all(
    classifier: Classifier, label: int
) -> None:
    prefixes = [REVIEW[:end] for end in range(1, len(REVIEW) + 1)]
    among_all = probabilities(predict_logits(classifier, prefixes, 3))[:, label]
    found = prefix_probabilities(against_others(classifier, label), REVIEW)
    np.testing.assert_allclose(found, among_all, rtol=1e-5)


@pytest.mark.parametrize("label", range(CLASSES))
def test_attributions_add_up_to_the_log_odds(classifier: Classifier, label: int) -> None:
    found = integrated_gradients(against_others(classifier, label), REVIEW)
    (probability,) = probabilities(predict_logits(classifier, [REVIEW], 1))[:, label]
    assert found.logit == pytest.approx(np.log(probability / (1 - probability)), abs=1e-5)
    assert found.adds_up


def test_the_classifier_stays_as_it_was(classifier: Classifier) -> None:
    before = {name: weight.clone() for name, weight in classifier.state_dict().items()}
    against_others(classifier, 1)
    assert classifier.classes == CLASSES
    after = classifier.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(weight, after[name]) for name, weight in before.items())
