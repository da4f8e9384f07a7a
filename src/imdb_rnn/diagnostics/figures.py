"""The diagnostics's points as pictures; equal points make equal bytes.

Letters are large and panels at most two abreast, so that a picture can be read on a phone, where it
is narrowed to half, and on paper, where two stand side by side.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa

from imdb_rnn.diagnostics.adding import ALWAYS_ONE
from imdb_rnn.diagnostics.findings import TITLES, standard_error
from imdb_rnn.diagnostics.small import CLIP_NORM
from imdb_rnn.evaluation.drawing import Axes, Figure, LogLocator, mpl
from imdb_rnn.evaluation.figures import styled

_COLORS: Final = {"tanh": "#e07b28", "relu": "#b2473e", "gru": "#3f8f6b", "lstm": "#1f5fa8"}
_MARKERS: Final = {"tanh": "o", "relu": "s", "gru": "^", "lstm": "D"}
_LINES: Final = {"tanh": "-", "relu": "--", "gru": "-.", "lstm": ":"}
_REFERENCE: Final = "#9aa5ad"
_INK: Final = "#222222"
_GUESSING: Final = 0.5
_PADDINGS: Final = {
    "masked": ("masked", "#1f5fa8", "-"),
    "front": ("in front", "#3f8f6b", "--"),  # before training, both lie on each other
    "behind": ("behind (the notebook)", "#b2473e", "-"),
}
_PLACES: Final = {"first": "#3f8f6b", "middle": "#e07b28", "last": "#1f5fa8"}
_STARTS: Final = {
    "orthogonal": ("#1f5fa8", "-"),
    "Xavier": ("#3f8f6b", "--"),  # for tanh, it lies on the one before
    "identity": ("#8156a0", "-"),
    "normal, radius 0.5": ("#e07b28", "-"),
    "normal, radius 1.5": ("#b2473e", "-"),
    "forget bias 0": ("#a8b4bc", "-"),
    "forget bias 1": ("#62727d", "-"),
    "forget bias 3": ("#222222", "-"),
}
_QUANTITIES: Final = {
    "factor_per_step": ("measured factor a step, of h", "#1f5fa8", "o", "-"),
    "memory_factor_per_step": ("the same of the memory c", "#1f5fa8", "D", ":"),
    "spectral_radius": ("spectral radius", "#3f8f6b", "s", "--"),
    "largest_singular_value": ("largest singular value", "#e07b28", "^", "-."),
}
_CLIPPING: Final = {"clipped": ("#1f5fa8", "-"), "not clipped": ("#b2473e", "--")}
_HIGHEST_LOSS: Final = 1.5
"""Twice that of guessing; the first losses of a network that explodes lie far beyond."""
_CLOSE: Final = 2
"""Words of one side no farther apart are written as one, not upon each other."""
_FROM_LOSS: Final = "words back"
_NORM: Final = "norm of gradient"

_WIDTH: Final = 6.4
_SMALL: Final = 13
_legible: Final = mpl.rc_context(
    {
        "font.size": 15,
        "axes.titlesize": 15,
        "axes.labelsize": 14,
        "legend.fontsize": _SMALL,
        "legend.columnspacing": 1.0,
        "legend.handlelength": 1.8,
    }
)


def _drawn(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Decorates what draws a picture of the diagnostics."""
    return styled(_legible(draw))


@_drawn
def gradients_figure(points: pa.Table) -> Figure:
    """A panel a cell, a line an epoch, from `results.gradient_points` named CELL_EPOCH.

    The LSTM's panel has the gradients by its memory as well.
    """
    figure, panels = _panels(2, 2, height=7.4)
    for cell, axes in zip(TITLES, panels, strict=True):
        names = _networks(points, prefix=f"{cell}_")
        shades = mpl.colormaps["viridis_r"](np.linspace(0.15, 1, len(names)))
        for name, shade in zip(names, shades, strict=True):
            epoch = name.rpartition("_")[2]
            label = "at the start" if epoch == "0" else f"after epoch {epoch}"
            _banded(axes, points, name, color=shade, label=label)
            if f"{name}_memory" in points.column_names:
                memory = points[f"{name}_memory"].to_numpy()
                axes.plot(points["distance"], memory, color=shade, linestyle=":", linewidth=2.5)
        axes.set(title=TITLES[cell], yscale="log")
    panels[-1].plot([], [], color=_INK, linestyle=":", linewidth=2.5, label="by the memory c")
    _outer_labels(panels, _FROM_LOSS, _NORM)
    _legend_below(figure, panels, columns=2)
    return figure


