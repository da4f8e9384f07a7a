"""What is measured on a classifier, against the equations and their known consequences."""

from typing import Any

import numpy as np
import pytest
import torch

from imdb_rnn.diagnostics.bptt import Kind, Network, gradients
from imdb_rnn.diagnostics.gradient_flow import (
    band,
    factor_per_step,
    gradient_flow,
    orders_of_magnitude,
    recurrence,
    spectrum,
)
from imdb_rnn.diagnostics.small import in_memory
from imdb_rnn.models.classifier import Classifier
from models.shapes import model_shape

VOCABULARY, WIDTH = 20, 9
REVIEWS = [
    np.random.default_rng(length).integers(2, VOCABULARY, length).astype(np.int32)
    for length in (4, 9, 6)
]
LABELS = np.array([1, 0, 1], dtype=np.int8)
STORE = in_memory(REVIEWS, LABELS)
CELLS = {
    "tanh": {"cell": "rnn"},
    "relu": {"cell": "rnn", "nonlinearity": "relu"},
    "gru": {"cell": "gru"},
    "lstm": {"cell": "lstm"},
}
PADDINGS = {
    "masked": {},
    "masked in front": {"padding": "pre"},
    "front": {"padding": "pre", "mask_padding": False},
    "behind": {"mask_padding": False},
}


def build(classes: int = 2, **shape: Any) -> Classifier:
    return Classifier(VOCABULARY, WIDTH, model_shape(**shape), seed=5, classes=classes)


def as_read(review: Any, padding: str) -> list[int]:
    """The words that the classifier reads, with padding as 0."""
    spare = [0] * (WIDTH - len(review))
    return {"front": [*spare, *review], "behind": [*review, *spare]}.get(padding, list(review))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("cell", CELLS)
def test_the_flow_is_that_of_the_equations(cell: Any, padding: str, classes: int) -> None:
    classifier = build(classes, **CELLS[cell], **PADDINGS[padding])
    kind = Kind(cell, "sigmoid" if classes == 2 else "softmax", "last")
    weights = [*classifier.layers[0].parameters(), *classifier.output.parameters()]
    network = Network(*(weight.detach().double().numpy() for weight in weights))
    table = classifier.embedding.weight.detach().double().numpy()
    flow = gradient_flow(classifier, STORE, words=4)
    for number, (review, label) in enumerate(zip(REVIEWS, LABELS, strict=True)):
        read = as_read(review, padding)
        target = [float(label)] if classes == 2 else np.eye(classes)[label]
        targets = np.tile(target, (len(read), 1))
        states = gradients(network, kind, table[read], targets).states
        norms = np.linalg.norm(states, axis=2)  # [time, parts]
        end = len(review) if padding != "front" else WIDTH
        expected = norms[end - 4 : end][::-1]
        np.testing.assert_allclose(flow.by_state[:, number], expected[:, 0], rtol=1e-6)
        if cell == "lstm":
            assert flow.by_memory is not None
            np.testing.assert_allclose(flow.by_memory[:, number], expected[:, 1], rtol=1e-6)


def test_measuring_leaves_the_classifier_as_it_was() -> None:
    classifier = build()
    before = torch.nn.utils.parameters_to_vector(classifier.parameters()).clone()
    gradient_flow(classifier, STORE, words=4)
    after = torch.nn.utils.parameters_to_vector(classifier.parameters())
    assert torch.equal(before, after)
    assert all(weight.requires_grad and weight.grad is None for weight in classifier.parameters())


@pytest.mark.parametrize("cell", ["tanh", "relu"])
def test_no_step_of_a_plain_cell_stretches_a_gradient_beyond_the_largest_singular_value(
    cell: str,
) -> None:
    classifier = build(**CELLS[cell])
    norms = gradient_flow(classifier, STORE, words=4).by_state
    bound = spectrum(classifier).largest_singular_value
    assert (norms[1:] <= norms[:-1] * bound * (1 + 1e-9)).all()


@pytest.mark.parametrize("cell", CELLS)
def test_the_spectrum_is_of_the_block_that_makes_new_content(cell: str) -> None:
    classifier = build(**CELLS[cell])
    blocks = recurrence(classifier).weight_hh_l0.data.split(6)
    for block in blocks:
        block.zero_()
    matrix = torch.diag(torch.tensor([0.5, -0.9, 0.1, 0.0, 0.2, 0.3]))
    matrix[0, 5] = 3.0  # stretches, but is no eigenvalue
    blocks[{"gru": 2, "lstm": 2}.get(cell, 0)].copy_(matrix)
    found = spectrum(classifier)
    assert found.radius == pytest.approx(0.9)
    assert found.largest_singular_value == pytest.approx(np.linalg.norm(matrix, 2))
    assert found.largest_singular_value > 3


def test_numbers_of_a_steady_decay() -> None:
    norms = 8.0 * 0.5 ** np.arange(11)
    assert factor_per_step(norms) == pytest.approx(0.5)
    assert orders_of_magnitude(norms) == pytest.approx(10 * np.log10(2))
    assert orders_of_magnitude(norms[::-1]) == pytest.approx(-10 * np.log10(2))


def test_where_nothing_arrives_there_is_still_a_number() -> None:
    for norms in (np.array([1.0, 0.0]), np.array([0.0, 0.0])):
        assert factor_per_step(norms) == 0
        assert np.isfinite(orders_of_magnitude(norms))


def test_the_band_is_of_quantiles_over_the_reviews() -> None:
    low, median, high = band(np.arange(11.0)[None])
    assert (low[0], median[0], high[0]) == (1, 5, 9)
