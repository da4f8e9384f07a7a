"""The report: one HTML file that needs no network and runs no script."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from markupsafe import Markup

from imdb_rnn.evaluation import figures
from imdb_rnn.evaluation.curves import confusion_cells, most_confused
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
        scores={_SCORES[name]: results.test[name] for name in _SCORES if name in results.test},
        confusion=_confusion(results),
        by_class=_by_class(results),
        labelled={
            name: split
            for name, split in results.data["splits"].items()
            if any(split.get("reviews_of_class", {}).values())
        },
        params=yaml.safe_dump(results.params.model_dump(mode="json"), sort_keys=False),
        pictures=[(_data_uri(path), sentence) for path, sentence in pictures.items()],
    )


_SCORES: Final = {
    "log_loss": "log loss",
    "mean_absolute_error": "mean absolute error",
    "brier": "Brier score",
    "roc_auc": "area under ROC",
    "average_precision": "average precision",
    "f1": "F1",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "expected_calibration_error": "calibration error",
}
"""Key in `reports/evaluate.json` -> what the page calls it."""


def _confusion(results: ReportInputs) -> dict[str, list[tuple[int, float]]]:
    """Actual class -> for each predicted one the reviews, and their share of the actual one.

    Of many classes, the most confused.
    """
    names, cells = results.classes, confusion_cells(results.curves["confusion"])
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    kept = most_confused(cells)
    return {
        names[row]: [(int(cells[row, at]), float(shares[row, at])) for at in kept] for row in kept
    }


def _by_class(results: ReportInputs) -> list[dict[str, Any]]:
    """Precision, recall and F1 of each class; they are 0 where nothing defines them."""
    cells = confusion_cells(results.curves["confusion"])
    right, actual, predicted = np.diag(cells), cells.sum(axis=1), cells.sum(axis=0)
    columns = {
        "name": results.classes,
        "reviews": actual.tolist(),
        "precision": (right / np.maximum(predicted, 1)).tolist(),
        "recall": (right / np.maximum(actual, 1)).tolist(),
        "f1": (2 * right / np.maximum(predicted + actual, 1)).tolist(),
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _figures(results: ReportInputs) -> dict[str, Markup]:
    test, curves, classes = results.test, results.curves, results.test["classes"]
    drawn = {
        "experiments": figures.experiments_figure(results.experiments, classes),
        "learning_curve": figures.learning_curve_figure(results.history),
        "roc": figures.roc_figure(curves["roc"], classes),
        "precision_recall": figures.precision_recall_figure(curves["precision_recall"], classes),
        "calibration": figures.calibration_figure(curves["calibration"], classes),
        "slices": figures.slices_figure(test["slices"], test["accuracy"], classes),
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
