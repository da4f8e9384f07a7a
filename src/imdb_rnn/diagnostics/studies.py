"""What the diagnostics find out. A new study needs its module and a line here."""

from collections.abc import Callable
from typing import Final

from imdb_rnn.diagnostics import (
    adding,
    delayed_recall,
    explosion,
    gradients,
    initialization,
    order,
    padding,
    reading,
    truncation,
)
from imdb_rnn.diagnostics.gradient_flow import FEWEST_WORDS
from imdb_rnn.diagnostics.study import Material, Outcome
from imdb_rnn.diagnostics.summaries import counted

STUDIES: Final[dict[str, Callable[[Material], Outcome]]] = {
    "gradients": gradients.run,
    "initialization": initialization.run,
    "explosion": explosion.run,
    "truncation": truncation.run,
    "padding": padding.run,
    "delayed_recall": delayed_recall.run,
    "adding": adding.run,
    "order": order.run,
    "reading": reading.run,
}
"""In the order of the report. Each draws its random numbers from the seed, whatever others do."""


def impossible(material: Material) -> dict[str, str]:
    """Studies that these reviews do not allow, with the reason."""
    diagnostics = material.params.diagnostics
    reasons: dict[str, str] = {}
    if diagnostics.words < FEWEST_WORDS:
        too_short = (
            f"fewer than a tenth of the reviews have {FEWEST_WORDS} words, the fewest over which "
            "a gradient can be followed back"
        )
        reasons |= dict.fromkeys(("gradients", "initialization"), too_short)
    if len(material.short) == 0:
        reasons["padding"] = (
            "none of the reviews is so short that it would be padding for the greater part when "
            f"filled up to {counted(diagnostics.words, 'word')}"
        )
    return reasons
