"""Clipping where gradients explode: a ReLU RNN from two initialisations, under two optimizers."""

from collections.abc import Mapping
from functools import partial
from math import log2
from typing import Any, Final

import pyarrow as pa

from imdb_rnn.diagnostics import drawing
from imdb_rnn.diagnostics.initialization import initialized
from imdb_rnn.diagnostics.small import MAX_GRAD_NORM
from imdb_rnn.diagnostics.study import Material, Outcome, Shown
from imdb_rnn.diagnostics.summaries import rounded
from imdb_rnn.diagnostics.training import Training, outcome, train
from imdb_rnn.evaluation.drawing import Figure

Trainings = Mapping[str, Mapping[str, Mapping[str, Training]]]
"""By initialisation, then by optimizer, then by whether it was clipped."""

EXPLODING: Final = ("identity", "normal, radius 1.5")
"""Of the ReLU RNN, whose weights get large gradients from there; keys of `INITIALIZATIONS`."""

OPTIMIZERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "Adam": {},
    "gradient descent": {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.0},
}
"""Adam, which `small_trainer` has, divides a step by the size of past gradients; plain descent
takes them as they are."""

CLIPPING: Final = {"clipped": MAX_GRAD_NORM, "not clipped": None}

_LINES: Final = {"clipped": (drawing.BLUE, "-"), "not clipped": (drawing.RED, "--")}
_HIGHEST_LOSS: Final = 1.5
"""Twice that of guessing between two classes; the first of an exploding network lie far beyond."""


def run(material: Material) -> Outcome:
    """Train with and without clipping: norms and losses by gradient step."""
    trainings = {
        name: {
            optimizer: {
                clipping: train(
                    initialized("relu", name, material), material, **settings, max_grad_norm=limit
                )
                for clipping, limit in CLIPPING.items()
            }
            for optimizer, settings in OPTIMIZERS.items()
        }
        for name in EXPLODING
    }
    numbers = {
        name: {
            optimizer: {clipping: rounded(one.numbers()) for clipping, one in by_clipping.items()}
            for optimizer, by_clipping in by_optimizer.items()
        }
        for name, by_optimizer in trainings.items()
    }
    draw = partial(_draw, highest_loss=_HIGHEST_LOSS * log2(len(material.classes)))
    shown = Shown(points(trainings), draw, _finding(numbers))
    return Outcome({"explosion": numbers}, {"explosion": shown})


def points(trainings: Trainings) -> pa.Table:
    """By step: NAME_OPTIMIZER_CLIPPING_norm before clipping, and _loss; empty once it diverged."""
    columns: dict[str, Any] = {}
    for name, by_optimizer in trainings.items():
        for optimizer, by_clipping in by_optimizer.items():
            for clipping, one in by_clipping.items():
                network = f"{name}_{optimizer}_{clipping}"
                columns |= {f"{network}_norm": one.gradient_norms, f"{network}_loss": one.losses}
    steps = max(map(len, columns.values()))
    filled = {
        column: pa.array(
            [rounded(value, 6) for value in values] + [None] * (steps - len(values)), pa.float64()
        )
        for column, values in columns.items()
    }
    return pa.table({"step": range(1, steps + 1)} | filled)


def _finding(exploded: Mapping[str, Any]) -> str:
    said = []
    for name, by_optimizer in exploded.items():
        clipped = by_optimizer["Adam"]["clipped"]
        ends = [
            f"{optimizer} {outcome(runs['clipped'])} with clipping and "
            f"{outcome(runs['not clipped'])} without"
            for optimizer, runs in by_optimizer.items()
        ]
        said.append(
            f"initialized with {name} (largest norm {clipped['largest_gradient_norm']:.3g}, "
            f"{clipped['share_above_limit']:.0%} of Adam's steps clipped) {', '.join(ends)}"
        )
    return f"Accuracy of a ReLU RNN whose weights get large gradients: {'; '.join(said)}."


def _draw(points: pa.Table, highest_loss: float) -> Figure:
    """A column of panels for each initialisation."""
    columns = len(EXPLODING)
    figure, grid = drawing.panels(2, columns, height=7.4, sharey="row")
    figure.suptitle("A ReLU RNN taught by Adam, from two initializations", fontsize=15)
    for column, name in enumerate(EXPLODING):
        above, below = grid[column], grid[columns + column]
        for axes, quantity in ((above, "norm"), (below, "loss")):
            for clipping, (color, line) in _LINES.items():
                values = points[f"{name}_Adam_{clipping}_{quantity}"].to_numpy()
                axes.plot(points["step"], values, color=color, linestyle=line, label=clipping)
        above.axhline(MAX_GRAD_NORM, color=drawing.GRAY, linewidth=1)
        above.set(title=name.capitalize(), yscale="log")
        below.set(xlabel="gradient step", ylim=(0, highest_loss))
    grid[0].set_ylabel(drawing.NORM)
    grid[columns].set_ylabel("loss in nats")
    drawing.few_powers(grid[0])
    drawing.legend_below(figure, grid, columns=2)
    return figure
