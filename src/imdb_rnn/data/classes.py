"""The classes that texts are put into, and how their probabilities are written down.

Of two classes one number says all: the probability (or the log odds) of the second. More than two
have a number each. So arrays of them are [texts] for two classes and [texts, classes] for more, in
every module.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

SENTIMENT: Final = ("neg", "pos")
"""Of IMDB's reviews; a label is a place among the classes."""
_WHOLE_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,300}")  # more digits are beyond a float
_NAMED: Final = 4
"""So few classes are named in a question."""


def titles_of(classes: Sequence[str]) -> tuple[str, ...]:
    """How people call each class: by its name, but for IMDB's."""
    return ("negative", "positive") if tuple(classes) == SENTIMENT else tuple(classes)


def question(classes: Sequence[str]) -> str:
    """What a classifier of texts answers, in plain words."""
    if len(classes) > _NAMED:
        return f"To which of {len(classes)} classes does a text belong?"
    *others, last = titles_of(classes)
    return f"Is a text {', '.join(others)} or {last}?"


def is_binary(classes: int) -> bool:
    """Whether one number says all."""
    return classes == 2  # noqa: PLR2004 - what binary means


def numbers_of(classes: int) -> int:
    """How many numbers say all about a text."""
    return 1 if is_binary(classes) else classes


def shape_of(texts: int, classes: int) -> tuple[int, ...]:
    """Of an array of probabilities or logits."""
    return (texts,) if is_binary(classes) else (texts, classes)


def targets_of(labels: NDArray[np.int8], classes: int) -> NDArray[np.float32]:
    """Labels as certain probabilities: float32 [texts] or [texts, classes].

    Args:
        labels: int8 [texts].
        classes: How many there are.
    """
    if is_binary(classes):
        return labels.astype(np.float32)
    return np.eye(classes, dtype=np.float32)[labels]


def of_each_class(probability: NDArray[Any]) -> NDArray[Any]:
    """The probability of every class, [texts, classes], also of two.

    Args:
        probability: [texts] or [texts, classes].
    """
    if probability.ndim > 1:
        return probability
    return np.stack([1 - probability, probability], axis=-1)


def likeliest(probability: NDArray[Any]) -> NDArray[np.int8]:
    """Label of the likeliest class, int8 [texts]; of even ones the first.

    Args:
        probability: [texts] or [texts, classes].
    """
    if probability.ndim == 1:
        return (probability > 0.5).astype(np.int8)  # noqa: PLR2004 - even odds
    labels: NDArray[np.int8] = probability.argmax(axis=-1).astype(np.int8)
    return labels


def whole_numbers(classes: Sequence[str]) -> list[int] | None:
    """What the names of the classes count, such as stars; None where one is no whole number."""
    return list(map(int, classes)) if all(map(_WHOLE_NUMBER.fullmatch, classes)) else None


def class_columns(classes: Sequence[str]) -> list[str]:
    """Columns of answers for the probability of each of more than two classes.

    None for two, where the column `probability` says all.
    """
    return [] if is_binary(len(classes)) else [f"probability_{name}" for name in classes]


def class_metadata(classes: Sequence[str]) -> dict[str, str]:
    """How a table's schema names the classes; nothing for IMDB's, as in version 0.1.0."""
    return {} if tuple(classes) == SENTIMENT else {"classes": json.dumps(list(classes))}


def classes_in(metadata: Mapping[bytes, bytes] | None) -> tuple[str, ...]:
    """The classes that a table's schema names, IMDB's where it names none."""
    named = (metadata or {}).get(b"classes")
    return tuple(json.loads(named)) if named else SENTIMENT
