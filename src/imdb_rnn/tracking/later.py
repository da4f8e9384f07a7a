"""What the stages after `evaluate` add to the run: the lens and the report."""

import csv
import math
from pathlib import Path
from typing import Final

from mlflow.entities import Metric

from imdb_rnn.tracking.outputs import REPORTS, read_output
from imdb_rnn.tracking.results import Artifacts, Later
from imdb_rnn.tracking.run import points_at

ARTIFACTS: Final[Artifacts] = {
    "reports": ["reports/report.html"],
    "lens": ["reports/lens.json", "reports/lens/*.png"],
    "lens/points": ["reports/plots/lens/*.csv"],
}
LENS_CURVES: Final = ("gradients", "clipping", "recall", "adding", "windows")
"""Figures of the lens whose lines are curves in MLflow too."""
POINTS_A_LENS_CURVE: Final = 20


def later_results() -> Later:
    """Read what `lens` and `report` have written."""
    lens = REPORTS / "lens.json"
    metrics = {"lens": read_output(lens)} if lens.exists() else {}
    return Later(ARTIFACTS, metrics, _lens_curves())


def _lens_curves() -> list[Metric]:
    """Points of the lens's figures as `lens/curves/FIGURE NETWORK`.

    A step is a distance in words, a gradient step, a delay or a length. Of a band this is the
    median, and of a long curve every n-th point; the files that go with the run hold them all.
    """
    curves = []
    for figure in LENS_CURVES:
        for row in _thinned(REPORTS / f"plots/lens/{figure}.csv"):
            (_, step), *values = row.items()
            shown = {
                f"{figure} {name.removesuffix('_median')}": float(value)
                for name, value in values
                if value and not name.endswith(("_low", "_high"))  # no value: no logarithm
            }
            curves += points_at("lens/curves", int(step), shown)
    return curves


def _thinned(path: Path) -> list[dict[str, str]]:
    """Rows of a table, at most `POINTS_A_LENS_CURVE`; none where there is no table."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return rows[:: math.ceil(len(rows) / POINTS_A_LENS_CURVE)]
