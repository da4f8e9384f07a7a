"""The report: one HTML file that needs no network and runs no script."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml
from markupsafe import Markup

from imdb_rnn.evaluation import figures
from imdb_rnn.evaluation.drawing import Figure, style
from imdb_rnn.evaluation.inline_svg import inline_svg
from imdb_rnn.report.inputs import ReportInputs
from imdb_rnn.report.templates import template

_PAGE_COLORS: Final = {
    figures.COLORS["rnn"]: "--rnn",
    figures.COLORS["nb"]: "--nb",
    figures.COLORS["tfidf"]: "--tfidf",
    figures.REFERENCE: "--reference",
    figures.GRID: "--grid",
    "#000000": "--ink",
}
"""Colour in a figure -> the property of `report.css` that takes its place, light or dark."""
_INCHES: Final = 6.2
"""Width of a figure, narrow enough that its letters can be read on a phone."""


def page(results: ReportInputs, pictures: Mapping[Path, str]) -> str:
    """The whole page; equal results make equal text.

    Args:
        results: One state of the pipeline.
        pictures: PNG files of the diagnostics, and what each shows in a sentence.
    """
    return template("report.html").render(
        results=results,
        figures=_figures(results),
        confusion=results.curves["confusion"].to_pylist(),
        params=yaml.safe_dump(results.params.model_dump(mode="json"), sort_keys=False),
        pictures=[(_data_uri(path), sentence) for path, sentence in pictures.items()],
    )


def _figures(results: ReportInputs) -> dict[str, Markup]:
    test, curves = results.test, results.curves
    drawn = {
        "experiments": figures.experiments_figure(results.experiments),
        "learning_curve": figures.learning_curve_figure(results.history),
        "roc": figures.roc_figure(curves["roc"]),
        "precision_recall": figures.precision_recall_figure(curves["precision_recall"]),
        "calibration": figures.calibration_figure(curves["calibration"]),
        "slices": figures.slices_figure(test["slices"], test["accuracy"]),
    }
    if "behaviour" in test:
        drawn["behaviour"] = figures.behaviour_figure(test["behaviour"]["held_out"])
    # Narrowed to the page, its numbers would run into each other.
    drawn["slices"].axes[0].locator_params(axis="x", nbins=5)
    return {name: _svg(figure) for name, figure in drawn.items()}


@style({})
def _svg(figure: Figure) -> Markup:
    width, height = figure.get_size_inches()
    figure.set_size_inches(_INCHES, max(height * _INCHES / width, min(height, 3.0)))
    return Markup(inline_svg(figure, _PAGE_COLORS))  # noqa: S704 - matplotlib escapes its texts


def _data_uri(picture: Path) -> str:
    return f"data:image/png;base64,{b64encode(picture.read_bytes()).decode()}"
