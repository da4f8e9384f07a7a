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
from imdb_rnn.diagnostics.study import Material, Outcome

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
