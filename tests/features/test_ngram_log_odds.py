import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imdb_rnn.data.batches import collate
from imdb_rnn.data.token_store import write_store
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.errors import UserError
from imdb_rnn.features.ngram_counts import count_ngrams, least_reviews
from imdb_rnn.features.ngram_log_odds import NgramTable, load_ngrams, save_ngrams
from imdb_rnn.models.classifier import Classifier
from models.shapes import model_shape

VOCABULARY, LONGEST, LEAST = 7, 3, 2
REVIEWS = [[2, 3, 4, 2, 3], [2, 3, 1, 2, 3, 4], [5], [4, 2, 3, 4]]
PROBABILITIES = [1.0, 0.0, 0.3, 0.9]


def training_set(folder: Path, reviews: list[list[int]], probabilities: Any) -> TrainingSet:
    words = [np.array(review, dtype=np.int32) for review in reviews]
    ids = [str(i) for i in range(len(words))]
    store = write_store(folder, words, [-1] * len(words), ids)
    return TrainingSet([store], np.array(probabilities, dtype=np.float32))


def reference(
    reviews: list[list[int]], probabilities: list[float], longest: int, least: int
) -> dict[tuple[int, ...], float]:
    """Polarity of each frequent n-gram, counted in plain Python."""
    log_odds: dict[tuple[int, ...], float] = {}
    for length in range(1, longest + 1):
        holders: dict[tuple[int, ...], set[int]] = defaultdict(set)
        for number, review in enumerate(reviews):
            for begin in range(len(review) - length + 1):
                ngram = tuple(review[begin : begin + length])
                if min(ngram) > 1 and (length == 1 or ngram[:-1] in log_odds):
                    holders[ngram].add(number)
        for ngram, numbers in holders.items():
            if len(numbers) >= least:
                positive = sum(float(np.float32(probabilities[number])) for number in numbers)
                negative = len(numbers) - positive
                log_odds[ngram] = math.log((positive + 1) / (negative + 1))
    return log_odds


def expected_inputs(
    reviews: list[list[int]], log_odds: dict[tuple[int, ...], float], longest: int
) -> list[list[list[float]]]:
    return [
        [
            [
                log_odds.get(tuple(review[max(end - length, 0) : end]), 0.0)
                if end >= length
                else 0.0
                for length in range(1, longest + 1)
            ]
            for end in range(1, len(review) + 1)
        ]
        for review in reviews
    ]


@pytest.mark.parametrize(
    ("min_df", "reviews", "least"),
    [(10, 72_504, 10), (10, 22_504, 10), (10, 8000, 4), (10, 100, 2), (1, 100, 1), (3, 9000, 3)],
)
def test_where_reviews_are_few_an_n_gram_of_two_is_kept(
    min_df: int, reviews: int, least: int
) -> None:
    assert least_reviews(min_df, reviews) == least


def test_each_token_gets_the_log_odds_of_the_n_grams_that_end_there(tmp_path: Path) -> None:
    table = count_ngrams(training_set(tmp_path, REVIEWS, PROBABILITIES), VOCABULARY, LONGEST, LEAST)
    log_odds = reference(REVIEWS, PROBABILITIES, LONGEST, LEAST)
    assert sum(table.sizes) == len(log_odds)
    tokens, lengths = collate([np.array(r, dtype=np.int32) for r in REVIEWS], "post", None)
    found = table(tokens.T)
    for i, expected in enumerate(expected_inputs(REVIEWS, log_odds, LONGEST)):
        np.testing.assert_allclose(found[: lengths[i], i], expected, atol=1e-6)
        assert not found[lengths[i] :, i].any(), "padding has no log odds"


