"""An explanation in the terminal; every number is there without colours too."""

from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from imdb_rnn.explain.explanation import DEVIATIONS_SHOWN, SKIPPED, Explanation

STRONGEST: Final = 5

_BLUE: Final = (31, 95, 168)
_ORANGE: Final = (190, 80, 10)
_PLAIN_BELOW: Final = 0.05
_BARS: Final = "▁▂▃▄▅▆▇█"
_COLUMNS: Final = 60


def as_text(explanation: Explanation) -> RenderableType:
    """Verdict, course of the probability, coloured words, strongest words, units, notes."""
    return Group(
        Text(explanation.verdict, style="bold"),
        Text(f"word by word: {_course(explanation.probabilities)}", overflow="fold"),
        Text(),
        _words(explanation, [word.share for word in explanation.words]),
        Text(),
        _strongest(explanation),
        Text(),
        *_units(explanation),
        *(Text(note) for note in explanation.notes),
    )


def _course(levels: NDArray[np.floating[Any]]) -> str:
    """A bar for the level after each word, 0 to 1, of every n-th word where there are many."""
    every = -(-len(levels) // _COLUMNS)
    # Counted from the end, so that the last bar is the verdict.
    shown = levels[::-1][::every][::-1]
    return "".join(_BARS[min(int(level * len(_BARS)), len(_BARS) - 1)] for level in shown)


def _words(explanation: Explanation, strengths: Sequence[float]) -> Text:
    """The words, each coloured by a strength between -1 and 1."""
    return Text(" ").join(
        Text(word.text, _style(strengths[word.position - 1])) if word else Text(SKIPPED)
        for word in explanation.pieces
    )


def _units(explanation: Explanation) -> Iterator[Text]:
    """Of each unit its name, its course as bars, and the words coloured by its state."""
    for title, units in explanation.units.items():
        yield Text(f"{title}:", style="bold")
        for unit in units:
            strengths = np.clip(unit.states / DEVIATIONS_SHOWN, -1, 1)
            yield Text(f"{unit.name}, {unit.measure}: {_course((strengths + 1) / 2)}")
            yield _words(explanation, strengths.tolist())
        yield Text()


def _style(strength: float) -> Style:
    """Blue above zero; the stronger, the less white in the background."""
    color, strength = (_BLUE if strength > 0 else _ORANGE), abs(strength)
    if strength < _PLAIN_BELOW:
        return Style()
    red, green, blue = (round(255 + strength * (part - 255)) for part in color)
    ink = "white" if strength > 0.6 else "black"  # noqa: PLR2004 - the lighter backgrounds
    return Style.parse(f"{ink} on rgb({red},{green},{blue})")


def _strongest(explanation: Explanation) -> Table:
    table = Table(box=None, pad_edge=False)
    for side in explanation.sides:
        table.add_column(side)
        table.add_column("attribution", justify="right")
    for pair in zip_longest(*explanation.strongest(STRONGEST)):
        cells = [
            (f"{word.text} ({word.position})", f"{word.attribution:+.2f}") if word else ("", "")
            for word in pair
        ]
        table.add_row(*(Text(cell) for cell in chain(*cells)))
    return table
