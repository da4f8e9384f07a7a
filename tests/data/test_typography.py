"""However a text is typed, the models read the same words."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imdb_rnn.config import LinearModel, Prepare
from imdb_rnn.data.tokenizer import Tokenizer
from imdb_rnn.data.typography import ALIKE, SPLIT, plain, plain_normalizer
from imdb_rnn.evaluation.slices import negation_slices
from imdb_rnn.features.ngram_models import fit, nb_model

TYPED = [
    'It isn\'t "good" -- not a well-made film...',
    "A superb cafe, don't miss it!",
    "The worst film ever made - I couldn't stay.",
]
PRINTED = [
    "It isn\u2019t \u201cgood\u201d \u2014 not a well\u2010made film\u2026",
    "\ufeffA su\u00adperb cafe, don\u00b4t miss it!",
    "The worst \ufb01lm ever made \u0096 I couldn\u2018t stay.",
]
CHARACTERS = (
    "aefi n't.-\""
    + "".join([*ALIKE.values(), *SPLIT.values()])
    + "\u0301\u0308\u0327éçÅ\u212b\u2122½²"
)

PARAMS = Prepare(
    lowercase=True,
    punctuation="keep",
    vocabulary_size=100,
    minimum_count=1,
    vocabulary_from="train",
    max_length=100,
    truncation="head",
    validation_folds=10,
)


def test_the_tokenizer_reads_printed_text_as_typed_text() -> None:
    tokenizer = Tokenizer.train(TYPED, PARAMS)
    for typed, printed in zip(TYPED, PRINTED, strict=True):
        assert tokenizer.read(printed).ids.tolist() == tokenizer.read(typed).ids.tolist()
        assert all(tokenizer.read(printed).known)


def test_it_makes_the_same_vocabulary_of_both() -> None:
    vocabularies = (
        Tokenizer.train(texts, PARAMS).backend.get_vocab() for texts in (TYPED, PRINTED)
    )
    assert next(vocabularies) == next(vocabularies)


def test_words_are_still_found_in_the_text_as_it_was() -> None:
    text = "It isn\u2019t\u2026 \ufb01ne"
    assert Tokenizer.train([text], PARAMS).read(text).tokens == [
        "It", "isn", "\u2019", "t", "\u2026", "\ufb01ne",
    ]  # fmt: skip


def test_linear_models_read_printed_text_as_typed_text() -> None:
    model = nb_model(LinearModel(max_ngram=2, min_df=1, C=1.0))
    fit(model, TYPED, [0, 1, 0], "baseline.nb")
    assert (model.decision_function(PRINTED) == model.decision_function(TYPED)).all()


def test_a_negation_counts_however_its_apostrophe_is_typed() -> None:
    typed, printed = (negation_slices([text] * 2) for text in ("I don't know", "I don\u00b4t know"))
    assert typed.keys() == printed.keys()


@given(st.text(CHARACTERS))
def test_both_ways_to_one_form_agree(text: str) -> None:
    assert plain_normalizer().normalize_str(text) == plain(text)


@given(st.text(CHARACTERS))
def test_one_form_stays_as_it_is(text: str) -> None:
    once = plain(text)
    assert plain(once) == unicodedata.normalize("NFC", once) == once


@pytest.mark.parametrize(
    "text",
    ["2\u00bd stars", "10\u00b2", "\u00a35", "na\u00efve", "\u2764", "\u0646\u0645\u06cc\u200c"],
)
def test_what_carries_meaning_stays(text: str) -> None:
    assert plain(text) == text


def test_what_hides_an_accent_does_not_keep_it_apart() -> None:
    assert plain("e\u200b\u0301") == "\u00e9"
    assert plain("\ufb01\u0301") == "f\u00ed"


def test_accents_typed_as_two_characters_are_one() -> None:
    assert plain("cafe\u0301") == "caf\u00e9"