@given(st.data())
def test_any_reviews_agree_with_plain_counting(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    words = st.integers(1, VOCABULARY - 1)
    reviews = data.draw(st.lists(st.lists(words, min_size=1, max_size=12), min_size=1, max_size=6))
    chance = st.floats(0, 1, width=32)
    probabilities = data.draw(st.lists(chance, min_size=len(reviews), max_size=len(reviews)))
    longest, least = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    folder = tmp_path_factory.mktemp("store")
    table = count_ngrams(training_set(folder, reviews, probabilities), VOCABULARY, longest, least)
    log_odds = reference(reviews, probabilities, longest, least)
    for review, expected in zip(reviews, expected_inputs(reviews, log_odds, longest), strict=True):
        found = table(torch.tensor(review)[:, None])[:, 0]
        np.testing.assert_allclose(found, expected, atol=1e-5)


@given(st.data())
def test_a_review_that_is_learned_from_is_left_out_of_what_its_phrases_count(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    words = st.integers(2, VOCABULARY - 1)
    reviews = data.draw(st.lists(st.lists(words, min_size=1, max_size=12), min_size=2, max_size=6))
    chance = st.floats(0, 1, width=32)
    probabilities = data.draw(st.lists(chance, min_size=len(reviews), max_size=len(reviews)))
    folder = tmp_path_factory.mktemp("store")
    table = count_ngrams(training_set(folder, reviews, probabilities), VOCABULARY, LONGEST, 1)
    others = reference(reviews[1:], probabilities[1:], LONGEST, 1)
    (expected,) = expected_inputs(reviews[:1], others, LONGEST)  # 0 where no other has the n-gram
    found = table(torch.tensor(reviews[0])[:, None], torch.tensor(probabilities[:1]))[:, 0]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@given(st.data())
def test_each_of_several_classes_stands_against_the_others(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    words = st.integers(2, VOCABULARY - 1)
    reviews = data.draw(st.lists(st.lists(words, min_size=1, max_size=9), min_size=2, max_size=6))
    labels = data.draw(st.lists(st.integers(0, 2), min_size=len(reviews), max_size=len(reviews)))
    targets = np.eye(3, dtype=np.float32)[labels]
    folder = tmp_path_factory.mktemp("store")
    table = count_ngrams(training_set(folder / "store", reviews, targets), VOCABULARY, LONGEST, 1)
    save_ngrams(folder / "table", table)
    loaded = load_ngrams(folder / "table")
    assert loaded.classes == 3
    own = torch.from_numpy(targets[:1])
    found = loaded(torch.tensor(reviews[0])[:, None], own)[:, 0]
    for end in range(1, len(reviews[0]) + 1):
        for length in range(1, LONGEST + 1):
            ngram = reviews[0][end - length : end] if end >= length else None
            for of_class in range(3):
                expected = 0.0
                if ngram:
                    holders = [
                        labels[number]
                        for number, review in enumerate(reviews)
                        if number > 0 and _holds(review, ngram)
                    ]
                    inside = holders.count(of_class)
                    expected = math.log((inside + 1) / (len(holders) - inside + 2))
                at = 3 * (length - 1) + of_class
                assert found[end - 1, at].item() == pytest.approx(expected, abs=1e-4)


def _holds(review: list[int], ngram: list[int]) -> bool:
    return any(review[i : i + len(ngram)] == ngram for i in range(len(review)))


def test_a_table_comes_back_from_its_file_with_the_same_bytes(tmp_path: Path) -> None:
    table = count_ngrams(training_set(tmp_path, REVIEWS, PROBABILITIES), VOCABULARY, 2, 1)
    save_ngrams(tmp_path / "first", table)
    save_ngrams(tmp_path / "second", load_ngrams(tmp_path / "first"))
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    tokens = torch.tensor(REVIEWS[0])[:, None]
    assert torch.equal(load_ngrams(tmp_path / "second")(tokens), table(tokens))


@pytest.mark.parametrize("content", [None, b"", b"\x80\x04N.", b"\xff" * 100])
def test_a_missing_or_damaged_table_is_refused_by_name(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "table").write_bytes(content)
    with pytest.raises(UserError, match=r"table: .*ngram_log_odds"):
        load_ngrams(tmp_path / "table")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("keys_1", [5, 2]),
        ("keys_1", [2, 2]),
        ("polarities_1", [0.5, math.nan]),
        ("polarities_1", [0.5, math.inf]),
        ("polarities_1", [0.5, math.log(2) + 0.01]),
        ("polarities_1", [0.5, -math.log(2) - 0.01]),
        ("reviews_1", [1, 0]),
        ("reviews_1", [1, math.nan]),
        ("reviews_1", [1, math.inf]),
    ],
)
def test_a_table_that_was_not_counted_is_refused(
    tmp_path: Path, name: str, values: list[float]
) -> None:
    table = NgramTable(9, [2])
    table.get_buffer("keys_1").copy_(torch.tensor([2, 5]))
    table.get_buffer(name).copy_(torch.tensor(values))
    save_ngrams(tmp_path / "table", table)
    with pytest.raises(UserError, match=r"table: .*dvc repro --force ngram_log_odds"):
        load_ngrams(tmp_path / "table")


@given(reviews=st.integers(1, 10**6), positive=st.booleans())
def test_a_phrase_of_one_class_alone_is_not_refused(
    tmp_path_factory: pytest.TempPathFactory, reviews: int, *, positive: bool
) -> None:
    table = NgramTable(9, [1])
    table.get_buffer("reviews_1").fill_(reviews)
    log_odds = np.log((reviews + 1) / 1) * (1 if positive else -1)
    table.get_buffer("polarities_1").fill_(float(np.float32(log_odds)))
    path = tmp_path_factory.mktemp("table") / "table"
    save_ngrams(path, table)
    loaded = load_ngrams(path)
    own = torch.tensor([1.0 if positive else 0.0])
    assert loaded(torch.zeros(1, 1, dtype=torch.int64), own).isfinite().all()


def test_no_phrases_are_an_empty_table(tmp_path: Path) -> None:
    table = count_ngrams(training_set(tmp_path, REVIEWS, PROBABILITIES), VOCABULARY, 0, 1)
    save_ngrams(tmp_path / "table", table)
    assert load_ngrams(tmp_path / "table").sizes == []


def test_the_classifier_reads_log_odds_beside_the_vectors(tmp_path: Path) -> None:
    table = count_ngrams(training_set(tmp_path, REVIEWS, PROBABILITIES), VOCABULARY, 2, 1)
    classifier = Classifier(VOCABULARY, 12, model_shape(pooling="mean"), 1, table.sizes)
    batch = collate([np.array(r, dtype=np.int32) for r in REVIEWS], "post", None)
    with torch.no_grad():
        before = classifier(*batch)
        classifier.phrases.load_state_dict(table.state_dict())
        after = classifier(*batch)
    assert isinstance(classifier.phrases, NgramTable)
    assert (before - after).abs().min() > 1e-6
    alone = torch.cat(
        [classifier(*collate([np.array(r, dtype=np.int32)], "post", None)) for r in REVIEWS]
    )
    torch.testing.assert_close(after, alone, rtol=0, atol=1e-6)


def test_a_hidden_word_hides_its_phrases() -> None:
    table = NgramTable(4, [1])
    table.get_buffer("keys_1").fill_(2)
    table.get_buffer("polarities_1").fill_(5.0)
    shape = model_shape(word_dropout=0.5, pooling="mean")
    classifier = Classifier(4, 100, shape, 1, table.sizes)
    classifier.phrases.load_state_dict(table.state_dict())
    seen: list[torch.Tensor] = []
    classifier.layers[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    tokens = torch.full((1, 100), 2)
    classifier(tokens, torch.tensor([100]), torch.Generator().manual_seed(0))
    log_odds = seen[0][:, 0, -1]
    assert set(log_odds.tolist()) == {0.0, 5.0}
    assert 30 < int((log_odds == 0).sum()) < 70
