"""Which review is shown, and what is said of those that were read."""

import numpy as np
import pyarrow as pa
import pytest

from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.diagnostics.reading import (
    ADDED_UP,
    EXAMINED,
    NAMED,
    Example,
    draw,
    examine,
    finding,
    numbers,
    strongest_words,
)
from imdb_rnn.diagnostics.small import in_memory
from imdb_rnn.explain.attribution import integrated_gradients, prefix_probabilities
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.head import probabilities
from imdb_rnn.models.inference import predict_logits
from models.shapes import model_shape

VOCABULARY, LONGEST = 12, 9
NAMES = [f"word {number}" for number in range(40)]


@pytest.fixture
def classifier() -> Classifier:
    shape = model_shape(cell="lstm", pooling="max+mean")
    return Classifier(VOCABULARY, 40, shape, seed=2).eval()


def reviews(count: int, lengths: tuple[int, int]) -> list[np.ndarray]:
    random = np.random.default_rng(5)
    return [
        random.integers(2, VOCABULARY, random.integers(*lengths)).astype(np.int32)
        for _ in range(count)
    ]


def labels(count: int) -> np.ndarray:
    return np.arange(count).astype(np.int8) % 2


def test_short_reviews_are_read_and_the_one_that_turns_farthest_is_shown(
    classifier: Classifier,
) -> None:
    short, long = reviews(EXAMINED, (4, LONGEST + 1)), reviews(30, (LONGEST + 1, 30))
    found = examine(classifier, in_memory([*long, *short], labels(50)), LONGEST, seed=1)
    turns = {}
    for number, review in enumerate(short, start=len(long)):
        curve = prefix_probabilities(classifier, review)
        turns[str(number)] = np.abs(curve[len(curve) // 2 :] - curve[-1]).max()
    assert found.shown.name == max(turns, key=turns.__getitem__)
    assert found.shown.turned == pytest.approx(max(turns.values()))
    assert found.shown.label == int(found.shown.name) % 2


def test_the_attribution_of_reviews_of_any_length_is_added_up(classifier: Classifier) -> None:
    all_reviews = [*reviews(4, (4, LONGEST + 1)), *reviews(4, (LONGEST + 1, 30))]
    found = examine(classifier, in_memory(all_reviews, labels(8)), LONGEST, seed=1)
    assert sorted(found.lengths) == sorted(map(len, all_reviews))
    gaps = [integrated_gradients(classifier, review) for review in all_reviews]
    assert sorted(found.convergence_deltas) == pytest.approx(
        sorted(abs(gap.logit - gap.baseline - gap.tokens.sum()) for gap in gaps), abs=1e-5
    )
    many = in_memory(reviews(30, (4, 30)), labels(30))
    assert len(examine(classifier, many, LONGEST, seed=1).convergence_deltas) == ADDED_UP


def test_where_no_review_is_short_enough_longer_ones_are_read(classifier: Classifier) -> None:
    found = examine(classifier, in_memory(reviews(3, (20, 30)), labels(3)), LONGEST, seed=1)
    assert len(found.convergence_deltas) == 3


def test_the_strongest_words_are_named(classifier: Classifier) -> None:
    found = examine(classifier, in_memory(reviews(5, (20, 30)), labels(5)), 40, seed=1)
    shown, said = found.shown, numbers(found, NAMES)["shown"]
    by_attribution = sorted(zip(shown.attribution.tokens, NAMES, strict=False))
    assert said["against"] == [name for value, name in by_attribution[:NAMED] if value < 0]
    assert said["for"] == [name for value, name in by_attribution[: -NAMED - 1 : -1] if value > 0]
    named = strongest_words(shown, NAMES)
    assert set(named.values()) == {*said["for"], *said["against"]}
    assert all(NAMES[position - 1] == name for position, name in named.items())


def test_of_three_classes_the_review_s_own_is_watched() -> None:
    shape = model_shape(cell="lstm", pooling="max+mean")
    classifier = Classifier(VOCABULARY, 40, shape, seed=2, classes=3).eval()
    all_labels = np.arange(9).astype(np.int8) % 3
    found = examine(classifier, in_memory(reviews(9, (4, LONGEST)), all_labels), LONGEST, seed=1)
    shown = found.shown
    among_all = probabilities(predict_logits(classifier, [shown.words], 1))[0]
    assert shown.label == all_labels[int(shown.name)]
    assert shown.probabilities[-1] == pytest.approx(among_all[shown.label], rel=1e-5)
    assert shown.attribution.adds_up
    assert numbers(found, NAMES, ("a", "b", "c"))["shown"]["label"] == "abc"[shown.label]


@pytest.mark.parametrize(
    ("classes", "said", "unsaid"),
    [(SENTIMENT, "review", "text"), (("bad", "good"), "text", "review")],
)
def test_only_imdb_s_texts_are_called_reviews(
    classifier: Classifier, classes: tuple[str, str], said: str, unsaid: str
) -> None:
    found = examine(classifier, in_memory(reviews(5, (20, 30)), labels(5)), 40, seed=1)
    sentences = finding(numbers(found, NAMES, classes), classes, classes[1])
    assert f"validation {said}" in sentences
    assert f"5 {said}s" in sentences
    assert unsaid not in sentences


def test_a_single_word_is_read(classifier: Classifier) -> None:
    (word,) = reviews(1, (1, 2))
    shown: Example = examine(classifier, in_memory([word], labels(1)), LONGEST, seed=1).shown
    assert shown.turn == 0
    assert shown.turned == 0


def test_words_that_stand_together_are_written_as_one() -> None:
    attribution = [0.4, 0.5, -0.3, -0.2, 0.1, 0.6, 0.2, -0.1]
    points = pa.table(
        {"position": range(1, 9), "probability": [0.5] * 8, "attribution": attribution},
    )
    named = {1: "thumbs", 2: "up", 3: "no", 4: "way", 6: "superbly", 8: "dull"}
    _, below = draw(points, named).axes
    places = {text.get_text(): text.xy for text in below.texts}
    assert places == {
        "thumbs up": (1.5, 0.5),
        "superbly": (6, 0.6),
        "no way": (3.5, -0.3),
        "dull": (8, -0.1),
    }
    _, below = draw(points, {1: "a", 3: "b", 5: "c", 7: "d"}).axes
    assert {text.get_text() for text in below.texts} == {"a", "c … d", "b"}


def test_the_name_of_a_class_is_no_formula_and_leaves_room_for_the_figure() -> None:
    points = pa.table({"position": [1], "probability": [0.5], "attribution": [1.0]})
    figure = draw(points, {}, watched=r"“$\frac{$ and on and on and on and on”")
    label = figure.axes[0].yaxis.label
    figure.draw_without_rendering()  # what is no formula fails here, if it is taken for one
    assert r"\$\frac{\$" in label.get_text()
    assert "…" in label.get_text()
