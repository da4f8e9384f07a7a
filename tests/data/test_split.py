import numpy as np
import pyarrow as pa
import pytest

from imdb_rnn.data.reviews import SCHEMA
from imdb_rnn.data.split import groups_of, hold_out, split_by, split_off
from imdb_rnn.errors import UserError

RANDOM = np.random.default_rng(0)
MOVIES = [f"tt{number:07d}" for number in RANDOM.integers(0, 150, size=1000)]
LABELS = RANDOM.integers(0, 2, size=1000).astype(np.int8)


def _reviews(ids: list[str], movies: list[str | None]) -> pa.Table:
    n = len(ids)
    rows = {"id": ids, "text": ["x"] * n, "label": [0] * n, "rating": [None] * n, "movie": movies}
    return pa.table(rows, schema=SCHEMA)


def test_no_movie_stands_on_both_sides() -> None:
    held_out = hold_out(LABELS, MOVIES, 10, seed=1)
    movies = np.array(MOVIES)
    assert not set(movies[held_out]) & set(movies[~held_out])


def test_the_share_and_the_labels_are_kept_in_balance() -> None:
    held_out = hold_out(LABELS, MOVIES, 10, seed=1)
    assert 80 <= held_out.sum() <= 120
    assert abs(LABELS[held_out].mean() - LABELS.mean()) < 0.05


def test_the_seed_alone_decides() -> None:
    first = hold_out(LABELS, MOVIES, 10, seed=1)
    np.random.seed(7)  # noqa: NPY002 - shows that the global generator plays no part
    assert (first == hold_out(LABELS, MOVIES, 10, seed=1)).all()
    assert (first != hold_out(LABELS, MOVIES, 10, seed=2)).any()


def test_neighbouring_ids_stand_in_for_an_unknown_movie() -> None:
    ids = ["train/neg/7", "train/neg/8", "train/neg/9999", "train/pos/7"]
    reviews = _reviews(ids, [None] * 4)
    assert split_by(reviews) == "id block"
    first, second, *others = groups_of(reviews) or []
    assert first == second
    assert first not in others
    assert len(set(others)) == 2


def test_more_parts_than_movies_are_refused() -> None:
    with pytest.raises(UserError, match=r"validation_folds.*3 groups"):
        hold_out(LABELS[:6], ["a", "a", "b", "b", "c", "c"], 10, seed=1)


@pytest.mark.parametrize("seed", range(10))
def test_a_class_that_is_one_group_stays_among_the_texts_to_learn_from(seed: int) -> None:
    labels = np.repeat(np.array([0, 1, 2], dtype=np.int8), [30, 30, 10])
    groups = [f"author {i // 3}" for i in range(60)] + ["ann"] * 10
    held_out = hold_out(labels, groups, 3, seed)
    assert set(labels[~held_out]) == {0, 1, 2}
    assert 0 < held_out.sum() < 60


def test_classes_of_one_group_each_are_refused() -> None:
    labels = np.repeat(np.array([0, 1], dtype=np.int8), 10)
    with pytest.raises(UserError, match="validation_folds"):
        hold_out(labels, ["ann"] * 10 + ["bob"] * 10, 2, seed=1)


def test_more_parts_than_reviews_of_a_class_are_refused() -> None:
    labels = np.repeat(np.array([0, 1], dtype=np.int8), [10, 8])
    with pytest.raises(UserError, match=r"validation_folds: 15 .* 10 texts of a class"):
        hold_out(labels, [f"movie {i}" for i in range(18)], 15, seed=1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("grouped", [False, True])
def test_a_class_of_a_few_texts_stays_among_those_to_learn_from(*, grouped: bool) -> None:
    labels = np.repeat(np.array([0, 1, 2], dtype=np.int8), [50, 40, 2])
    groups = [f"author {i}" for i in range(92)] if grouped else None
    for seed in range(5):
        held_out = hold_out(labels, groups, 10, seed)
        assert 7 <= held_out.sum() <= 11
        assert set(labels[~held_out]) == {0, 1, 2}


def test_a_known_movie_is_used() -> None:
    reviews = _reviews(["train/neg/7_2", "train/neg/8_1"], ["tt1", "tt2"])
    assert split_by(reviews) == "movie"
    assert groups_of(reviews) == ["tt1", "tt2"]


def test_own_texts_are_kept_together_by_their_group_if_they_have_one() -> None:
    ids = ["mine.csv:1", "mine.csv:2"]
    assert groups_of(_reviews(ids, ["ann", "bob"])) == ["ann", "bob"]
    assert split_by(_reviews(ids, ["ann", "bob"])) == "group"
    assert groups_of(_reviews(ids, [None, None])) is None
    assert split_by(_reviews(ids, [None, None])) == "text"


def test_texts_without_groups_are_held_out_in_balance() -> None:
    held_out = hold_out(LABELS, None, 10, seed=1)
    assert held_out.sum() == 100
    assert abs(LABELS[held_out].mean() - LABELS.mean()) < 0.01


CLASSES = ("bad", "good", "so-so")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("texts", "groups", "share", "said"),
    [
        pytest.param([9, 1, 1], None, 0.2, r"good \(1\), so-so \(1\)", id="single texts"),
        pytest.param([9, 1, 9], "own", 0.2, r"good \(1\)", id="a single text in groups"),
        pytest.param([3, 3, 3], None, 0.2, r"9 texts 2 .* 7 .*3 classes", id="too few to split"),
        pytest.param([3, 3, 3], None, 0.8, r"9 texts 8 .* 1 .*3 classes", id="too few left"),
        pytest.param([2, 30, 30], None, 0.9, r"bad \(2\)", id="none left of a class"),
        pytest.param([30, 30, 4], "class", 0.2, r" 3 groups.* 5", id="too few groups"),
        pytest.param([3, 4, 3], "own", 0.2, r"good \(4\).* 5", id="small classes"),
    ],
)
def test_texts_of_which_no_share_can_be_split_off_are_refused_with_their_numbers(
    texts: list[int], groups: str | None, share: float, said: str
) -> None:
    labels = np.repeat(np.arange(3, dtype=np.int8), texts)
    own = np.arange(len(labels), dtype=np.int32)
    of_group = {None: None, "own": own, "class": labels.astype(np.int32)}[groups]
    with pytest.raises(UserError, match=rf"download\.test_share: {share}.*{said}"):
        split_off(labels, of_group, CLASSES, share, seed=1)


@pytest.mark.filterwarnings("error")
def test_a_class_of_few_texts_is_split_off_by_group_without_another_word() -> None:
    labels = np.repeat(np.arange(3, dtype=np.int8), [40, 40, 3])
    mask = split_off(labels, np.arange(83, dtype=np.int32), CLASSES, 0.2, seed=1)
    assert set(labels[~mask]) == {0, 1, 2}


@pytest.mark.filterwarnings("error")
def test_nothing_is_split_off_with_an_error_of_another_kind() -> None:
    random = np.random.default_rng(0)
    refused, tries = 0, 300
    for _ in range(tries):
        size = int(random.integers(3, 60))
        labels = random.choice(3, size, p=random.dirichlet(np.ones(3))).astype(np.int8)
        groups = random.integers(0, random.integers(1, size + 1), size).astype(np.int32)
        share = float(random.choice([0.02, 0.1, 0.37, 0.5, 0.97]))
        try:
            mask = split_off(labels, groups if random.random() < 0.6 else None, CLASSES, share, 1)
        except UserError:
            refused += 1
        else:
            assert set(labels[~mask]) == set(labels)
            assert mask.any()
    assert 0 < refused < tries
