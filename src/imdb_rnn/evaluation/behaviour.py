"""How models answer short sentences about movies whose class is certain.

In the manner of CheckList (Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models
with CheckList"): sentences are filled into templates, each of which asks for one capability.
`behaviour.yaml` holds the templates, in two halves: models are developed on the one and reported on
the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from pathlib import Path
from string import Formatter
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.data.classes import SENTIMENT, likeliest
from imdb_rnn.evaluation.intervals import share_with_interval
from imdb_rnn.io.yaml_file import read_yaml

TEMPLATES: Final = Path(__file__).with_name("behaviour.yaml")
HELD_OUT: Final = "held_out"
"""The half to report on."""
OVERALL: Final = "overall"
"""Stands beside the capabilities, for all cases that have a right class."""
_NAMES: Final = ("person", "place")
"""Word lists that must not matter: a case holds a sentence with each of their words."""

Passed = dict[str, dict[str, NDArray[np.bool_]]]
"""Half -> capability, or `OVERALL` -> which of its cases a model passes [cases]."""


class Case(NamedTuple):
    """What a model passes or fails."""

    half: str
    capability: str
    label: int | None
    """Of the right class; None where any will do that is the same for all texts."""
    texts: tuple[str, ...]
    """One sentence; or several that differ in names alone."""

    def is_passed(self, answers: NDArray[np.int8]) -> bool:
        """Whether the classes that a model gives the texts, [texts], are as they should be."""
        right = answers[0] if self.label is None else self.label
        return bool((answers == right).all())


@cache
def cases() -> tuple[Case, ...]:
    """All cases, those of a capability beside each other."""
    return tuple(_cases(read_yaml(TEMPLATES)))


def sentences() -> list[str]:
    """The texts of all cases, to be given to a model."""
    return list(chain.from_iterable(case.texts for case in cases()))


def passed(probability: NDArray[np.floating[Any]]) -> Passed:
    """Which cases a model passes.

    Args:
        probability: Of positive, for each of `sentences()` [sentences].
    """
    ends = np.cumsum([len(case.texts) for case in cases()])
    answers = np.split(likeliest(probability), ends[:-1])
    rows = [(case, case.is_passed(found)) for case, found in zip(cases(), answers, strict=True)]
    return {
        half: {
            capability: np.array([ok for case, ok in rows if _is_of(case, half, capability)])
            for capability in (OVERALL, *dict.fromkeys(case.capability for case in cases()))
        }
        for half in dict.fromkeys(case.half for case in cases())
    }


def shares_passed(probability: NDArray[np.floating[Any]]) -> dict[str, dict[str, float]]:
    """Half -> capability -> accuracy; the arguments are those of `passed`."""
    return {
        half: {capability: float(right.mean()) for capability, right in groups.items()}
        for half, groups in passed(probability).items()
    }


def summarize_behaviour(
    probability: NDArray[np.floating[Any]],
    baselines: Mapping[str, Mapping[str, Mapping[str, float]]],
    confidence: float,
) -> dict[str, dict[str, dict[str, Any]]]:
    """The accuracy of the recurrent network by capability, beside that of the baselines.

    The intervals take cases as drawn one by one. Those of a template resemble each other, so that
    other templates may give what lies outside.

    Args:
        probability: Of positive, by the network, for each of `sentences()` [sentences].
        baselines: What `shares_passed` says of each.
        confidence: Level of the intervals.

    Returns:
        Half -> capability -> n (cases), accuracy, accuracy_low, accuracy_high, baselines, example.
    """
    return {
        half: {
            capability: {
                **share_with_interval(right, confidence),
                "baselines": {name: theirs[half][capability] for name, theirs in baselines.items()},
                "example": _example(half, capability),
            }
            for capability, right in groups.items()
        }
        for half, groups in passed(probability).items()
    }


def _cases(halves: Mapping[str, Any]) -> Iterator[Case]:
    for half, content in halves.items():
        for capability, by_class in content["templates"].items():
            for name, templates in by_class.items():
                label = SENTIMENT.index(name) if name in SENTIMENT else None
                for template in templates:
                    for texts in _filled(template, content["words"]):
                        yield Case(half, capability, label, texts)


def _filled(template: str, words: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """A template with the first words of its lists, then with the second ones, and so on.

    Lists that are shorter than the longest begin again.
    """
    slots = {slot for _, slot, _, _ in Formatter().parse(template) if slot}
    for number in range(_longest(words, slots.difference(_NAMES))):
        filling = {slot: words[slot][number % len(words[slot])] for slot in slots}
        yield tuple(
            _capitalized(template.format_map(filling | {name: words[name][i] for name in _NAMES}))
            for i in range(_longest(words, slots.intersection(_NAMES)))
        )


def _longest(words: Mapping[str, Sequence[str]], slots: set[str]) -> int:
    return max((len(words[slot]) for slot in slots), default=1)


def _capitalized(text: str) -> str:
    return text[0].upper() + text[1:]


def _is_of(case: Case, half: str, capability: str) -> bool:
    if case.half != half:
        return False
    return case.label is not None if capability == OVERALL else case.capability == capability


def _example(half: str, capability: str) -> str | None:
    """The first sentence; none of all capabilities together."""
    of = (half, capability)
    return next((case.texts[0] for case in cases() if (case.half, case.capability) == of), None)
