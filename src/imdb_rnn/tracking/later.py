"""What the stages after `evaluate` add to the run: the diagnostics and the report."""

import csv
import math
from pathlib import Path
from typing import Final

from mlflow.entities import Metric

from imdb_rnn.tracking.outputs import REPORTS, read_output
from imdb_rnn.tracking.results import Artifacts, Later, metric_name
from imdb_rnn.tracking.run import points_at

ARTIFACTS: Final[Artifacts] = {
    "reports": ["reports/report.html"],
    "diagnostics": ["reports/diagnostics.json", "reports/diagnostics/*.png"],
    "diagnostics/points": ["reports/plots/diagnostics/*.csv"],
}
MOST_POINTS: Final = 1000
"""Of a curve in MLflow: a step that was clipped stands alone, every n-th would miss it."""
MOST_DISTANCES: Final = 20
"""Of a curve over distances, which is smooth, and one of many."""


def later_results() -> Later:
    """Read what `diagnostics` and `report` have written."""
    diagnostics = REPORTS / "diagnostics.json"
    metrics = {"diagnostics": read_output(diagnostics)} if diagnostics.exists() else {}
    return Later(ARTIFACTS, metrics, _curves())


def _curves() -> list[Metric]:
    """Points of the diagnostics' figures as `diagnostics/curves/FIGURE NETWORK`.

    A step is a distance in words, a gradient step, an epoch, a delay or a length. Of a band this is
    the median, and of a long curve every n-th point; the files that go with the run hold them all.
    """
    curves = []
    for path in sorted((REPORTS / "plots/diagnostics").glob("*.csv")):
        for row in _thinned(path):
            (_, step), *values = row.items()
            if not step.isdecimal():
                break  # bars, one for each name
            shown = {
                metric_name(f"{path.stem} {name.removesuffix('_median')}"): float(value)
                for name, value in values
                if value and not name.endswith(("_low", "_high"))  # no value: no logarithm
            }
            curves += points_at("diagnostics/curves", int(step), shown)
    return curves


def _thinned(path: Path) -> list[dict[str, str]]:
    """Rows of a table of points, as many as a curve may have."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    most = MOST_DISTANCES if rows and "distance" in rows[0] else MOST_POINTS
    return rows[:: max(1, math.ceil(len(rows) / most))]
