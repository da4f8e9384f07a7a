"""The lens's points as pictures; equal points make equal bytes."""

from typing import Any, Final

import matplotlib as mpl
import numpy as np
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imdb_rnn.evaluation.figures import styled
from imdb_rnn.lens.adding import ALWAYS_ONE
from imdb_rnn.lens.findings import TITLES
from imdb_rnn.lens.small import CLIP_NORM

_COLORS: Final = {"tanh": "#e07b28", "relu": "#b2473e", "gru": "#3f8f6b", "lstm": "#1f5fa8"}
_REFERENCE: Final = "#9aa5ad"
_GUESSING: Final = 0.5
_PADDINGS: Final = {
    "masked": ("masked", "#1f5fa8", "-"),
    "front": ("in front", "#3f8f6b", "--"),  # before training, both lie on each other
    "behind": ("behind (the notebook)", "#b2473e", "-"),
}
_PLACES: Final = {"first": "#3f8f6b", "middle": "#e07b28", "last": "#1f5fa8"}
_FROM_LOSS: Final = "words back from the last one"
_NORM: Final = "norm of $\\partial L / \\partial h_t$"


@styled
def gradients_figure(points: pa.Table) -> Figure:
    """A panel a cell, a line an epoch, from `results.gradient_points` named CELL_EPOCH."""
    figure = Figure(figsize=(9.6, 6.6))
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for cell, axes in zip(TITLES, panels.flat, strict=True):
        names = _networks(points, prefix=f"{cell}_")
        shades = mpl.colormaps["viridis_r"](np.linspace(0.15, 1, len(names)))
        for name, shade in zip(names, shades, strict=True):
            epoch = name.rpartition("_")[2]
            label = "at initialisation" if epoch == "0" else f"after epoch {epoch}"
            _banded(axes, points, name, color=shade, label=label)
        axes.set(title=TITLES[cell], yscale="log")
    for axes in panels[1]:
        axes.set_xlabel(_FROM_LOSS)
    for axes in panels[:, 0]:
        axes.set_ylabel(_NORM)
    _legend_below(figure, panels[0, 0])
    return figure


@styled
def initialization_figure(points: pa.Table) -> Figure:
    """A panel a cell, a line a start, from `results.gradient_points` named CELL_START."""
    cells = list(dict.fromkeys(name.partition("_")[0] for name in _networks(points)))
    figure = Figure(figsize=(3.6 * len(cells), 3.9))
    for cell, axes in zip(cells, figure.subplots(1, len(cells), squeeze=False)[0], strict=True):
        for number, name in enumerate(_networks(points, prefix=f"{cell}_")):
            label = name.partition("_")[2]
            _banded(axes, points, name, color=f"C{number}", label=label)
        axes.set(title=TITLES[cell], yscale="log", xlabel=_FROM_LOSS)
        axes.legend(fontsize="small")
    figure.axes[0].set_ylabel(f"{_NORM} before training")
    return figure


@styled
def clipping_figure(points: pa.Table) -> Figure:
    """Norms by step before and after clipping, from `results.clipping_points`."""
    figure = Figure(figsize=(9.6, 5.6))
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for cell, axes in zip(TITLES, panels.flat, strict=True):
        before, after = (points[f"{cell}_{when}"] for when in ("before", "after"))
        axes.plot(points["step"], before, color=_REFERENCE, linewidth=1, label="before clipping")
        axes.plot(points["step"], after, color=_COLORS[cell], linewidth=1, label="after clipping")
        axes.axhline(CLIP_NORM, color="black", linestyle="--", linewidth=1)
        axes.set(title=TITLES[cell], yscale="log")
        axes.legend(fontsize="small", loc="lower right")
    for axes in panels[1]:
        axes.set_xlabel("gradient step")
    for axes in panels[:, 0]:
        axes.set_ylabel("norm of the whole gradient")
    return figure


