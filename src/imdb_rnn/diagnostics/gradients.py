"""Small networks while they learn from real reviews: what arrives of the gradient, and where."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa

from imdb_rnn.diagnostics import drawing
from imdb_rnn.diagnostics.gradient_flow import gradient_points
from imdb_rnn.diagnostics.small import MAX_GRAD_NORM, SMALL_CELLS, small_config
from imdb_rnn.diagnostics.study import Material, Outcome, Shown
from imdb_rnn.diagnostics.summaries import rounded
from imdb_rnn.diagnostics.training import Training, by_epoch, train
from imdb_rnn.evaluation.drawing import Figure, mpl
from imdb_rnn.models.summary import parameter_count

QUANTITIES: Final = {
    "factor_per_step": ("measured factor a step, of h", drawing.BLUE, "o", "-"),
    "memory_factor_per_step": ("the same of the memory c", drawing.BLUE, "D", ":"),
    "spectral_radius": ("spectral radius", drawing.GREEN, "s", "--"),
    "largest_singular_value": ("largest singular value", drawing.ORANGE, "^", "-."),
}
"""What the spectrum's figure has of each network that has it: label, colour, marker, line."""


def run(material: Material) -> Outcome:
    """Train one network a cell: gradients by distance, W_h by epoch, norms by gradient step."""
    networks = {
        cell: material.classifier(small_config(material.params, cell)) for cell in SMALL_CELLS
    }
    trainings = {cell: train(net, material, material.full) for cell, net in networks.items()}
    cells = rounded(
        {
            cell: {"parameters": parameter_count(networks[cell]), **_numbers(training)}
            for cell, training in trainings.items()
        }
    )
    return Outcome(
        {"cells": cells},
        {
            "gradients": Shown(
                gradient_points(by_epoch(trainings)),
                _draw_gradients,
                _gradients(cells, material.params.diagnostics.words),
            ),
            "spectrum": Shown(_spectrum_points(cells), _draw_spectrum, _spectrum(cells)),
            "clipping": Shown(_clipping_points(trainings), _draw_clipping, _clipping(cells)),
        },
    )


def _numbers(training: Training) -> dict[str, Any]:
    """How a network was clipped, how good it got, and each of its epochs."""
    norms = training.gradient_norms
    return {
        "accuracy": training.accuracy,
        "largest_gradient_norm": norms.max(),
        "median_gradient_norm": np.median(norms),
        "clipped_share": (norms > MAX_GRAD_NORM).mean(),
        "epochs": {str(epoch): one.numbers() for epoch, one in enumerate(training.snapshots)},
    }


def _gradients(cells: Mapping[str, Any], words: int) -> str:
    ends = {cell: _ends(found) for cell, found in cells.items()}
    said = [
        f"{SMALL_CELLS[cell].title} {_shrinkage(start)} before training, {_shrinkage(end)} after it"
        for cell, (start, end) in ends.items()
    ]
    before, after = ends["lstm"]
    return (
        f"Over the last {words} words of a review, the median gradient of the state h shrinks by "
        f"so many powers of ten: {'; '.join(said)}. A step back multiplies the gradient of the "
        f"LSTM's memory c by {before['memory_factor_per_step']:.3f} before training and by "
        f"{after['memory_factor_per_step']:.3f} after it, and that of its h by "
        f"{before['factor_per_step']:.3f} and {after['factor_per_step']:.3f}."
    )


def _ends(found: Mapping[str, Any]) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Numbers of a network before its first epoch and after its last."""
    start, *_, end = found["epochs"].values()
    return start, end


def _shrinkage(snapshot: Mapping[str, float]) -> str:
    if snapshot["norm_at_farthest_word"] == 0:
        return "all there are"
    return f"{snapshot['orders_of_magnitude']:.1f}"


def _draw_gradients(points: pa.Table) -> Figure:
    """A panel a cell, a line an epoch; dotted, the gradients by the LSTM's memory."""
    figure, panels = drawing.cell_panels(height=3.7)
    for cell, axes in panels.items():
        names = drawing.networks(points, prefix=f"{cell}_")
        shades = mpl.colormaps["viridis_r"](np.linspace(0.15, 1, len(names)))
        for name, shade in zip(names, shades, strict=True):
            epoch = name.rpartition("_")[2]
            label = "at the start" if epoch == "0" else f"after epoch {epoch}"
            drawing.banded(axes, points, name, color=shade, label=label)
            if f"{name}_memory" in points.column_names:
                memory = points[f"{name}_memory"].to_numpy()
                axes.plot(points["distance"], memory, color=shade, linestyle=":", linewidth=2.5)
        axes.set_yscale("log")
    panels["lstm"].plot(
        [], [], color=drawing.INK, linestyle=":", linewidth=2.5, label="by the memory c"
    )
    drawing.outer_labels(panels.values(), drawing.WORDS_BACK, drawing.NORM)
    drawing.legend_below(figure, panels.values(), columns=2)
    return figure


