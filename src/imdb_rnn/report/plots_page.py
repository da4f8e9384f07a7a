"""A template for the pages of `dvc plots` that brings the drawing program along.

DVC's own pages load it from the internet. `make setup` writes the template and tells DVC of it.
"""

from pathlib import Path
from typing import Final

import vl_convert

from imdb_rnn.io.atomic import replacing

TEMPLATE: Final = Path(".cache/plots.html")

_VEGA_LITE: Final = "5.21"
"""Of the version that DVC's plot templates, and those in `.dvc/plots`, are written for."""


def write_template(path: Path) -> None:
    """Write the template; DVC fills in `{plot_divs}`."""
    program = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed", _VEGA_LITE).replace(
        "</script", r"<\/script"
    )
    with replacing(path) as unfinished:
        unfinished.write_text(_PAGE.replace("PROGRAM", program), encoding="utf-8")


_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{refresh_tag}
<title>imdb-rnn</title>
<style>body { margin: 1rem; font-family: system-ui, sans-serif }</style>
<script>PROGRAM</script>
<script>
// `dvc.yaml` gives a title to every plot that is to be looked at. Others are reports that hold no
// points, and points of figures that the page shows as pictures; DVC calls these by their path.
const draw = window.vegaEmbed;
const titled = title => title && !title.includes("/");
window.vegaEmbed = (place, plot) => titled(plot.title?.text ?? plot.title) && draw(place, plot);
</script>
</head>
<body>
{plot_divs}
</body>
</html>
"""


if __name__ == "__main__":
    write_template(TEMPLATE)
