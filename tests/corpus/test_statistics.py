import pyarrow as pa

from imdb_rnn.corpus.reviews import SCHEMA
from imdb_rnn.corpus.statistics import normalized, shared_reviews


def _split(texts: list[str], movies: list[str | None]) -> pa.Table:
    n = len(texts)
    rows = {
        "id": [f"train/neg/{i}_1" for i in range(n)],
        "text": texts,
        "label": [0] * n,
        "rating": [1] * n,
        "movie": movies,
    }
    return pa.table(rows, schema=SCHEMA)


def test_case_punctuation_and_line_breaks_do_not_make_a_text_another() -> None:
    assert normalized("So, GOOD!<br /><br />(really)") == normalized("so good really")
    assert normalized("so good") != normalized("so bad")


def test_copies_and_shared_movies_are_counted() -> None:
    report = shared_reviews(
        {
            "train": _split(["One.", "one", "two"], ["a", "a", "b"]),
            "test": _split(["TWO!", "two", "three"], ["b", "c", None]),
        }
    )
    assert report == {
        "duplicates_within": {"train": 1, "test": 1},
        "duplicates_across": {"test in train": 2},
        "movies_shared": {"train and test": 1},
    }


def test_unknown_movies_are_not_called_disjoint() -> None:
    report = shared_reviews({"train": _split(["one"], [None]), "test": _split(["two"], [None])})
    assert report["movies_shared"] == {"train and test": None}
