"""What cutting the gradient after k words costs and saves.

`python -m benchmarks.bptt` measures it, with nothing else running; here it is only shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.diagnostics.drawing import BLUE, doubling_axis, panels
from imdb_rnn.diagnostics.small import SMALL_CELLS
from imdb_rnn.diagnostics.study import Material, Outcome, Shown
from imdb_rnn.evaluation.drawing import Figure


def run(material: Material) -> Outcome:
    """Accuracy, time and memory by the words that a gradient goes back over."""
    measured = material.truncation
    shown = Shown(_points(measured), _draw, _finding(measured, material.classes))
    return Outcome({"truncation": measured}, {"truncation": shown})


def _points(measured: Mapping[str, Any]) -> pa.Table:
    """By words that the gradient goes back, which uncut are all."""
    rows = measured["rows"]
    return pa.table(
        {
            "words": [row["bptt_steps"] or measured["words"] for row in rows],
            "accuracy": [row["valid_accuracy"] for row in rows],
            "seconds": [row["seconds_an_epoch"] for row in rows],
            "mebibytes": [row["peak_mib"] for row in rows],
        }
    )


def _finding(measured: Mapping[str, Any], classes: Sequence[str]) -> str:
    rows = {row["bptt_steps"]: row for row in measured["rows"]}
    accuracies = [
        f"{row['valid_accuracy']:.3f} ({f'k = {steps}' if steps else 'uncut'})"
        for steps, row in rows.items()
    ]
    shortest, uncut = min(filter(None, rows)), rows[None]
    of_classes = measured.get("classes", SENTIMENT)
    other = tuple(of_classes) != tuple(classes)
    others = f", and on reviews of other classes ({', '.join(of_classes)})" if other else ""
    memory = [row["peak_mib"] for row in rows.values()]
    return (
        f"Measured by `python -m benchmarks.bptt`, not anew in each run{others}: an "
        f"{SMALL_CELLS[measured['cell']].title} whose gradient is cut after every k words gets so "
        f"many validation reviews right: {', '.join(accuracies)}. An epoch takes "
        f"{rows[shortest]['seconds_an_epoch']:.1f} seconds with k = {shortest}, a call for each "
        f"piece, and {uncut['seconds_an_epoch']:.1f} uncut; the process needs {min(memory)} to "
        f"{max(memory)} MiB."
    )


def _draw(points: pa.Table) -> Figure:
    figure, grid = panels(3, 1, height=7.6, sharey="none")
    shown = {"accuracy": "accuracy", "seconds": "seconds an epoch", "mebibytes": "MiB at most"}
    *cut, _ = points["words"].to_pylist()
    for (column, label), axes in zip(shown.items(), grid, strict=True):
        axes.plot(points["words"], points[column], color=BLUE, marker="o")
        axes.set_ylabel(label)
        if column != "accuracy":
            axes.set_ylim(0, 1.1 * max(points[column].to_pylist()))
    doubling_axis(grid[-1], points["words"].to_pylist(), [*map(str, cut), "uncut"])
    grid[-1].set_xlabel("words that a gradient goes back (k)")
    return figure
