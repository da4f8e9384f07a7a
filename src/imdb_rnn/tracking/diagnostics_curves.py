"""The points behind the figures of the diagnostics, as curves in MLflow."""

import math
from pathlib import Path
from typing import Any, Final

import pyarrow.csv
from mlflow.entities import Metric

from imdb_rnn.tracking.run import REPORTS, metric_name, points_at

CURVES: Final = {
    "gradients": 20,
    "initialization": 20,
    "padding": 20,
    "spectrum": 1000,
    "clipping": 1000,  # a step that was clipped stands alone: every n-th would miss it
    "explosion": 1000,
    "truncation": 1000,
    "recall": 1000,
    "adding": 1000,
    "windows": 1000,
}
"""Figures of the diagnostics that are curves in MLflow too, and the most points of a curve."""


def diagnostics_curves() -> list[Metric]:
    """Points of the diagnostics' figures as `diagnostics/curves/FIGURE NETWORK`.

    A step is a distance in words, a gradient step, an epoch, a delay or a length. Of a band this is
    the median, and of a long curve every n-th point; the files that go with the run hold them all.
    """
    curves = []
    for figure, most in CURVES.items():
        for row in _thinned(REPORTS / f"plots/diagnostics/{figure}.csv", most):
            (_, step), *values = row.items()
            shown = {
                metric_name(f"{figure} {name.removesuffix('_median')}"): value
                for name, value in values
                if value is not None and not name.endswith(("_low", "_high"))  # None: no logarithm
            }
            curves += points_at("diagnostics/curves", step, shown)
    return curves


def _thinned(path: Path, most: int) -> list[dict[str, Any]]:
    """Rows of a table, at most so many; none where there is no table."""
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = pyarrow.csv.read_csv(path).to_pylist()
    return rows[:: max(1, math.ceil(len(rows) / most))]