def _spectrum_points(cells: Mapping[str, Any]) -> pa.Table:
    """By epoch, 0 being the start: CELL_QUANTITY for each of `QUANTITIES` that the cell has."""
    by_cell = {cell: list(found["epochs"].values()) for cell, found in cells.items()}
    columns = {
        f"{cell}_{quantity}": [epoch[quantity] for epoch in epochs]
        for cell, epochs in by_cell.items()
        for quantity in QUANTITIES
        if quantity in epochs[0]
    }
    return pa.table({"epoch": range(max(map(len, columns.values())))} | columns)


def _spectrum(cells: Mapping[str, Any]) -> str:
    ends = {cell: _ends(found)[1] for cell, found in cells.items()}
    said = [
        f"{SMALL_CELLS[cell].title} {end['factor_per_step']:.3f} ({end['spectral_radius']:.2f}, "
        f"{end['largest_singular_value']:.2f})"
        for cell, end in ends.items()
    ]
    return (
        "After training, a step back multiplies the median gradient by the first number, while "
        "the recurrent matrix has the spectral radius and the largest singular value in brackets: "
        f"{', '.join(said)}."
    )


def _draw_spectrum(points: pa.Table) -> Figure:
    """A panel a cell, a line a quantity."""
    figure, panels = drawing.cell_panels(height=3.7)
    for cell, axes in panels.items():
        axes.axhline(1, color=drawing.GRAY, linewidth=1)
        for quantity, (label, color, marker, line) in QUANTITIES.items():
            if f"{cell}_{quantity}" in points.column_names:
                values = points[f"{cell}_{quantity}"]
                axes.plot(points["epoch"], values, color=color, ls=line, marker=marker, label=label)
        axes.locator_params(axis="x", integer=True)
    panels["tanh"].set_ylim(bottom=0)  # of all of them
    drawing.outer_labels(panels.values(), "epoch", "")
    drawing.legend_below(figure, panels.values(), columns=1)
    return figure


def _clipping_points(trainings: Mapping[str, Training]) -> pa.Table:
    """Norm of the whole gradient before and after clipping, by step."""
    columns: dict[str, Any] = {}
    for cell, training in trainings.items():
        columns[f"{cell}_before"] = training.gradient_norms
        columns[f"{cell}_after"] = np.minimum(training.gradient_norms, MAX_GRAD_NORM)
    steps = np.arange(1, max(map(len, columns.values())) + 1)
    return pa.table({"step": steps} | columns)


def _clipping(cells: Mapping[str, Any]) -> str:
    said = [
        f"{SMALL_CELLS[cell].title} {found['clipped_share']:.0%} "
        f"(largest {found['largest_gradient_norm']:.3g})"
        for cell, found in cells.items()
    ]
    return f"The gradient's norm is clipped to 1 in this share of the steps: {', '.join(said)}."


def _draw_clipping(points: pa.Table) -> Figure:
    figure, panels = drawing.cell_panels(height=3.5)
    for cell, axes in panels.items():
        before, after = (points[f"{cell}_{when}"] for when in ("before", "after"))
        # The broad line below and the fine one above it can both be seen where they are equal.
        axes.plot(points["step"], after, color="#9cc3ea", linewidth=4, label="after clipping")
        axes.plot(points["step"], before, color=drawing.INK, linewidth=1, label="before clipping")
        axes.axhline(
            MAX_GRAD_NORM, color=drawing.RED, linestyle="--", linewidth=1.2, label="the limit"
        )
        axes.set_yscale("log")
    drawing.outer_labels(panels.values(), "gradient step", drawing.NORM)
    drawing.legend_below(figure, panels.values(), columns=3)
    return figure
