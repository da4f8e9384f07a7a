from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from imdb_rnn.data.token_store import TokenStore, write_store
from imdb_rnn.features.word_vectors import neighbour_counts, positive_pmi, word_vectors


def store(folder: Path, reviews: list[list[int]]) -> TokenStore:
    words = [np.array(review, dtype=np.int32) for review in reviews]
    return write_store(folder, words, [0] * len(words), [str(i) for i in range(len(words))])


def test_neighbours_are_counted_within_the_window_and_the_review(tmp_path: Path) -> None:
    reviews = [[2, 3, 4, 1, 2], [3], [5, 3]]  # 1 is the unknown word
    expected = np.zeros((6, 6))
    for review in reviews:
        for i, first in enumerate(review):
            for j, second in enumerate(review):
                if 0 < abs(i - j) <= 2 and first > 1 and second > 1:
                    expected[first, second] += 1
    # Half of the reviews in each of two stores: it makes no difference where they stand.
    stores = [store(tmp_path / "a", reviews[:1]), store(tmp_path / "b", reviews[1:])]
    assert neighbour_counts(stores, 6, window=2).toarray().tolist() == expected.tolist()


def test_information_follows_its_formula(tmp_path: Path) -> None:
    counts = neighbour_counts([store(tmp_path, [[2, 3], [2, 3], [2, 4], [5, 5], [5, 5]])], 6, 1)
    total = {2: 3, 3: 2, 4: 1, 5: 4}
    context = {word: n**0.75 for word, n in total.items()}
    share = context[3] / sum(context.values())
    information = positive_pmi(counts).toarray()
    assert information[2, 3] == pytest.approx(np.log(2 / (3 * share)))
    assert information[2, 4] == 0, "a pair met once is noise"
    assert information[2, 5] == 0, "a pair never met carries no positive information"
    assert information.min() == 0


def test_words_that_keep_the_same_company_have_like_vectors(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    # 2 and 3 stand beside the words 4 to 13, 14 and 15 beside the words 16 to 25.
    reviews = [
        [int(random.integers(4, 14)), int(random.choice([2, 3])), int(random.integers(4, 14))]
        for _ in range(400)
    ] + [
        [int(random.integers(16, 26)), int(random.choice([14, 15])), int(random.integers(16, 26))]
        for _ in range(400)
    ]
    vectors = word_vectors([store(tmp_path, reviews)], 30, size=8, window=2, seed=1)
    alike = cosine_similarity(vectors)
    assert alike[2, 3] > 0.9
    assert abs(alike[2, 14]) < 0.3
    assert vectors.shape == (30, 8)
    assert vectors.dtype == np.float32
    assert not vectors[[0, 1, 29]].any(), "padding, the unknown word and unseen words"
    assert vectors.std() == pytest.approx(0.1)


def test_vectors_follow_from_the_reviews_and_the_seed(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    reviews = store(tmp_path, random.integers(2, 50, (200, 10)).tolist())
    first = word_vectors([reviews], 50, 16, 3, seed=1)
    np.random.seed(7)  # noqa: NPY002 - the global generator must not matter
    assert np.array_equal(first, word_vectors([reviews], 50, 16, 3, seed=1))


def test_more_dimensions_than_words_are_filled_with_zeros(tmp_path: Path) -> None:
    vectors = word_vectors([store(tmp_path, [[2, 3], [2, 3]])], 4, size=9, window=1, seed=1)
    assert vectors.shape == (4, 9)
    assert not vectors[:, 4:].any()


def test_reviews_without_a_pair_give_zeros(tmp_path: Path) -> None:
    assert not word_vectors([store(tmp_path, [[2], [3]])], 4, size=3, window=1, seed=1).any()
