"""The points behind the figures of the diagnostics, as curves in MLflow."""

import math
from pathlib import Path
from typing import Any, Final

import pyarrow.csv
from mlflow.entities import Metric

from imdb_rnn.tracking.run import REPORTS, metric_name, points_at

MOST_POINTS: Final = 1000
"""Of a curve in MLflow: a step that was clipped stands alone, every n-th would miss it."""
MOST_DISTANCES: Final = 20
"""Of a curve over distances, which is smooth, and one of many."""


def diagnostics_curves() -> list[Metric]:
    """Points of the diagnostics' figures as `diagnostics/curves/FIGURE NETWORK`.

    A step is a distance in words, a gradient step, an epoch, a delay or a length. Of a band this is
    the median, and of a long curve every n-th point; the files that go with the run hold them all.
    """
    curves = []
    for path in sorted((REPORTS / "plots/diagnostics").glob("*.csv")):
        for row in _thinned(path):
            (_, step), *values = row.items()
            if not isinstance(step, int):
                break  # bars, one for each name
            shown = {
                metric_name(f"{path.stem} {name.removesuffix('_median')}"): value
                for name, value in values
                if value is not None and not name.endswith(("_low", "_high"))  # None: no logarithm
            }
            curves += points_at("diagnostics/curves", step, shown)
    return curves


def _thinned(path: Path) -> list[dict[str, Any]]:
    """Rows of a table of points, as many as a curve may have."""
    rows: list[dict[str, Any]] = pyarrow.csv.read_csv(path).to_pylist()
    most = MOST_DISTANCES if rows and "distance" in rows[0] else MOST_POINTS
    return rows[:: max(1, math.ceil(len(rows) / most))]
