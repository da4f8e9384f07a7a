import numpy as np

from imdb_rnn.data.statistics import UnknownWords, normalized, shared_reviews


def test_case_punctuation_and_line_breaks_do_not_make_a_text_another() -> None:
    assert normalized("So, GOOD!<br /><br />(really)") == normalized("so good really")
    assert normalized("so good") != normalized("so bad")


def test_copies_and_shared_movies_are_counted() -> None:
    report = shared_reviews(
        {"train": iter(["One.", "one", "two"]), "test": iter(["TWO!", "two", "three"])},
        {"train": {"a", "b"}, "test": {"b", "c"}},
    )
    assert report == {
        "duplicates_within": {"train": 1, "test": 1},
        "duplicates_across": {"test in train": 2},
        "movies_shared": {"train and test": 1},
    }


def test_unknown_movies_are_not_called_disjoint() -> None:
    report = shared_reviews({"train": ["one"], "test": ["two"]}, {"train": set(), "test": set()})
    assert report["movies_shared"] == {"train and test": None}


def test_unknown_words_are_counted_as_they_pass() -> None:
    unknown = UnknownWords()
    reviews = [np.array(words, dtype=np.int32) for words in ([1, 7], [8], [1, 1, 9])]
    assert [words.tolist() for words in unknown.counted(reviews)] == [[1, 7], [8], [1, 1, 9]]
    assert unknown.count == 3