@styled
def padding_figure(points: pa.Table) -> Figure:
    """Gradients at the real words, from `results.gradient_points` named PADDING_EPOCH."""
    epochs = {name.rpartition("_")[2] for name in _networks(points)}
    shown = {min(epochs, key=int): "before training", max(epochs, key=int): "after training"}
    figure = Figure(figsize=(9.6, 4.2))
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for (epoch, title), axes in zip(shown.items(), panels, strict=True):
        for padding, (label, color, line) in _PADDINGS.items():
            style = {"color": color, "linestyle": line, "label": f"padding {label}"}
            _banded(axes, points, f"{padding}_{epoch}", **style)
        axes.set(title=title.capitalize(), yscale="log")
        axes.set_xlabel("words back from the last real one")
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set_ylabel(_NORM)
    _legend_below(figure, panels[0])
    return figure


@styled
def recall_figure(points: pa.Table) -> Figure:
    """Accuracy by delay, from `results.recall_points`."""
    figure, axes = _one_plot("Recalling a marked word")
    axes.axhline(_GUESSING, color=_REFERENCE, linestyle="--", label="guessing")
    _cells_by(axes, points, "delay")
    axes.set(xlabel="delay in steps", ylabel="accuracy", ylim=(0.4, 1.02))
    _legend_below(figure, axes)
    return figure


@styled
def adding_figure(points: pa.Table) -> Figure:
    """Error by length, from `results.adding_points`."""
    figure, axes = _one_plot("Adding two marked numbers")
    axes.axhline(ALWAYS_ONE, color=_REFERENCE, linestyle="--", label="always answering 1")
    _cells_by(axes, points, "length")
    axes.set(xlabel="length in steps", ylabel="mean squared error", yscale="log")
    _legend_below(figure, axes)
    return figure


@styled
def windows_figure(points: pa.Table, whole: float, shuffled: float) -> Figure:
    """Accuracy by the window's length, from `results.parts_points`.

    Args:
        points: By length, a column for each place.
        whole: Accuracy on whole reviews.
        shuffled: The same with their words in random order.
    """
    figure, axes = _one_plot("The trained classifier on parts of reviews")
    axes.axhline(whole, color="black", linewidth=1, label="whole reviews")
    axes.axhline(shuffled, color=_REFERENCE, linestyle="--", label="whole, words shuffled")
    for place, color in _PLACES.items():
        axes.plot(points["words"], points[place], color=color, marker="o", label=f"{place} words")
    axes.set(xlabel="words read of each review", ylabel="accuracy on the validation reviews")
    _legend_below(figure, axes)
    return figure


def _cells_by(axes: Axes, points: pa.Table, steps: str) -> None:
    """A line a cell over the column `steps`, whose values double."""
    for cell, color in _COLORS.items():
        axes.plot(points[steps], points[cell], color=color, marker="o", label=TITLES[cell])
    ticks = points[steps].to_pylist()
    axes.set_xscale("log")
    axes.set_xticks(ticks, list(map(str, ticks)))
    axes.xaxis.minorticks_off()


def _one_plot(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 4.8))
    axes = figure.subplots()
    axes.set_title(title)
    return figure, axes


def _networks(points: pa.Table, prefix: str = "") -> list[str]:
    """Names of the networks in a table of gradients, in its order."""
    names = dict.fromkeys(column.rpartition("_")[0] for column in points.column_names[1:])
    return [name for name in names if name.startswith(prefix)]


def _banded(axes: Axes, points: pa.Table, name: str, **style: Any) -> None:  # noqa: ANN401 - as Matplotlib
    """A network's median as a line in its band, as far as the network was measured."""
    low, median, high = (
        points[f"{name}_{quantile}"].to_numpy() for quantile in ("low", "median", "high")
    )
    axes.fill_between(points["distance"], low, high, color=style["color"], alpha=0.18, linewidth=0)
    axes.plot(points["distance"], median, **style)


def _legend_below(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
