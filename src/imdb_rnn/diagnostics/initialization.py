"""First weights of the recurrence, one choice varied at a time: gradients, and what is learned."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pyarrow as pa
import torch
from torch import nn

from imdb_rnn.diagnostics import drawing
from imdb_rnn.diagnostics.gradient_flow import gradient_points, recurrence, snapshot
from imdb_rnn.diagnostics.small import SMALL_CELLS, small_config
from imdb_rnn.diagnostics.study import Material, Outcome, Shown
from imdb_rnn.diagnostics.summaries import counted, rounded, standard_error
from imdb_rnn.diagnostics.training import outcome, train
from imdb_rnn.evaluation.drawing import Figure
from imdb_rnn.models.classifier import Classifier

Initialization = Callable[[nn.RNNBase], None]


def _orthogonal(cell: nn.RNNBase) -> None:
    """Keeps every norm (Saxe et al. 2014)."""
    nn.init.orthogonal_(_recurrent(cell))


def _xavier(cell: nn.RNNBase) -> None:
    """Entries of variance 1/hidden: singular values between 0 and 2 (Glorot & Bengio 2010)."""
    nn.init.xavier_normal_(_recurrent(cell))


def _identity(cell: nn.RNNBase) -> None:
    """A ReLU unit then hands its own state on as it is (Le, Jaitly & Hinton 2015)."""
    nn.init.eye_(_recurrent(cell))


def _normal(radius: float) -> Initialization:
    """Normal entries, scaled so that the spectral radius is near `radius` (the circular law)."""

    def initialize(cell: nn.RNNBase) -> None:
        nn.init.normal_(_recurrent(cell), std=radius / cell.hidden_size**0.5)

    return initialize


def _forget_bias(value: float) -> Initialization:
    """The LSTM keeps sigmoid(value) of its memory a step, before it has learned anything."""

    def initialize(cell: nn.RNNBase) -> None:
        # PyTorch's order of rows: input, forget, cell, output.
        dict(cell.named_parameters())["bias_ih_l0"].chunk(4)[1].fill_(value)

    return initialize


INITIALIZATIONS: Final[Mapping[str, Mapping[str, Initialization]]] = {
    "tanh": {
        "orthogonal": _orthogonal,
        "Xavier": _xavier,
        "normal, radius 0.5": _normal(0.5),
        "normal, radius 1.5": _normal(1.5),
    },
    "relu": {
        "identity": _identity,
        "orthogonal": _orthogonal,
        "Xavier": _xavier,
        "normal, radius 1.5": _normal(1.5),
    },
    "lstm": {
        "forget bias 0": _forget_bias(0.0),
        "forget bias 1": _forget_bias(1.0),
        "forget bias 3": _forget_bias(3.0),
    },
}
"""Cell -> name -> what is done to a cell that starts as `models.initialization.orthogonal` has it.

So the embeddings are small, the biases zero, and the recurrence is all that differs.
"""

_LINES: Final = {
    "orthogonal": (drawing.BLUE, "-"),
    "Xavier": (drawing.GREEN, "--"),  # for tanh, it lies on the one before
    "identity": ("#8156a0", "-"),
    "normal, radius 0.5": (drawing.ORANGE, "-"),
    "normal, radius 1.5": (drawing.RED, "-"),
    "forget bias 0": ("#a8b4bc", "-"),
    "forget bias 1": ("#62727d", "-"),
    "forget bias 3": (drawing.INK, "-"),
}


def run(material: Material) -> Outcome:
    """Measure each untrained network, then train it: gradients by distance before training."""
    snapshots = {}
    numbers: dict[str, dict[str, Any]] = {}
    for cell, names in INITIALIZATIONS.items():
        numbers[cell] = {}
        for name in names:
            classifier = initialized(cell, name, material)
            start = snapshot(classifier, material.full, material.params.diagnostics.words)
            taught = train(classifier, material)
            snapshots[f"{cell}_{name}"] = start
            numbers[cell][name] = rounded({**start.numbers(), "taught": taught.numbers()})
    finding = _finding(numbers, material.numbers())
    shown = Shown(gradient_points(snapshots), _draw, finding)
    return Outcome({"initialization": numbers}, {"initialization": shown})


@torch.no_grad()
def initialized(cell: str, name: str, material: Material) -> Classifier:
    """A small network that has learned nothing yet.

    Args:
        cell: A key of `INITIALIZATIONS`.
        name: A key of `INITIALIZATIONS[cell]`.
        material: Says how many token ids there are.
    """
    config = small_config(material.params, cell, initialization="orthogonal")
    classifier = material.classifier(config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(material.params.seed)
        INITIALIZATIONS[cell][name](recurrence(classifier))
    return classifier


def _finding(cells: Mapping[str, Any], material: Mapping[str, Any]) -> str:
    factors = _each(cells, lambda start: f"{start['factor_per_step']:.3f}")
    accuracies = _each(cells, lambda start: outcome(start["taught"]))
    return (
        f"Before any training, each step back multiplies the median gradient by: {factors}. "
        f"After {counted(material['epochs'], 'epoch')} on {material['learned']:,} reviews from "
        f"there, the accuracy on {material['validation']:,} others is: {accuracies}; of these the "
        f"standard error is at most {standard_error(0.5, material['validation']):.3f}."
    )


def _each(cells: Mapping[str, Any], said: Callable[[Mapping[str, Any]], str]) -> str:
    return "; ".join(
        f"{SMALL_CELLS[cell].title} "
        + ", ".join(f"{said(start)} ({name})" for name, start in by_name.items())
        for cell, by_name in cells.items()
    )


def _draw(points: pa.Table) -> Figure:
    """A panel a cell, a line an initialisation."""
    figure, (*used, spare) = drawing.panels(2, 2, height=7.0)
    for cell, axes in zip(INITIALIZATIONS, used, strict=True):
        for network in drawing.networks(points, prefix=f"{cell}_"):
            name = network.partition("_")[2]
            color, line = _LINES[name]
            drawing.banded(axes, points, network, color=color, linestyle=line, label=name)
        axes.set(title=SMALL_CELLS[cell].title, yscale="log")
    drawing.few_powers(used[0])
    drawing.outer_labels(used, drawing.WORDS_BACK, drawing.NORM)
    spare.set_axis_off()
    spare.legend(*drawing.labelled(used), loc="center", borderaxespad=0)
    return figure


def _recurrent(cell: nn.RNNBase) -> torch.Tensor:
    return dict(cell.named_parameters())["weight_hh_l0"]
