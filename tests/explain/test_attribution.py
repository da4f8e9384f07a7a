"""What words did: each number against its definition, for every kind of classifier."""

from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from imdb_rnn.data.batches import collate
from imdb_rnn.data.tokenizer import UNKNOWN_ID
from imdb_rnn.explain.attribution import (
    UNEXPLAINED,
    _along_path,
    integrated_gradients,
    occlusion,
    prefix_probabilities,
)
from imdb_rnn.models.cells import CELLS
from imdb_rnn.models.classifier import Classifier
from models.shapes import model_shape

VOCABULARY, MAX_LENGTH = 20, 12
WORDS = np.array([5, 9, 1, 17, 5, 12, 3], dtype=np.int32)
UNKNOWN_AT = 2
KINDS = [*({"cell": name} for name in CELLS), {"cell": "rnn", "nonlinearity": "relu"}]
DIRECTIONS, POOLINGS = (False, True), ("last", "mean", "max", "max+mean")
EVERY_SHAPE: list[dict[str, Any]] = [
    {**cell, "bidirectional": both, "pooling": pooling, "padding": side, "mask_padding": masked}
    for cell, both, pooling, side, masked in product(
        KINDS, DIRECTIONS, POOLINGS, ("post", "pre"), (True, False)
    )
] + [
    {**cell, "bidirectional": both, "pooling": pooling, "layers": 2}
    for cell, both, pooling in product(KINDS, DIRECTIONS, POOLINGS)
]

every_shape = pytest.mark.parametrize(
    "shape", EVERY_SHAPE, ids=lambda shape: "-".join(map(str, shape.values()))
)


def build(**shape: Any) -> Classifier:
    """A classifier that reads the log odds of two words and of one pair beside the vectors."""
    classifier = Classifier(VOCABULARY, MAX_LENGTH, model_shape(**shape), 3, ngrams=[2, 1])
    table = {
        "reviews_1": torch.tensor([40.0, 30.0]),
        "reviews_2": torch.tensor([20.0]),
        "keys_1": torch.tensor([5, 17]),
        "polarities_1": torch.tensor([0.7, -1.2]),
        "keys_2": torch.tensor([0 * VOCABULARY + 9]),  # the pair 5, 9
        "polarities_2": torch.tensor([1.5]),
    }
    classifier.phrases.load_state_dict(table)
    return classifier.eval()


@torch.no_grad()
def logit_of(classifier: Classifier, words: Any) -> float:
    review = np.asarray(words, dtype=np.int32)
    tensors = collate([review], classifier.config.padding, classifier.batch_width)
    return classifier(*tensors).item()


@every_shape
def test_integrated_gradients_add_up_to_the_logit(shape: dict[str, Any]) -> None:
    classifier = build(**shape)
    attribution = integrated_gradients(classifier, WORDS, unexplained=1e-4)
    assert attribution.logit == pytest.approx(logit_of(classifier, WORDS), abs=1e-6)
    unknown = [UNKNOWN_ID] * len(WORDS)
    assert attribution.baseline == pytest.approx(logit_of(classifier, unknown), abs=1e-6)
    gap = attribution.logit - attribution.baseline - attribution.tokens.sum()
    assert attribution.convergence_delta == gap
    assert abs(gap) <= 1e-4 * max(1.0, abs(attribution.logit - attribution.baseline))


@pytest.mark.parametrize("cell", CELLS)
def test_attributions_add_up_where_the_logit_turns_within_a_small_part_of_the_path(
    cell: str,
) -> None:
    classifier = Classifier(
        VOCABULARY, 60, model_shape(cell=cell, pooling="max+mean", hidden_size=8), 3
    )
    with torch.no_grad():  # saturated within the first hundredth of the path, and steep
        classifier.embedding.weight.mul_(100)
        classifier.output.weight.mul_(10)
    words = np.random.default_rng(1).integers(2, VOCABULARY, 60).astype(np.int32)
    along_path = partial(_along_path, classifier, words)
    _, changes = along_path((np.arange(64) + 0.5) / 64)
    difference = float(np.subtract(*along_path(np.array([1.0, 0.0]))[0]))
    evenly = abs(difference - changes.mean(axis=0).sum())
    attribution = integrated_gradients(classifier, words)
    assert attribution.adds_up
    assert evenly > 2 * UNEXPLAINED * max(1.0, abs(difference)), "64 even steps would do"


@every_shape
def test_occlusion_is_the_fall_of_the_logit(shape: dict[str, Any]) -> None:
    classifier = build(**shape)
    attribution = occlusion(classifier, WORDS)
    assert attribution.tokens.shape == WORDS.shape
    for position, found in enumerate(attribution.tokens):
        hidden = WORDS.copy()
        hidden[position] = UNKNOWN_ID
        fall = logit_of(classifier, WORDS) - logit_of(classifier, hidden)
        assert found == pytest.approx(fall, abs=1e-6)
    assert attribution.logit == pytest.approx(logit_of(classifier, WORDS), abs=1e-6)
    unknown = [UNKNOWN_ID] * len(WORDS)
    assert attribution.baseline == pytest.approx(logit_of(classifier, unknown), abs=1e-6)


