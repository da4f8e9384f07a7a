"""Numbers as they are written down, and what can be said of them."""

from math import hypot, sqrt
from typing import Any, Final

import numpy as np

_STANDARD_ERRORS: Final = 2
"""Accuracies that differ by fewer cannot be told apart; two keep 5 % of mistakes."""


def rounded(value: Any, digits: int = 4) -> Any:  # noqa: ANN401 - as in JSON
    """A number to significant digits, which keeps small norms, or all floats of nested dicts."""
    if isinstance(value, dict):
        return {name: rounded(part, digits) for name, part in value.items()}
    return float(f"{value:.{digits}g}") if isinstance(value, float | np.floating) else value


def standard_error(accuracy: float, reviews: int) -> float:
    """Of an accuracy that was counted on so many reviews: that of a binomial share."""
    return sqrt(accuracy * (1 - accuracy) / reviews)


def told_apart(first: float, second: float, reviews: int) -> str:
    """Whether two accuracies on so many reviews, as if on different ones, differ by chance."""
    error = hypot(standard_error(first, reviews), standard_error(second, reviews))
    if abs(first - second) <= _STANDARD_ERRORS * error:
        return "which cannot be told apart"
    return "which differ by more than chance explains"


def counted(number: int, thing: str) -> str:
    """A number of things: 1 epoch, 2 epochs."""
    return f"{number} {thing}{'s' * (number != 1)}"
