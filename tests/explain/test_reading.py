from typing import get_args

import pytest

from imdb_rnn.data.tokenizer import End, build_tokenizer
from imdb_rnn.errors import UserError
from imdb_rnn.explain.reading import read
from imdb_rnn.models.saved_model import Encoder
from results import TEXTS, shipped_params

TOKENIZER = build_tokenizer(TEXTS * 2, shipped_params().prepare)
SHORT = "A GREAT<br />film, zorblax: İstanbul's dull!"


def encoder(max_length: int = 50, truncation: End = "head+tail") -> Encoder:
    return Encoder(TOKENIZER, max_length, truncation)


def test_words_stand_as_they_were_cut_in_the_text_s_own_spelling() -> None:
    reading = read(encoder(), SHORT)
    assert " ".join(reading.words) == "A GREAT film , zorblax : İstanbul ' s dull !"
    assert [w for w, known in zip(reading.words, reading.known, strict=True) if known] == (
        ["A", "GREAT", "film", ",", "dull"]
    )
    assert reading.skipped == 0


@pytest.mark.parametrize("truncation", get_args(End))
@pytest.mark.parametrize("max_length", [1, 4, 5, 11, 50])
def test_the_words_are_those_that_the_classifier_gets(truncation: End, max_length: int) -> None:
    reading = read(encoder(max_length, truncation), SHORT)
    (ids,) = encoder(max_length, truncation)([SHORT])
    assert reading.ids.tolist() == ids.tolist()
    assert len(reading.words) + reading.skipped == 11


@pytest.mark.parametrize(
    ("truncation", "words", "gap"),
    [
        ("head", ["a", "great", "film"], 3),
        ("tail", ["cast", "is", "great"], 0),
        ("head+tail", ["a", "great", "great"], 2),
    ],
)
def test_a_long_text_says_where_words_are_missing(
    truncation: End, words: list[str], gap: int
) -> None:
    reading = read(
        encoder(3, truncation), "a great film with a cast that is dull and a cast is great"
    )
    assert reading.words == words
    assert (reading.skipped, reading.gap) == (11, gap)


@pytest.mark.parametrize("text", ["", " \n\t", "<br /><br />"])
def test_a_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="no word"):
        read(encoder(), text)


def test_a_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(UserError, match=r"not UTF-8 \(character 3\)"):
        read(encoder(), b"ab\xe9".decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(("truncation", "gap"), [("head", 10), ("tail", 0), ("head+tail", 5)])
def test_even_one_missing_word_has_its_place(truncation: End, gap: int) -> None:
    reading = read(encoder(10, truncation), SHORT)
    assert (reading.skipped, reading.gap) == (1, gap)
