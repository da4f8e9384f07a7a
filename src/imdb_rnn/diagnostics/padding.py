"""What padding does to the gradient that reaches the real words of a short review."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from imdb_rnn.diagnostics import drawing
from imdb_rnn.diagnostics.gradient_flow import gradient_points
from imdb_rnn.diagnostics.small import small_config
from imdb_rnn.diagnostics.study import Material, Outcome, Shown
from imdb_rnn.diagnostics.summaries import rounded, standard_error, told_apart
from imdb_rnn.diagnostics.training import by_epoch, train
from imdb_rnn.evaluation.drawing import Figure

PADDINGS: Final[Mapping[str, Mapping[str, object]]] = {
    "masked": {},
    "front": {"padding": "pre", "mask_padding": False},
    "behind": {"padding": "post", "mask_padding": False},
}
"""What the network, a tanh RNN, does with short reviews."""

_LINES: Final = {
    "masked": ("masked", drawing.BLUE, "-"),
    "front": ("in front", drawing.GREEN, "--"),  # before training, both lie on each other
    "behind": ("behind (the notebook)", drawing.RED, "-"),
}


def run(material: Material) -> Outcome:
    """Train one network a padding: gradients at the real words, before training and after it."""
    trainings = {
        name: train(
            material.classifier(small_config(material.params, "tanh", **choices)),
            material,
            material.short,
        )
        for name, choices in PADDINGS.items()
    }
    padding = {
        name: {
            "accuracy": training.accuracy,
            "norm_at_last_word": {
                str(epoch): np.median(snapshot.flow.by_state[0])
                for epoch, snapshot in enumerate(training.snapshots)
            },
        }
        for name, training in trainings.items()
    }
    finding = _finding(rounded(padding), len(material.valid))
    points = gradient_points(by_epoch(trainings))
    return Outcome({"padding": rounded(padding)}, {"padding": Shown(points, _draw, finding)})


def _finding(padding: Mapping[str, Any], reviews: int) -> str:
    norms = {name: case["norm_at_last_word"]["0"] for name, case in padding.items()}
    reached = [padding[name]["accuracy"] for name in ("masked", "front", "behind")]
    masked, front, behind = (f"{accuracy:.3f}" for accuracy in reached)
    verdict = told_apart(max(reached), min(reached), reviews)
    return (
        f"Before training, the median gradient at the last real word of a short review is "
        f"{norms['masked']:.2g} with padding masked, {norms['front']:.2g} with padding in front "
        f"and {norms['behind']:.2g} with padding behind; after training, the three networks reach "
        f"validation accuracies of {masked}, {front} and {behind} (standard error "
        f"{standard_error(max(reached), reviews):.3f}), {verdict}."
    )


def _draw(points: pa.Table) -> Figure:
    epochs = {name.rpartition("_")[2] for name in drawing.networks(points)}
    shown = {min(epochs, key=int): "before training", max(epochs, key=int): "after training"}
    figure, grid = drawing.panels(1, len(shown), height=4.8)
    for (epoch, title), axes in zip(shown.items(), grid, strict=True):
        for padding, (label, color, line) in _LINES.items():
            style = {"color": color, "linestyle": line, "label": f"padding {label}"}
            drawing.banded(axes, points, f"{padding}_{epoch}", **style)
        axes.set(title=title.capitalize(), yscale="log", xlabel="real words back")
        axes.locator_params(axis="x", integer=True)
    grid[0].set_ylabel(drawing.NORM)
    drawing.legend_below(figure, grid, columns=1)
    return figure
