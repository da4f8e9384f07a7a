"""The sentences, and how models that are made up fare with them."""

import re
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from imdb_rnn.evaluation.behaviour import (
    OVERALL,
    TEMPLATES,
    cases,
    passed,
    sentences,
    shares_passed,
    summarize_behaviour,
)
from imdb_rnn.io.yaml_file import read_yaml

HALVES = ("development", "held_out")
CONTENTS = read_yaml(TEMPLATES)
NAMES = "names"
CAPABILITIES = sorted({case.capability for case in cases()})


def answers(probability_of: Callable[[int | None, int], float]) -> NDArray[np.float64]:
    """Of a model that knows the right class and which name a sentence has."""
    return np.array(
        [probability_of(case.label, place) for case in cases() for place in range(len(case.texts))]
    )


CONSTANT = answers(lambda _label, _name: 0.9)
ORACLE = answers(lambda label, _name: 0.4 if label is None else label)
CONTRARY = answers(lambda label, _name: 0.4 if label is None else 1 - label)
SWAYED = answers(lambda label, name: 0.9 if name == 2 else label or 0.1)


def test_there_are_enough_sentences_and_none_twice() -> None:
    assert set(CONTENTS) == set(HALVES)
    assert len(sentences()) == len(set(sentences())) >= 600
    assert min(len(case.texts) for case in cases() if case.label is None) > 1


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("capability", CAPABILITIES)
def test_each_capability_has_fifty_sentences_and_the_classes_in_equal_parts(
    half: str, capability: str
) -> None:
    chosen = [case for case in cases() if (case.half, case.capability) == (half, capability)]
    assert sum(len(case.texts) for case in chosen) >= 50
    labels = Counter(case.label for case in chosen)
    assert labels[0] == labels[1]
    assert (labels[None] > 0) == (capability == NAMES)


@pytest.mark.parametrize(("half", "other"), [HALVES, HALVES[::-1]])
def test_the_halves_share_neither_templates_nor_words(half: str, other: str) -> None:
    assert templates(half).isdisjoint(templates(other))
    text = "\n".join(text for case in cases() if case.half == other for text in case.texts)
    lists = CONTENTS[half]["words"].values()
    shared = [w for words in lists for w in words if re.search(rf"\b{w}\b", text, re.IGNORECASE)]
    assert shared == []


def templates(half: str) -> set[str]:
    capabilities = CONTENTS[half]["templates"].values()
    return {t for by_class in capabilities for listed in by_class.values() for t in listed}


def test_every_word_is_used_and_no_slot_is_left() -> None:
    assert not any(re.search(r"[{}]|  ", text) for text in sentences())
    assert all(re.fullmatch(r"[A-Z].*[.!]", text) for text in sentences())
    for half in HALVES:
        text = "\n".join(text for case in cases() if case.half == half for text in case.texts)
        for words in CONTENTS[half]["words"].values():
            assert all(word.lower() in text.lower() for word in words)


def test_what_everybody_types_is_in_the_half_to_develop_on() -> None:
    labels = {
        case.texts[0]: case.label
        for case in cases()
        if case.half == "development" and case.label is not None
    }
    assert labels["I did not enjoy this film."] == 0
    assert labels["I didn't like it."] == 0
    assert labels["It's far from perfect."] == 0
    assert labels["Not bad at all."] == 1


@pytest.mark.parametrize(
    ("probability", "accuracy", "consistency"),
    [(CONSTANT, 0.5, 1.0), (ORACLE, 1.0, 1.0), (CONTRARY, 0.0, 1.0), (SWAYED, None, 0.0)],
    ids=["constant", "oracle", "contrary", "swayed by names"],
)
def test_models_get_what_they_deserve(
    probability: NDArray[np.float64], accuracy: float | None, consistency: float
) -> None:
    for capabilities in shares_passed(probability).values():
        assert set(capabilities) == {OVERALL, *CAPABILITIES}
        assert capabilities.pop(NAMES) == consistency
        if accuracy is not None:
            assert set(capabilities.values()) == {accuracy}


def test_overall_are_the_cases_that_have_a_right_class() -> None:
    for groups in passed(ORACLE).values():
        counts = {capability: len(cases) for capability, cases in groups.items()}
        overall = counts.pop(OVERALL)
        assert overall == sum(counts.values()) - counts[NAMES]


def test_one_wrong_answer_counts_in_its_capability_alone() -> None:
    wrong = ORACLE.copy()
    place = sentences().index("Not bad at all.")
    wrong[place] = 1 - wrong[place]
    found = summarize_behaviour(wrong, {"nb": shares_passed(CONSTANT)}, 0.95)
    failed = {
        (half, capability)
        for half, capabilities in found.items()
        for capability, numbers in capabilities.items()
        if numbers["accuracy"] < 1
    }
    assert failed == {("development", OVERALL), ("development", "negated_negative")}
    numbers = found["development"]["negated_negative"]
    assert numbers["accuracy"] == pytest.approx(1 - 1 / numbers["n"])
    assert numbers["accuracy_low"] < numbers["accuracy"] < numbers["accuracy_high"]
    assert numbers["baselines"] == {"nb": 0.5}
    assert numbers["example"] in sentences()