@_drawn
def spectrum_figure(points: pa.Table) -> Figure:
    """A panel a cell, a line a quantity, from `results.spectrum_points`."""
    figure, panels = _panels(2, 2, height=7.4)
    for cell, axes in zip(TITLES, panels, strict=True):
        axes.axhline(1, color=_REFERENCE, linewidth=1)
        for quantity, (label, color, marker, line) in _QUANTITIES.items():
            if f"{cell}_{quantity}" in points.column_names:
                values = points[f"{cell}_{quantity}"]
                axes.plot(points["epoch"], values, color=color, ls=line, marker=marker, label=label)
        axes.set_title(TITLES[cell])
        axes.locator_params(axis="x", integer=True)
    panels[0].set_ylim(bottom=0)  # of all of them
    _outer_labels(panels, "epoch", "")
    _legend_below(figure, panels, columns=1)
    return figure


@_drawn
def initialization_figure(points: pa.Table) -> Figure:
    """A panel a cell, a line a start, from `results.gradient_points` named CELL_START."""
    cells = list(dict.fromkeys(name.partition("_")[0] for name in _networks(points)))
    figure, panels = _panels(2, 2, height=7.0)
    for cell, axes in zip(cells, panels, strict=False):
        for name in _networks(points, prefix=f"{cell}_"):
            start = name.partition("_")[2]
            color, line = _STARTS[start]
            _banded(axes, points, name, color=color, linestyle=line, label=start)
        axes.set(title=TITLES[cell], yscale="log")
    _few_powers(panels[0])
    _, above, below, spare = panels
    for axes in (above, below):
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(_FROM_LOSS)
    for axes in panels[::2]:
        axes.set_ylabel(_NORM)
    spare.set_axis_off()
    spare.legend(*_labelled(panels), loc="center", borderaxespad=0)
    return figure


@_drawn
def clipping_figure(points: pa.Table) -> Figure:
    """Norms by step before and after clipping, from `results.clipping_points`."""
    figure, panels = _panels(2, 2, height=7.0)
    for cell, axes in zip(TITLES, panels, strict=True):
        before, after = (points[f"{cell}_{when}"] for when in ("before", "after"))
        # The broad line below and the fine one above it can both be seen where they are equal.
        axes.plot(points["step"], after, color="#9cc3ea", linewidth=4, label="after clipping")
        axes.plot(points["step"], before, color=_INK, linewidth=1, label="before clipping")
        axes.axhline(CLIP_NORM, color="#b2473e", linestyle="--", linewidth=1.2, label="the limit")
        axes.set(title=TITLES[cell], yscale="log")
    _outer_labels(panels, "gradient step", _NORM)
    _legend_below(figure, panels, columns=3)
    return figure


@_drawn
def explosion_figure(points: pa.Table) -> Figure:
    """Norms and losses with and without clipping under Adam, from `results.explosion_points`.

    A column of panels for each start.
    """
    starts = list(dict.fromkeys(name.partition("_")[0] for name in points.column_names[1:]))
    figure, panels = _panels(2, len(starts), height=7.4, sharey="row")
    figure.suptitle("A ReLU RNN taught by Adam, from two starts", fontsize=15)
    columns = len(starts)
    for column, start in enumerate(starts):
        for row, quantity in enumerate(("norm", "loss")):
            axes = panels[row * columns + column]
            for way, (color, line) in _CLIPPING.items():
                values = points[f"{start}_Adam_{way}_{quantity}"].to_numpy()
                axes.plot(points["step"], values, color=color, linestyle=line, label=way)
        panels[column].axhline(CLIP_NORM, color=_REFERENCE, linewidth=1)
        panels[column].set(title=start.capitalize(), yscale="log")
        panels[columns + column].set(xlabel="gradient step", ylim=(0, _HIGHEST_LOSS))
    panels[0].set_ylabel(_NORM)
    panels[columns].set_ylabel("loss in nats")
    _few_powers(panels[0])
    _legend_below(figure, panels, columns=2)
    return figure


