from pathlib import Path

import numpy as np

from imdb_rnn.data.statistics import (
    TextDigests,
    conflicting_texts,
    normalized,
    shared_reviews,
    split_statistics,
    text_digests,
)
from imdb_rnn.data.token_store import write_store


def digests(**texts: list[str]) -> dict[str, TextDigests]:
    return {name: text_digests(iter(of_split)) for name, of_split in texts.items()}


def test_texts_of_more_than_one_class_are_counted_once() -> None:
    texts = text_digests(["Good.", "good", "bad", "bad", "GOOD!"])
    assert conflicting_texts(texts, np.array([1, 0, 0, 0, 2], dtype=np.int8)) == 1


def test_case_punctuation_and_line_breaks_do_not_make_a_text_another() -> None:
    assert normalized("So, GOOD!<br /><br />(really)") == normalized("so good really")
    assert normalized("so good") != normalized("so bad")


def test_copies_and_shared_movies_are_counted() -> None:
    report = shared_reviews(
        digests(train=["One.", "one", "two"], test=["TWO!", "two", "three"]),
        {"train": {"a", "b"}, "test": {"b", "c"}},
    )
    assert report == {
        "duplicates_within": {"train": 1, "test": 1},
        "duplicates_across": {"test in train": 2},
        "movies_shared": {"train and test": 1},
    }


def test_unknown_movies_are_not_called_disjoint() -> None:
    report = shared_reviews(digests(train=["one"], test=["two"]), {"train": set(), "test": set()})
    assert report["movies_shared"] == {"train and test": None}


def test_a_split_is_summed_up(tmp_path: Path) -> None:
    reviews = [np.array(words, dtype=np.int32) for words in ([1, 7], [8], [1, 1, 9])]
    store = write_store(tmp_path / "store", reviews, [1, 0, 1], ["a", "b", "c"])
    assert split_statistics(store) == {
        "reviews": 3,
        "positive": 2,
        "words": 6,
        "median_length": 2.0,
        "longest": 3,
        "unknown_share": 0.5,
    }


def test_equal_texts_are_found_through_case_markup_and_punctuation() -> None:
    train = text_digests(["A GREAT film!<br /><br />Really, great.", "dull"])
    test = text_digests(["a great film really great", "a great film", "Dull...", "not dull"])
    assert np.isin(test, train).tolist() == [True, False, True, False]
