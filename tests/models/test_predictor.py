"""The predictor: raw text in, probabilities out, each text for itself."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imdb_rnn.data.tokenizer import Tokenizer
from imdb_rnn.errors import UserError
from imdb_rnn.models.predictor import BATCH_SIZE, CHARACTERS_A_WORD, Predictor, unknown_share
from imdb_rnn.models.saved_model import load_tokenizer
from results import TEXTS as ALL_TEXTS
from results import small_params, write_model

TEXTS = [text for text in ALL_TEXTS if text]


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


ANY_TEXT = st.text(
    st.one_of(st.characters(), st.characters(categories=["Cs"]), st.sampled_from("\0 <br />\n"))
)


@pytest.mark.hostile
@settings(max_examples=200)
@given(texts=st.lists(st.one_of(ANY_TEXT, st.sampled_from(TEXTS)), min_size=1, max_size=5))
def test_any_text_gets_a_probability_or_a_refusal(predictor: Predictor, texts: list[str]) -> None:
    known = [unknown_share(review) < 1 for review in predictor.read(texts)]
    if all(known):
        probabilities = predictor.probabilities(texts)
        assert probabilities.dtype == np.float32
        assert probabilities.shape == (len(texts),)
        assert ((probabilities > 0) & (probabilities < 1)).all()
    else:
        with pytest.raises(UserError, match=f"^text {known.index(False) + 1} of"):
            predictor.probabilities(texts)


@pytest.mark.hostile
@pytest.mark.parametrize(
    "text",
    ["", " \n\t", "\0", "<br />", "\ud800", "\U0001f3ac", "فيلم جميل", "ein schöner Streifen"],
)
def test_a_text_without_a_known_word_is_refused(predictor: Predictor, text: str) -> None:
    with pytest.raises(UserError, match="text 2 of 3: it has no word that the model knows"):
        predictor.probabilities(["great", text, "dull"])


@pytest.mark.hostile
@pytest.mark.parametrize("around", ["\0", "\udcff", "\U0001f3ac", "\u202e", "<br />", "<p>"])
def test_odd_signs_do_not_hide_the_words_beside_them(predictor: Predictor, around: str) -> None:
    (review,) = predictor.read([f"{around} great {around} film {around}"])
    assert np.sum(review != 1) >= 2


def test_two_halves_of_a_pair_are_the_sign_they_make(predictor: Predictor) -> None:
    halves, whole = predictor.read(["great \ud83c\udfac", "great \U0001f3ac"])
    np.testing.assert_array_equal(halves, whole)


def test_a_cut_text_gives_the_words_of_the_whole(predictor: Predictor, tmp_path: Path) -> None:
    write_model(tmp_path / "model", small_params())
    tokenizer = load_tokenizer(tmp_path / "model")
    words = ["great", "dull", "film", "bad", "cast", "<br /><br />", "unheard-of"]
    random = np.random.default_rng(3)
    texts = [" ".join(random.choice(words, size=1000)) for _ in range(20)]
    assert min(map(len, texts)) > 2 * CHARACTERS_A_WORD * predictor.classifier.max_length
    for cut, whole in zip(predictor.read(texts), tokenizer.encode(texts), strict=True):
        np.testing.assert_array_equal(cut, whole)


@pytest.mark.hostile
@pytest.mark.parametrize("piece", ["a ", "a!", "great film ", "!", "<br />", "\U0001f600", "great"])
def test_megabytes_of_text_cost_no_more_than_what_is_read_of_them(
    predictor: Predictor, piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    encode = Tokenizer.encode

    def watched(tokenizer: Tokenizer, texts: list[str]) -> list[np.ndarray]:
        seen.extend(map(len, texts))
        return list(encode(tokenizer, texts))

    monkeypatch.setattr(Tokenizer, "encode", watched)
    predictor.read([piece * (5_000_000 // len(piece))])
    assert seen[0] <= 2 * CHARACTERS_A_WORD * predictor.classifier.max_length + 1