@_drawn
def truncation_figure(points: pa.Table) -> Figure:
    """Accuracy, time and memory by the words that a gradient goes back over.

    Args:
        points: From `results.truncation_points`; the last is uncut.
    """
    figure, panels = _panels(3, 1, height=7.6, sharey="none")
    shown = {"accuracy": "accuracy", "seconds": "seconds an epoch", "mebibytes": "MiB at most"}
    *cut, _ = points["words"].to_pylist()
    for (column, label), axes in zip(shown.items(), panels, strict=True):
        axes.plot(points["words"], points[column], color=_COLORS["lstm"], marker="o")
        axes.set_ylabel(label)
        if column != "accuracy":
            axes.set_ylim(0, 1.1 * max(points[column].to_pylist()))
    _doubling_axis(panels[-1], points["words"].to_pylist(), [*map(str, cut), "uncut"])
    panels[-1].set_xlabel("words that a gradient goes back (k)")
    return figure


@_drawn
def padding_figure(points: pa.Table) -> Figure:
    """Gradients at the real words, from `results.gradient_points` named PADDING_EPOCH."""
    epochs = {name.rpartition("_")[2] for name in _networks(points)}
    shown = {min(epochs, key=int): "before training", max(epochs, key=int): "after training"}
    figure, panels = _panels(1, len(shown), height=4.8)
    for (epoch, title), axes in zip(shown.items(), panels, strict=True):
        for padding, (label, color, line) in _PADDINGS.items():
            style = {"color": color, "linestyle": line, "label": f"padding {label}"}
            _banded(axes, points, f"{padding}_{epoch}", **style)
        axes.set(title=title.capitalize(), yscale="log", xlabel="real words back")
        axes.locator_params(axis="x", integer=True)
    panels[0].set_ylabel(_NORM)
    _legend_below(figure, panels, columns=1)
    return figure


@_drawn
def recall_figure(points: pa.Table) -> Figure:
    """Accuracy by delay, from `results.recall_points`."""
    figure, axes = _one_plot("Recalling a marked word")
    axes.axhline(_GUESSING, color=_REFERENCE, linewidth=1, label="guessing")
    _cells_by(axes, points, "delay")
    axes.set(xlabel="delay in steps", ylabel="accuracy", ylim=(0.4, 1.04))
    _legend_below(figure, [axes], columns=3)
    return figure


@_drawn
def adding_figure(points: pa.Table) -> Figure:
    """Error by length, from `results.adding_points`."""
    figure, axes = _one_plot("Adding two marked numbers")
    axes.axhline(ALWAYS_ONE, color=_REFERENCE, linewidth=1, label="always 1")
    _cells_by(axes, points, "length")
    axes.set(xlabel="length in steps", ylabel="mean squared error", yscale="log")
    _legend_below(figure, [axes], columns=3)
    return figure


@_drawn
def windows_figure(points: pa.Table, whole: float) -> Figure:
    """Accuracy by the window's length, from `results.parts_points`.

    Args:
        points: By length, a column for each place.
        whole: Accuracy on whole reviews.
    """
    figure, axes = _one_plot("The classifier on parts of reviews")
    axes.axhline(whole, color=_INK, linewidth=1, label="whole reviews")
    for (place, color), marker in zip(_PLACES.items(), "s^o", strict=True):
        label = f"{place} words"
        axes.plot(points["words"], points[place], color=color, marker=marker, label=label)
    axes.set(xlabel="words read of each review", ylabel="accuracy")
    _legend_below(figure, [axes], columns=2)
    return figure


@_drawn
def order_figure(points: pa.Table, reviews: int) -> Figure:
    """Accuracies with the band of two standard errors, from `results.order_points`.

    Args:
        points: A row for each of those who were judged.
        reviews: Number of reviews that they were judged on.
    """
    figure, (axes,) = _panels(1, 1, height=3.6)
    names, accuracies = points["who"].to_pylist(), points["accuracy"].to_pylist()
    margins = [2 * standard_error(accuracy, reviews) for accuracy in accuracies]
    places = np.arange(len(names))[::-1]
    axes.errorbar(accuracies, places, xerr=margins, fmt="o", color=_COLORS["lstm"], capsize=4)
    axes.set_yticks(places, names)
    axes.set(xlabel="accuracy", ylim=(-0.5, len(names) - 0.5))
    return figure


