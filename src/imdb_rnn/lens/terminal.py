"""An explanation in the terminal; every number is there without colours too."""

from itertools import chain, zip_longest
from typing import Final

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from imdb_rnn.lens.explanation import SIDES, SKIPPED, Explanation, Word

STRONGEST: Final = 5

_BLUE: Final = (31, 95, 168)
_ORANGE: Final = (190, 80, 10)
_PLAIN_BELOW: Final = 0.05
_BARS: Final = "▁▂▃▄▅▆▇█"
_COLUMNS: Final = 60


def as_text(explanation: Explanation) -> RenderableType:
    """Verdict, course of the probability, coloured words, the strongest of them, notes."""
    return Group(
        Text(explanation.verdict, style="bold"),
        Text(f"word by word: {_course(explanation)}", overflow="fold"),
        Text(),
        _words(explanation),
        Text(),
        _strongest(explanation),
        *(Text(note) for note in explanation.notes),
    )


def _course(explanation: Explanation) -> str:
    """The probability after each word as bars, of every n-th word where there are many."""
    probabilities = explanation.probabilities
    every = -(-len(probabilities) // _COLUMNS)
    # Counted from the end, so that the last bar is the verdict.
    shown = probabilities[::-1][::every][::-1]
    return "".join(_BARS[min(int(p * len(_BARS)), len(_BARS) - 1)] for p in shown)


def _words(explanation: Explanation) -> Text:
    return Text(" ").join(
        Text(word.text, _style(word)) if word else Text(SKIPPED) for word in explanation.pieces
    )


def _style(word: Word) -> Style:
    """The stronger the evidence, the less white in the background."""
    strength = abs(word.share)
    if strength < _PLAIN_BELOW:
        return Style()
    color = _BLUE if word.evidence > 0 else _ORANGE
    red, green, blue = (round(255 + strength * (part - 255)) for part in color)
    ink = "white" if strength > 0.6 else "black"  # noqa: PLR2004 - the lighter backgrounds
    return Style.parse(f"{ink} on rgb({red},{green},{blue})")


def _strongest(explanation: Explanation) -> Table:
    table = Table(box=None, pad_edge=False)
    for side in SIDES:
        table.add_column(side)
        table.add_column("evidence", justify="right")
    for pair in zip_longest(*explanation.strongest(STRONGEST)):
        cells = [
            (f"{word.text} ({word.position})", f"{word.evidence:+.2f}") if word else ("", "")
            for word in pair
        ]
        table.add_row(*(Text(cell) for cell in chain(*cells)))
    return table
