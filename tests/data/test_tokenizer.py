from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from imdb_rnn.config import Prepare
from imdb_rnn.data.tokenizer import (
    TEXTS_AT_ONCE,
    UNKNOWN_ID,
    End,
    build_tokenizer,
    cut,
    encode,
    load_tokenizer,
)

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


def _words(tokenizer: Tokenizer, text: str) -> list[str]:
    (ids,) = encode(tokenizer, [text], 100, "head")
    return [tokenizer.id_to_token(i) for i in ids]


def test_words_are_numbered_by_falling_frequency_then_alphabetically() -> None:
    tokenizer = build_tokenizer(TEXTS, PARAMS)
    in_order = [tokenizer.id_to_token(i) for i in range(7)]
    assert in_order == ["[pad]", "[unk]", "film", "bad", "good", "the", "was"]


def test_the_same_words_in_another_order_make_the_same_bytes(tmp_path: Path) -> None:
    build_tokenizer(TEXTS, PARAMS).save(str(tmp_path / "a"))
    build_tokenizer(TEXTS[::-1], PARAMS).save(str(tmp_path / "b"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_line_breaks_vanish_and_punctuation_is_a_word_of_its_own() -> None:
    tokenizer = build_tokenizer(TEXTS, PARAMS)
    assert _words(tokenizer, "good<br />bad, FILM!") == ["good", "bad", ",", "film", "!"]


def test_text_cannot_name_the_special_words() -> None:
    (ids,) = encode(build_tokenizer(TEXTS, PARAMS), ["film [pad] [unk] film"], 100, "head")
    assert 0 not in ids
    assert len(ids) == 8


def test_punctuation_can_be_dropped() -> None:
    tokenizer = build_tokenizer(TEXTS, PARAMS.model_copy(update={"punctuation": "drop"}))
    assert _words(tokenizer, "good, bad!!") == ["good", "bad"]
    assert tokenizer.token_to_id(",") is None


def test_capital_letters_can_be_kept() -> None:
    tokenizer = build_tokenizer(TEXTS, PARAMS.model_copy(update={"lowercase": False}))
    assert _words(tokenizer, "FILM film") == ["FILM", "film"]


def test_rare_words_and_words_beyond_the_size_are_unknown() -> None:
    rare = build_tokenizer(TEXTS, PARAMS.model_copy(update={"minimum_count": 2}))
    assert _words(rare, "film all") == ["film", "[unk]"]
    small = build_tokenizer(TEXTS, PARAMS.model_copy(update={"vocabulary_size": 3}))
    assert small.get_vocab_size() == 3
    assert _words(small, "film good") == ["film", "[unk]"]


def test_a_saved_tokenizer_reads_alike(tmp_path: Path) -> None:
    tokenizer = build_tokenizer(TEXTS, PARAMS)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    again = load_tokenizer(tmp_path / "tokenizer.json")
    assert _words(again, TEXTS[1]) == _words(tokenizer, TEXTS[1])


@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_a_text_without_words_is_one_unknown_word(text: str) -> None:
    (ids,) = encode(build_tokenizer(TEXTS, PARAMS), [text], 100, "head")
    assert ids.tolist() == [UNKNOWN_ID]


@given(st.lists(st.text()), st.integers(1, 20), st.sampled_from(get_args(End)))
def test_any_text_becomes_known_ids_within_the_length(
    texts: list[str], max_length: int, truncation: End
) -> None:
    tokenizer = build_tokenizer(TEXTS, PARAMS)
    encoded = list(encode(tokenizer, texts, max_length, truncation))
    assert len(encoded) == len(texts)
    for ids in encoded:
        assert 1 <= len(ids) <= max_length
        assert ids.min() >= UNKNOWN_ID
        assert ids.max() < tokenizer.get_vocab_size()


def test_texts_are_read_as_they_are_needed() -> None:
    read = 0

    def texts() -> Iterator[str]:
        nonlocal read
        for _ in range(10 * TEXTS_AT_ONCE):
            read += 1
            yield "film"

    encoded = encode(build_tokenizer(TEXTS, PARAMS), texts(), 100, "head")
    next(encoded)
    assert read == TEXTS_AT_ONCE
    assert sum(1 for _ in encoded) == 10 * TEXTS_AT_ONCE - 1


@pytest.mark.parametrize(
    ("truncation", "kept"),
    [("head", [0, 1, 2, 3, 4]), ("tail", [5, 6, 7, 8, 9]), ("head+tail", [0, 1, 2, 8, 9])],
)
def test_the_chosen_end_of_a_long_review_is_kept(truncation: End, kept: list[int]) -> None:
    words = np.arange(10, dtype=np.int32)
    assert cut(words, 5, truncation).tolist() == kept


@pytest.mark.parametrize("truncation", get_args(End))
def test_one_word_can_be_kept(truncation: End) -> None:
    assert len(cut(np.arange(10, dtype=np.int32), 1, truncation)) == 1
