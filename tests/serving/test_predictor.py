"""The predictor: raw text in, probabilities out, each text for itself."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imdb_rnn.serving.predictor import BATCH_SIZE, Predictor
from results import TEXTS, small_params, write_model


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("predictor") / "model"
    write_model(folder, small_params())
    return Predictor.load(folder)


@pytest.mark.parametrize("mask_padding", [True, False])
@pytest.mark.parametrize("padding", ["post", "pre"])
def test_a_text_does_not_feel_its_neighbours(
    tmp_path: Path, padding: str, *, mask_padding: bool
) -> None:
    write_model(tmp_path / "model", small_params(padding=padding, mask_padding=mask_padding))
    predictor = Predictor.load(tmp_path / "model")
    alone = [predictor.probabilities([text])[0] for text in TEXTS]
    np.testing.assert_allclose(predictor.probabilities(TEXTS), alone, atol=1e-6)
    assert len({round(float(probability), 4) for probability in alone}) > 1


def test_order_is_kept_over_many_batches(predictor: Predictor) -> None:
    texts = TEXTS * BATCH_SIZE
    probabilities = predictor.probabilities(texts).reshape(BATCH_SIZE, len(TEXTS))
    for row in probabilities:
        np.testing.assert_allclose(row, predictor.probabilities(TEXTS), atol=1e-6)


def test_no_texts_no_probabilities(predictor: Predictor) -> None:
    assert predictor.probabilities([]).shape == (0,)


@settings(max_examples=50, deadline=None)
@given(texts=st.lists(st.text(max_size=200), min_size=1, max_size=5))
def test_any_text_gets_a_probability(predictor: Predictor, texts: list[str]) -> None:
    probabilities = predictor.probabilities(texts)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (len(texts),)
    assert ((probabilities > 0) & (probabilities < 1)).all()
