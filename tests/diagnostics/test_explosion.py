"""Trainings that may fail, on networks whose gradients are made to explode."""

import numpy as np
import pytest

from imdb_rnn.diagnostics.explosion import points
from imdb_rnn.diagnostics.initialization import initialized
from imdb_rnn.diagnostics.small import in_memory
from imdb_rnn.diagnostics.study import Material
from imdb_rnn.diagnostics.training import Training, train
from studies import material_of

VOCABULARY = 9


@pytest.fixture
def material() -> Material:
    generator = np.random.default_rng(5)
    tokens = [generator.integers(1, VOCABULARY, 40).astype(np.int32) for _ in range(64)]
    reviews = in_memory(tokens, np.arange(64, dtype=np.int8) % 2)
    return material_of(reviews, VOCABULARY, words=40, hidden_size=16, epochs=2)


def explode(material: Material, max_grad_norm: float | None) -> Training:
    return train(
        initialized("relu", "normal, radius 1.5", material),
        material,
        optimizer="sgd",
        learning_rate=1000.0,
        max_grad_norm=max_grad_norm,
    )


def test_a_training_that_diverges_is_kept_up_to_there(material: Material) -> None:
    found = explode(material, None)
    assert found.accuracy is None
    assert 0 < len(found.losses) == len(found.gradient_norms) < 4
    assert np.isfinite(found.gradient_norms).all()
    assert np.isfinite(found.losses).all()


def test_a_training_that_does_not_ends_with_an_accuracy(material: Material) -> None:
    found = train(initialized("lstm", "forget bias 1", material), material)
    assert len(found.losses) == 4, "two batches of 32, twice"
    assert found.accuracy is not None
    assert found.numbers()["steps"] == 4


def test_a_shorter_training_leaves_its_last_steps_empty(material: Material) -> None:
    whole = train(initialized("relu", "identity", material), material)
    table = points({"s": {"o": {"a": whole, "b": explode(material, None)}}})
    assert table["step"].to_pylist() == [1, 2, 3, 4]
    assert table["s_o_a_norm"].null_count == 0
    assert table["s_o_b_norm"].to_pylist()[-1] is None
