"""The classifier's other form: the same logits, for every architecture that has it."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.folded import FoldedClassifier, can_fold
from imdb_rnn.models.inference import predict_logits
from models.shapes import model_shape

VOCABULARY, MAX_LENGTH = 9, 14


def classifier(
    ngrams: list[int], classes: int = 2, *, skip: bool = False, **shape: object
) -> Classifier:
    """Large random weights, so that gates are driven to their ends too."""
    config = model_shape(cell="lstm", **shape)
    made = Classifier(VOCABULARY, MAX_LENGTH, config, 1, ngrams, classes=classes, ngram_skip=skip)
    random = torch.Generator().manual_seed(3)
    for weight in made.parameters():
        weight.data.normal_(0, 1.5, generator=random)
    for length, number in enumerate(ngrams, start=1):
        keys = torch.randperm(VOCABULARY * max(number, 3), generator=random)
        keys = keys[keys % VOCABULARY > 1]  # n-grams consist of known words
        made.phrases.get_buffer(f"keys_{length}").copy_(keys[:number].sort().values)
        made.phrases.get_buffer(f"polarities_{length}").normal_(generator=random)
    return made


def reviews(count: int) -> list[NDArray[np.int32]]:
    random = np.random.default_rng(2)
    lengths = random.integers(1, MAX_LENGTH + 1, count)
    return [random.integers(1, VOCABULARY, length).astype(np.int32) for length in lengths]


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(("ngrams", "skip"), [([], False), ([5, 12, 9], False), ([5, 12, 9], True)])
@pytest.mark.parametrize("pooling", ["max", "mean", "max+mean"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_logits_are_those_of_the_classifier(
    ngrams: list[int], classes: int, pooling: str, *, skip: bool, bidirectional: bool
) -> None:
    shape: dict[str, object] = {"pooling": pooling, "bidirectional": bidirectional}
    plain = classifier(ngrams, classes, skip=skip, padding="pre", **shape)
    found = FoldedClassifier(plain).logits(reviews(50))
    expected = predict_logits(plain, reviews(50), batch_size=7)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-5)
    assert np.ptp(expected) > 1


@pytest.mark.parametrize("count", [1, 2])
def test_a_few_reviews_are_many_enough(count: int) -> None:
    plain = classifier([5], pooling="max+mean", bidirectional=True)
    found = FoldedClassifier(plain).logits(reviews(count))
    np.testing.assert_allclose(found, predict_logits(plain, reviews(count), 1), rtol=1e-5)


@pytest.mark.parametrize(
    "change",
    [{"cell": "gru"}, {"layers": 2}, {"mask_padding": False}, {"pooling": "last"}],
)
def test_other_architectures_have_no_such_form(change: dict[str, object]) -> None:
    foldable = {"cell": "lstm", "pooling": "max"}
    assert can_fold(model_shape(**foldable))
    assert not can_fold(model_shape(**(foldable | change)))
