"""An explanation as one HTML file that needs no network and runs no script."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray

from imdb_rnn.evaluation.drawing import Axes, Figure, plain, style
from imdb_rnn.evaluation.inline_svg import inline_svg
from imdb_rnn.explain.explanation import DEVIATIONS_SHOWN, EVEN, SKIPPED, Explanation
from imdb_rnn.explain.units import Unit
from imdb_rnn.io.atomic import replacing

STRONGEST: Final = 10

_MIDDLE_GRAY: Final = "#8a949c"  # seen on white and on black

# Curves of few words get a mark at each, so that even a single word can be seen.
_MARKED_WORDS: Final = 60


def write_page(path: Path, explanation: Explanation) -> None:
    """Write the page; equal explanations make equal bytes."""
    with replacing(path) as unfinished:
        unfinished.write_text(page(explanation), encoding="utf-8")


def page(explanation: Explanation) -> str:
    """The whole page; equal explanations make equal text."""
    return _PAGE.render(
        explanation=explanation,
        curve=_curve(explanation),
        units={title: _unit_curves(units) for title, units in explanation.units.items()},
        strongest=dict(zip(explanation.sides, explanation.strongest(STRONGEST), strict=True)),
        skipped=SKIPPED,
    )


_styled: Final = style(
    {
        "font.size": 10,
        "axes.edgecolor": _MIDDLE_GRAY,
        "xtick.color": _MIDDLE_GRAY,
        "ytick.color": _MIDDLE_GRAY,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.constrained_layout.use": True,
    }
)


@_styled
def _curve(explanation: Explanation) -> Markup:
    """The probability after each word as an SVG element, coloured by the page."""
    figure = Figure(figsize=(5.4, 2.4))
    axes = figure.subplots()
    axes.axhline(EVEN, color=_MIDDLE_GRAY, linestyle="--", linewidth=1)
    _plot(axes, explanation.probabilities)
    name = plain(explanation.class_name)
    axes.set(xlabel="words read", ylabel=f"probability of {name}", ylim=(-0.02, 1.02))
    return _svg(figure)


@_styled
def _unit_curves(units: list[Unit]) -> Markup:
    """The states after each word as an SVG element, a panel each."""
    figure = Figure(figsize=(5.4, 0.5 + 1.3 * len(units)))
    panels = figure.subplots(len(units), sharex=True, squeeze=False)[:, 0]
    for unit, axes in zip(units, panels, strict=True):
        axes.axhline(0, color=_MIDDLE_GRAY, linestyle="--", linewidth=1)
        _plot(axes, np.clip(unit.states, -DEVIATIONS_SHOWN, DEVIATIONS_SHOWN))
        axes.set_title(f"{unit.name}, {unit.measure}", loc="left", fontsize="medium")
        axes.set_ylim(-DEVIATIONS_SHOWN - 0.1, DEVIATIONS_SHOWN + 0.1)
    panels[-1].set_xlabel("place of the word")
    figure.supylabel("standard deviations from the mean", fontsize="medium")
    return _svg(figure)


def _plot(axes: Axes, values: NDArray[np.floating[Any]]) -> None:
    """A value after each word as a line."""
    axes.plot(
        np.arange(1, len(values) + 1),
        values,
        color="#3f86d0",
        marker="." if len(values) <= _MARKED_WORDS else None,
    )
    axes.locator_params(axis="x", integer=True)


def _svg(figure: Figure) -> Markup:
    return Markup(inline_svg(figure, colors={}))  # noqa: S704 - matplotlib escapes its texts


# The text's own markup is escaped, so that it is shown and not obeyed.
_PAGE: Final = Environment(
    autoescape=True, undefined=StrictUndefined, trim_blocks=True
).from_string(
    """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ explanation.verdict }}</title>
<style>
:root { --ink: #1d2429; --paper: #fff; --line: #d5dade; --for: 31 95 168; --against: 206 96 20 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaed; --paper: #14181b; --line: #3a4248;
    --for: 84 150 224; --against: 222 120 50 }
}
body { max-width: 46rem; margin: 0 auto; padding: 1rem; color: var(--ink);
  background: var(--paper); font: 1rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.25rem }
h2 { font-size: 1rem; margin-top: 1.5rem }
svg { display: block; width: 100%; max-width: 40rem; height: auto }
svg text { fill: var(--ink) !important }
.text { line-height: 1.9; overflow-wrap: anywhere }
.text span { padding: .1em .2em; border-radius: .25em }
.for { background: rgb(var(--for) / calc(var(--share) * .65)) }
.against { background: rgb(var(--against) / calc(var(--share) * .65)) }
.tables { display: flex; flex-wrap: wrap; gap: 1rem 3rem; align-items: start }
table { flex: 1 1 16rem; border-collapse: collapse }
th, td { padding: .15rem 0; text-align: left; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere }
th + th, td + td { padding-left: .75rem; text-align: right; font-variant-numeric: tabular-nums }
</style>
</head>
<body>
<h1>{{ explanation.verdict }}</h1>
<h2>Probability of {{ explanation.class_name }}, had the text ended there</h2>
<div role="img" aria-label="Curve of the probability after each word">
{{ curve }}
</div>
<h2>Words that speak <span class="for" style="--share:1">for {{ explanation.class_name }}</span> or
<span class="against" style="--share:1">against it</span></h2>
<p class="text">
{% for word in explanation.pieces %}
{% if word %}
<span class="{{ "for" if word.attribution > 0 else "against" }}" style="--share:\
{{ "%.2f"|format(word.share|abs) }}" title="word {{ word.position }}: \
{{ "%+.3f"|format(word.attribution) }}">{{ word.text }}</span>
{% else %}
<em>{{ skipped }}</em>
{% endif %}
{% endfor %}
</p>
<h2>The strongest words</h2>
<div class="tables">
{% for side, words in strongest.items() %}
<table>
<thead><tr><th>{{ side }}</th><th>place</th><th>attribution</th></tr></thead>
<tbody>
{% for word in words %}
<tr><td>{{ word.text }}</td><td>{{ word.position }}</td>
<td>{{ "%+.2f"|format(word.attribution) }}</td></tr>
{% endfor %}
</tbody>
</table>
{% endfor %}
</div>
{% for title, curves in units.items() %}
<h2>{{ title }}</h2>
<div role="img" aria-label="Curves of the units' states after each word">
{{ curves }}
</div>
{% endfor %}
{% for note in explanation.notes %}
<p>{{ note }}</p>
{% endfor %}
</body>
</html>
"""
)
