from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imdb_rnn.config import Prepare
from imdb_rnn.data.tokenizer import TEXTS_AT_ONCE, UNKNOWN_ID, End, Tokenizer

TEXTS = ["The film was good.", "the FILM was not good<br />at all!", "A bad, bad film"]
PARAMS = Prepare(
    lowercase=True,
    punctuation="keep",
    vocabulary_size=50,
    minimum_count=1,
    vocabulary_from="train",
    max_length=100,
    truncation="head",
    validation_folds=10,
)

FILMS = Tokenizer.train(TEXTS, PARAMS)
SHORT = "A GOOD<br />film, zorblax: İstanbul's bad!"
SHORT_TOKENS = ["A", "GOOD", "film", ",", "zorblax", ":", "İstanbul", "'", "s", "bad", "!"]


def _words(tokenizer: Tokenizer, text: str) -> list[str]:
    (ids,) = tokenizer.encode([text])
    return [tokenizer.token(i) for i in ids]


def test_words_are_numbered_by_falling_frequency_then_alphabetically() -> None:
    tokenizer = Tokenizer.train(TEXTS, PARAMS)
    in_order = [tokenizer.token(i) for i in range(7)]
    assert in_order == ["[pad]", "[unk]", "film", "bad", "good", "the", "was"]


def test_the_same_words_in_another_order_make_the_same_bytes(tmp_path: Path) -> None:
    Tokenizer.train(TEXTS, PARAMS).save(tmp_path / "a")
    Tokenizer.train(TEXTS[::-1], PARAMS).save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_line_breaks_vanish_and_punctuation_is_a_word_of_its_own() -> None:
    tokenizer = Tokenizer.train(TEXTS, PARAMS)
    assert _words(tokenizer, "good<br />bad, FILM!") == ["good", "bad", ",", "film", "!"]


def test_text_cannot_name_the_special_words() -> None:
    (ids,) = Tokenizer.train(TEXTS, PARAMS).encode(["film [pad] [unk] film"])
    assert 0 not in ids
    assert len(ids) == 8


def test_punctuation_can_be_dropped() -> None:
    tokenizer = Tokenizer.train(TEXTS, PARAMS.model_copy(update={"punctuation": "drop"}))
    assert _words(tokenizer, "good, bad!!") == ["good", "bad"]
    assert tokenizer.token_id(",") is None


def test_capital_letters_can_be_kept() -> None:
    tokenizer = Tokenizer.train(TEXTS, PARAMS.model_copy(update={"lowercase": False}))
    assert _words(tokenizer, "FILM film") == ["FILM", "film"]


def test_rare_words_and_words_beyond_the_size_are_unknown() -> None:
    rare = Tokenizer.train(TEXTS, PARAMS.model_copy(update={"minimum_count": 2}))
    assert _words(rare, "film all") == ["film", "[unk]"]
    small = Tokenizer.train(TEXTS, PARAMS.model_copy(update={"vocabulary_size": 3}))
    assert small.vocabulary_size == 3
    assert _words(small, "film good") == ["film", "[unk]"]


def test_a_saved_tokenizer_reads_alike(tmp_path: Path) -> None:
    tokenizer = Tokenizer.train(TEXTS, PARAMS)
    tokenizer.save(tmp_path / "tokenizer.json")
    again = Tokenizer.load(tmp_path / "tokenizer.json", 100, "head")
    assert _words(again, TEXTS[1]) == _words(tokenizer, TEXTS[1])
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "tokenizer.json").read_bytes()


@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_a_text_without_words_is_one_unknown_word(text: str) -> None:
    (ids,) = Tokenizer.train(TEXTS, PARAMS).encode([text])
    assert ids.tolist() == [UNKNOWN_ID]


@given(st.lists(st.text()), st.integers(1, 20), st.sampled_from(get_args(End)))
def test_any_text_becomes_known_ids_within_the_length(
    texts: list[str], max_length: int, truncation: End
) -> None:
    tokenizer = replace(FILMS, max_length=max_length, truncation=truncation)
    encoded = list(tokenizer.encode(texts))
    assert len(encoded) == len(texts)
    for ids in encoded:
        assert 1 <= len(ids) <= max_length
        assert ids.min() >= UNKNOWN_ID
        assert ids.max() < tokenizer.vocabulary_size


def test_texts_are_read_as_they_are_needed() -> None:
    read = 0

    def texts() -> Iterator[str]:
        nonlocal read
        for _ in range(10 * TEXTS_AT_ONCE):
            read += 1
            yield "film"

    encoded = Tokenizer.train(TEXTS, PARAMS).encode(texts())
    next(encoded)
    assert read == TEXTS_AT_ONCE
    assert sum(1 for _ in encoded) == 10 * TEXTS_AT_ONCE - 1


@pytest.mark.parametrize(
    ("truncation", "kept"),
    [("head", [0, 1, 2, 3, 4]), ("tail", [5, 6, 7, 8, 9]), ("head+tail", [0, 1, 2, 8, 9])],
)
def test_the_chosen_end_of_a_long_review_is_kept(truncation: End, kept: list[int]) -> None:
    tokenizer = replace(FILMS, max_length=5, truncation=truncation)
    assert tokenizer.cut(np.arange(10, dtype=np.int32)).tolist() == kept


def test_tokens_are_read_in_the_text_s_own_spelling() -> None:
    reading = FILMS.read(SHORT)
    assert " ".join(reading.tokens) == "A GOOD film , zorblax : İstanbul ' s bad !"
    assert [w for w, known in zip(reading.tokens, reading.known, strict=True) if known] == (
        ["A", "GOOD", "film", ",", "bad", "!"]
    )
    assert reading.skipped == 0


@pytest.mark.parametrize("truncation", get_args(End))
@pytest.mark.parametrize("max_length", [1, 4, 5, 11, 50])
def test_the_tokens_that_are_read_are_those_that_are_encoded(
    truncation: End, max_length: int
) -> None:
    tokenizer = replace(FILMS, max_length=max_length, truncation=truncation)
    reading = tokenizer.read(SHORT)
    (ids,) = tokenizer.encode([SHORT])
    assert reading.ids.tolist() == ids.tolist()
    assert len(reading.tokens) + reading.skipped == 11


@pytest.mark.parametrize(
    ("max_length", "truncation", "tokens", "gap"),
    [
        (3, "head", ["A", "GOOD", "film"], 3),
        (3, "tail", ["s", "bad", "!"], 0),
        (3, "head+tail", ["A", "GOOD", "!"], 2),
        (10, "head", SHORT_TOKENS[:10], 10),  # even one token that is missing has its place
        (10, "tail", SHORT_TOKENS[1:], 0),
        (10, "head+tail", SHORT_TOKENS[:5] + SHORT_TOKENS[6:], 5),
    ],
)
def test_a_long_text_says_where_tokens_are_missing(
    max_length: int, truncation: End, tokens: list[str], gap: int
) -> None:
    reading = replace(FILMS, max_length=max_length, truncation=truncation).read(SHORT)
    assert reading.tokens == tokens
    assert (reading.skipped, reading.gap) == (11 - max_length, gap)
