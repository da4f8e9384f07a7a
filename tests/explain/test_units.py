"""Hidden units: where their states come from, and that planted ones are found."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from imdb_rnn.data.batches import collate
from imdb_rnn.data.tokenizer import UNKNOWN_ID, Tokenizer
from imdb_rnn.diagnostics.small import in_memory
from imdb_rnn.explain.units import known_negations, measure_units, unit_states, watch_units
from imdb_rnn.models.cells import CELLS
from imdb_rnn.models.classifier import Classifier
from models.shapes import model_shape
from results import TEXTS, shipped_params

VOCABULARY, MAX_LENGTH = 12, 9
PRAISE, NEGATION = 2, 3
REVIEWS = [
    np.random.default_rng(length).integers(1, VOCABULARY, length).astype(np.int32)
    for length in (4, 9, 1, 6)
]


@pytest.mark.parametrize(
    ("cell", "both", "side", "masked"),
    list(product(CELLS, (False, True), ("post", "pre"), (True, False))),
)
def test_states_are_each_review_s_own_at_its_words(
    cell: str, side: str, *, both: bool, masked: bool
) -> None:
    shape = model_shape(
        cell=cell, bidirectional=both, padding=side, mask_padding=masked, layers=2, pooling="mean"
    )
    classifier = Classifier(VOCABULARY, MAX_LENGTH, shape, seed=1).eval()
    together = unit_states(classifier, REVIEWS)
    alone = [unit_states(classifier, [review]) for review in REVIEWS]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-6)
    for review, states in zip(REVIEWS, alone, strict=True):
        if masked or len(review) == MAX_LENGTH:  # else padding is pooled as well
            pooled = torch.from_numpy(states.mean(0)).float()
            with torch.no_grad():
                logit = classifier(*collate([review], side, classifier.batch_width))  # type: ignore[arg-type]
            assert classifier.output(pooled).item() == pytest.approx(logit.item(), abs=1e-5)


def planted() -> Classifier:
    """Unit 1 turns on at praise, unit 2 at a negation for good, unit 3 at every other word."""
    shape = model_shape(hidden_size=3, embedding_size=3, nonlinearity="relu")
    classifier = Classifier(VOCABULARY, 40, shape, seed=0)
    state: dict[str, Any] = classifier.state_dict()
    for weight in state.values():
        weight.zero_()
    state["embedding.weight"][4:, 2] = 1
    state["embedding.weight"][PRAISE, 0] = 1
    state["embedding.weight"][NEGATION, 1] = 1
    state["layers.0.forwards.weight_ih_l0"].copy_(torch.eye(3))
    state["layers.0.forwards.weight_hh_l0"][1, 1] = 1
    return classifier.eval()


def labelled_reviews(count: int = 60) -> Any:
    """Praise in the positive ones, a negation and another word in all."""
    random = np.random.default_rng(0)
    labels = np.arange(count) % 2
    reviews = [
        random.permutation([(UNKNOWN_ID, PRAISE)[label]] * 3 + [NEGATION, *[4] * 8])
        for label in labels
    ]
    return in_memory([r.astype(np.int32) for r in reviews], labels.astype(np.int8))


def test_planted_units_are_found() -> None:
    units = measure_units(planted(), labelled_reviews(), [NEGATION])
    assert units.of_class[0] == pytest.approx(1, abs=0.05)
    assert abs(units.of_class[1]) < 0.3
    assert units.negation[1] > 10
    assert units.negation[[0, 2]].tolist() == [0, 0]
    watched = watch_units(planted(), units, np.array([4, 3, 2], dtype=np.int32))
    assert (watched.of_class[0].name, watched.of_class[0].measure) == (
        "unit 1",
        f"correlation {units.of_class[0]:+.2f}",
    )
    assert [unit.name for unit in watched.negation] == ["unit 2"]
    before, negated, after = watched.negation[0].states
    assert before < 0 < negated == after


def test_of_more_classes_each_has_units_of_its_own() -> None:
    reviews = labelled_reviews()
    labels = np.where(reviews.labels == 1, 2, np.arange(len(reviews)) // 2 % 2).astype(np.int8)
    three = in_memory([reviews[i] for i in range(len(reviews))], labels)
    praised, other = (measure_units(planted(), three, [NEGATION], label) for label in (2, 0))
    assert praised.of_class[0] == pytest.approx(1, abs=0.05)
    assert -0.8 < other.of_class[0] < -0.3


def test_states_are_told_in_deviations_over_the_reviews() -> None:
    classifier, reviews = planted(), labelled_reviews()
    units = measure_units(classifier, reviews, [NEGATION])
    states = unit_states(classifier, [reviews[i] for i in range(len(reviews))])
    np.testing.assert_allclose(units.mean, states.mean(0))
    np.testing.assert_allclose(units.deviation, states.std(0))


def test_without_negations_only_sentiment_is_watched() -> None:
    units = measure_units(planted(), labelled_reviews(), [])
    watched = watch_units(planted(), units, REVIEWS[0])
    assert watched.negation == []
    assert len(watched.of_class) == 2


def test_reviews_of_one_class_tell_nothing_about_sentiment() -> None:
    reviews = in_memory(REVIEWS, np.ones(len(REVIEWS), np.int8))
    assert not measure_units(planted(), reviews, [NEGATION]).of_class.any()


def test_units_are_counted_within_their_direction() -> None:
    shape = model_shape(bidirectional=True, hidden_size=1)
    classifier = Classifier(VOCABULARY, MAX_LENGTH, shape, seed=1).eval()
    units = measure_units(classifier, labelled_reviews(20), [NEGATION])
    watched = watch_units(classifier, units, REVIEWS[2])
    assert {unit.name for unit in watched.negation} == {"unit 1 forwards", "unit 1 backwards"}
    assert all(len(unit.states) == 1 for unit in watched.negation)


def test_negations_are_those_that_the_tokenizer_knows() -> None:
    tokenizer = Tokenizer.train([*TEXTS, "it isn't"] * 2, shipped_params().prepare)
    assert [tokenizer.token(i) for i in known_negations(tokenizer)] == ["cannot", "t"]