def build_of_three(**shape: Any) -> Classifier:
    """As `build` does it, of three classes."""
    classifier = Classifier(VOCABULARY, MAX_LENGTH, model_shape(**shape), 3, ngrams=[2], classes=3)
    table = {
        "reviews_1": torch.tensor([40.0, 30.0]),
        "keys_1": torch.tensor([5, 17]),
        "polarities_1": torch.tensor([[0.7, -1.2, 0.1], [-0.4, 0.9, -1.5]]),
    }
    classifier.phrases.load_state_dict(table)
    return classifier.eval()


@torch.no_grad()
def odds_of(classifier: Classifier, words: Any, label: int) -> float:
    """Logarithm of the probability of a class over that of all others."""
    review = np.asarray(words, dtype=np.int32)
    shares = classifier(*collate([review], "post", None))[0].double().softmax(0)
    return float((shares[label] / (1 - shares[label])).log())


@pytest.mark.parametrize("label", range(3))
def test_of_three_classes_the_log_odds_of_one_are_explained(label: int) -> None:
    classifier = build_of_three(cell="lstm", pooling="max+mean", bidirectional=True)
    whole = odds_of(classifier, WORDS, label)
    gradients = integrated_gradients(classifier, WORDS, label, unexplained=1e-4)
    assert gradients.logit == pytest.approx(whole, abs=1e-5)
    assert gradients.tokens.sum() == pytest.approx(gradients.logit - gradients.baseline, abs=2e-4)
    hidden = WORDS.copy()
    hidden[0] = UNKNOWN_ID
    fall = whole - odds_of(classifier, hidden, label)
    assert occlusion(classifier, WORDS, label).tokens[0] == pytest.approx(fall, abs=1e-5)
    assert abs(fall) > 1e-3
    found = prefix_probabilities(classifier, WORDS, label)
    expected = [odds_of(classifier, WORDS[:end], label) for end in range(1, len(WORDS) + 1)]
    np.testing.assert_allclose(found, torch.tensor(expected).sigmoid(), atol=1e-6)


@pytest.mark.parametrize("method", [integrated_gradients, occlusion])
def test_what_speaks_for_one_of_two_classes_speaks_against_the_other(method: Any) -> None:
    first, second = (method(build(cell="gru"), WORDS, label) for label in (0, 1))
    np.testing.assert_allclose(first.tokens, -second.tokens, atol=1e-6)
    assert first.logit == -second.logit


@every_shape
def test_prefix_probabilities_are_those_of_shorter_reviews(shape: dict[str, Any]) -> None:
    classifier = build(**shape)
    found = prefix_probabilities(classifier, WORDS)
    expected = [logit_of(classifier, WORDS[:end]) for end in range(1, len(WORDS) + 1)]
    np.testing.assert_allclose(found, torch.tensor(expected).sigmoid(), atol=1e-6)


@pytest.mark.parametrize("padding", ["post", "pre"])
@pytest.mark.parametrize("mask_padding", [True, False])
def test_integrated_gradients_are_the_path_integral_word_by_word(
    padding: str, *, mask_padding: bool
) -> None:
    classifier = build(padding=padding, mask_padding=mask_padding, pooling="mean")
    table = classifier.embedding.weight.detach()
    log_odds = classifier.phrases(torch.from_numpy(WORDS).long()[:, None])[:, 0]
    assert log_odds.any(dim=0).all(), "the test needs n-grams of both lengths"
    end = torch.cat([table[WORDS], log_odds], dim=1)
    start = torch.cat([table[UNKNOWN_ID], torch.zeros(2)])
    pad = torch.cat([table[0], torch.zeros(2)])
    width = len(WORDS) if mask_padding else MAX_LENGTH
    before = width - len(WORDS) if padding == "pre" else 0
    total = torch.zeros(len(WORDS))
    for share in (torch.arange(200) + 0.5) / 200:
        x = (start + share * (end - start)).requires_grad_()
        pads = pad.expand(width - len(WORDS), -1)
        features = torch.cat([pads[:before], x, pads[before:]])[:, None]
        states = classifier.layers[0](features, torch.tensor([width]))
        (gradient,) = torch.autograd.grad(classifier.output(states.mean(0)).sum(), x)
        total += ((end - start) * gradient).sum(1) / 200
    found = integrated_gradients(classifier, WORDS).tokens
    np.testing.assert_allclose(found, total, atol=1e-4)


@pytest.mark.parametrize("method", [integrated_gradients, occlusion])
def test_the_attribution_of_an_unknown_word_is_zero(method: Any) -> None:
    words = method(build(cell="gru"), WORDS).tokens
    assert words[UNKNOWN_AT] == 0
    assert np.count_nonzero(words) == len(words) - 1


@pytest.mark.parametrize("method", [integrated_gradients, occlusion, prefix_probabilities])
def test_looking_leaves_the_classifier_as_it_was(method: Any) -> None:
    classifier = build()
    before = logit_of(classifier, WORDS)
    method(classifier, WORDS)
    assert logit_of(classifier, WORDS) == before
    assert all(weight.grad is None for weight in classifier.parameters())


@pytest.mark.parametrize("method", [integrated_gradients, occlusion, prefix_probabilities])
def test_a_review_may_be_one_word_or_fill_the_classifier(method: Any) -> None:
    for length in (1, MAX_LENGTH):
        found = method(build(mask_padding=False), np.full(length, 4, dtype=np.int32))
        assert len(getattr(found, "tokens", found)) == length
