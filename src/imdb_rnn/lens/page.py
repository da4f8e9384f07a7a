"""An explanation as one HTML file that needs no network and runs no script."""

from html import escape
from pathlib import Path
from string import Template
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from imdb_rnn.errors import InputRefusedError
from imdb_rnn.inline_svg import inline_svg
from imdb_rnn.lens.explanation import EVEN, SIDES, SKIPPED, Explanation, Word

STRONGEST: Final = 10

_MIDDLE_GRAY: Final = "#8a949c"  # seen on white and on black

# Curves of few words get a mark at each, so that even a single word can be seen.
_MARKED_WORDS: Final = 60


def write_page(path: Path, explanation: Explanation) -> None:
    """Write the page; equal explanations make equal bytes.

    Raises:
        InputRefusedError: The file cannot be written.
    """
    try:
        path.write_text(page(explanation), encoding="utf-8")
    except OSError as error:
        raise InputRefusedError(
            f"{path}: the page cannot be written there: {error.strerror}."
        ) from None


def page(explanation: Explanation) -> str:
    """The whole page; the text's own markup is shown, not obeyed."""
    return _PAGE.substitute(
        verdict=escape(explanation.verdict),
        curve=_curve(explanation),
        words=" ".join(map(_span, explanation.pieces)),
        tables="\n".join(map(_table, SIDES, explanation.strongest(STRONGEST))),
        notes="\n".join(f"<p>{escape(note)}</p>" for note in explanation.notes),
    )


def _span(word: Word | None) -> str:
    if word is None:
        return f"<em>{SKIPPED}</em>"
    side = "for" if word.evidence > 0 else "against"
    return (
        f'<span class="{side}" style="--share:{abs(word.share):.2f}" '
        f'title="word {word.position}: {word.evidence:+.3f}">{escape(word.text)}</span>'
    )


def _table(side: str, words: list[Word]) -> str:
    rows = "\n".join(
        f"<tr><td>{escape(word.text)}</td><td>{word.position}</td><td>{word.evidence:+.2f}</td></tr>"
        for word in words
    )
    return (
        f"<table>\n<thead><tr><th>{side}</th><th>place</th><th>evidence</th></tr></thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>"
    )


@mpl.rc_context(
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
def _curve(explanation: Explanation) -> str:
    """The probability after each word as an SVG element, coloured by the page."""
    probabilities = explanation.probabilities
    figure = Figure(figsize=(5.4, 2.4))
    axes = figure.subplots()
    axes.axhline(EVEN, color=_MIDDLE_GRAY, linestyle="--", linewidth=1)
    axes.plot(
        np.arange(1, len(probabilities) + 1),
        probabilities,
        color="#3f86d0",
        marker="." if len(probabilities) <= _MARKED_WORDS else None,
    )
    axes.set(xlabel="words read", ylabel="probability of positive", ylim=(-0.02, 1.02))
    axes.locator_params(axis="x", integer=True)
    return inline_svg(figure, colors={})


_PAGE: Final = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; style-src 'unsafe-inline'">
<title>$verdict</title>
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
<h1>$verdict</h1>
<h2>Probability of positive, had the text ended there</h2>
<div role="img" aria-label="Curve of the probability after each word">
$curve
</div>
<h2>Words that speak <span class="for" style="--share:1">for positive</span> or
<span class="against" style="--share:1">against it</span></h2>
<p class="text">$words</p>
<h2>The strongest words</h2>
<div class="tables">
$tables
</div>
$notes
</body>
</html>
""")
