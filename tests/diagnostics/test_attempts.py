"""Trainings that may fail, on networks whose gradients are made to explode."""

import numpy as np
import pytest

from imdb_rnn.config import Params
from imdb_rnn.diagnostics.attempts import Attempt, attempt, begun
from imdb_rnn.diagnostics.course import Material
from imdb_rnn.diagnostics.results import attempt_summary, explosion_points
from imdb_rnn.diagnostics.small import in_memory
from results import shipped_params

VOCABULARY = 9


def params() -> Params:
    values = shipped_params().model_dump()
    values["diagnostics"] |= {"words": 40, "hidden_size": 16, "epochs": 2}
    return Params.model_validate(values)


@pytest.fixture
def material() -> Material:
    random = np.random.default_rng(5)
    words = [random.integers(1, VOCABULARY, 40).astype(np.int32) for _ in range(64)]
    reviews = in_memory(words, np.arange(64, dtype=np.int8) % 2)
    return Material(VOCABULARY, reviews, reviews, reviews, reviews)


def explode(material: Material, max_grad_norm: float | None) -> Attempt:
    classifier = begun("relu", "normal, radius 1.5", material, params())
    return attempt(
        classifier,
        material,
        params(),
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
    found = attempt(begun("lstm", "forget bias 1", material, params()), material, params())
    assert len(found.losses) == 4, "two batches of 32, twice"
    assert found.accuracy is not None
    assert attempt_summary(found)["steps"] == 4


def test_a_shorter_training_leaves_its_last_steps_empty(material: Material) -> None:
    whole = attempt(begun("relu", "identity", material, params()), material, params())
    points = explosion_points({"s": {"o": {"a": whole, "b": explode(material, None)}}})
    assert points["step"].to_pylist() == [1, 2, 3, 4]
    assert points["s_o_a_norm"].null_count == 0
    assert points["s_o_b_norm"].to_pylist()[-1] is None