@_drawn
def reading_figure(points: pa.Table, named: Mapping[int, str]) -> Figure:
    """One review: the probability after each word, and each word's evidence.

    Args:
        points: From `results.example_points`.
        named: Words to write beside their evidence, by position.
    """
    figure, (above, below) = _panels(2, 1, height=8.2, sharey="none")
    position, evidence = points["position"].to_pylist(), points["evidence"].to_pylist()
    above.axhline(_GUESSING, color=_REFERENCE, linewidth=1)
    above.plot(position, points["probability"], color=_COLORS["lstm"])
    above.set(ylabel="probability of positive", ylim=(-0.02, 1.02))
    sides = [_COLORS["lstm"] if value > 0 else _COLORS["relu"] for value in evidence]
    below.bar(position, evidence, width=0.9, color=sides)
    for positive in (True, False):
        places = sorted(place for place in named if (evidence[place - 1] > 0) == positive)
        for group in _close_together(places):
            values = [evidence[place - 1] for place in group]
            below.annotate(
                _quote(group, named),
                (float(np.mean(group)), max(values) if positive else min(values)),
                xytext=(0, 3 if positive else -3),
                textcoords="offset points",
                rotation=90,
                ha="center",
                va="bottom" if positive else "top",
                fontsize=_SMALL,
            )
    below.margins(y=0.7)  # room for the words
    below.set(xlabel="word", ylabel="evidence in log odds")
    return figure


def _close_together(places: list[int]) -> list[list[int]]:
    """Rising places in groups whose neighbours are close."""
    if not places:
        return []
    wide = np.flatnonzero(np.diff(places) > _CLOSE) + 1
    return [[int(place) for place in group] for group in np.split(np.array(places), wide)]


def _quote(group: list[int], named: Mapping[int, str]) -> str:
    """A group's words, with an ellipsis for what stands between them."""
    words = [named[group[0]]]
    for before, place in pairwise(group):
        words += [named[place]] if place == before + 1 else ["…", named[place]]
    return " ".join(words)


def _cells_by(axes: Axes, points: pa.Table, steps: str) -> None:
    """A line a cell over the column `steps`, whose values double.

    Each cell stands a little beside the others, as equal values would hide each other.
    """
    ticks = points[steps].to_pylist()
    for place, (cell, color) in enumerate(_COLORS.items()):
        beside = np.array(ticks) * 1.05 ** (place - 1.5)
        (line,) = axes.plot(beside, points[cell], color=color, label=TITLES[cell], alpha=0.85)
        line.set(marker=_MARKERS[cell], linestyle=_LINES[cell], markersize=8)
    _doubling_axis(axes, ticks, list(map(str, ticks)))


def _doubling_axis(axes: Axes, ticks: list[int], names: list[str]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(ticks, names)
    axes.xaxis.minorticks_off()


def _few_powers(axes: Axes) -> None:
    """At most six powers of ten along a logarithmic axis and those that share it."""
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.minorticks_off()


def _one_plot(title: str) -> tuple[Figure, Axes]:
    figure, (axes,) = _panels(1, 1, height=5.0)
    axes.set_title(title)
    return figure, axes


def _panels(
    rows: int, columns: int, height: float, sharey: Literal["none", "row", "all"] = "all"
) -> tuple[Figure, list[Axes]]:
    """A figure and its panels, row by row; they share the scale along x."""
    figure = Figure(figsize=(_WIDTH, height))
    panels = figure.subplots(rows, columns, sharex=True, sharey=sharey, squeeze=False)
    for axes in panels.flat:
        # Ticks are made when the figure is written, in that moment's style.
        axes.tick_params(labelsize=_SMALL)
    return figure, list(panels.flat)


def _outer_labels(panels: list[Axes], below: str, beside: str) -> None:
    """Names of the axes, at the outer ones of two by two panels."""
    for axes in panels[2:]:
        axes.set_xlabel(below)
    for axes in panels[::2]:
        axes.set_ylabel(beside)


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


def _labelled(panels: Iterable[Axes]) -> tuple[list[Any], list[str]]:
    """What the panels show, each once: handles and labels."""
    shown: Mapping[str, Any] = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    return list(shown.values()), list(shown)


def _legend_below(figure: Figure, panels: Iterable[Axes], columns: int) -> None:
    figure.legend(*_labelled(panels), loc="outside lower center", ncols=columns)
