"""Figures as parts of an HTML page, which gives them its own colours and letters."""

import re
from collections.abc import Mapping
from io import StringIO
from typing import Final

from imdb_rnn.evaluation.drawing import Figure, mpl

_ANONYMOUS: Final = dict.fromkeys(("Creator", "Date", "Format", "Type"))
"""Without metadata, which would hold the time and the program."""

_GROUP_IDS: Final = re.compile(r'(?<=<g) id="[a-z0-9._]+_\d+"')
"""Such as `axes_1`, which would occur once for each figure of a page."""


@mpl.rc_context(
    {
        "svg.fonttype": "none",  # text stays text, in the page's colour
        "svg.hashsalt": "imdb-rnn",  # else ids change from run to run
    }
)
def inline_svg(figure: Figure, colors: Mapping[str, str]) -> str:
    """The figure as an SVG element; equal figures make equal text.

    Args:
        figure: Drawn on a transparent ground.
        colors: Colour in the figure, as `#rrggbb` -> the page's custom property that takes its
            place, such as `--ink`. Other colours stay.
    """
    drawn = StringIO()
    figure.savefig(drawn, format="svg", transparent=True, metadata=_ANONYMOUS)
    # Without the XML and document type declarations, which have no place inside HTML.
    text = drawn.getvalue()
    svg = _GROUP_IDS.sub("", text[text.index("<svg") :])
    for color, name in colors.items():
        svg = svg.replace(color, f"var({name})")
    return svg
