import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imdb_rnn.evaluation.slices import length_slices, negation_slices, rating_slices

TEXTS = st.lists(st.text(alphabet="no t'n<br/>.ot", max_size=300), min_size=1, max_size=30)


@given(TEXTS)
def test_each_review_is_in_exactly_one_slice(texts: list[str]) -> None:
    for slices in (length_slices(texts), negation_slices(texts)):
        assert all(group.any() for group in slices.values())
        np.testing.assert_array_equal(sum(group.astype(int) for group in slices.values()), 1)


def test_length_is_counted_in_words_of_the_raw_text() -> None:
    texts = ["good " * 99, "good " * 100, "good<br /><br />" * 199, "good " * 200, "good " * 400]
    names = [name for name, group in length_slices(texts).items() for _ in range(group.sum())]
    assert names == ["0-99", "100-199", "100-199", "200-399", "400 or more"]


def test_negation_is_a_rate_that_knows_contractions_and_whole_words() -> None:
    padding = " good" * 98
    slices = negation_slices(
        [
            "notable nothingness knots" + padding,  # only look like negation
            "It isn't good" + padding,
            "Never, NO, not good, didn\u2019t" + padding,
        ]
    )
    assert {name: group.tolist() for name, group in slices.items()} == {
        "none": [True, False, False],
        "under 1 per 100": [False, True, False],
        "3 or more per 100": [False, False, True],
    }


def test_rating_slices_leave_unknown_ratings_out() -> None:
    slices = rating_slices([10, None, 1, 10])
    assert {name: group.tolist() for name, group in slices.items()} == {
        "1": [False, False, True, False],
        "10": [True, False, False, True],
    }
    assert rating_slices([None, None]) == {}
