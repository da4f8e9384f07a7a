"""What figures of several studies are drawn with; equal points make equal bytes.

Letters are large and panels at most two abreast, so that a picture can be read on a phone, where it
is narrowed to half, and on paper, where two stand side by side.
"""

from collections.abc import Iterable
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa

from imdb_rnn.diagnostics.small import SMALL_CELLS
from imdb_rnn.diagnostics.study import Shown
from imdb_rnn.evaluation.drawing import Axes, Figure, LogLocator, mpl
from imdb_rnn.evaluation.figures import styled

BLUE: Final = "#1f5fa8"
GREEN: Final = "#3f8f6b"
ORANGE: Final = "#e07b28"
RED: Final = "#b2473e"
INK: Final = "#222222"
GRAY: Final = "#9aa5ad"
SMALL: Final = 13
"""Size of letters on ticks and in legends."""
WORDS_BACK: Final = "words back"
NORM: Final = "norm of gradient"

_WIDTH: Final = 6.4
_legible: Final = mpl.rc_context(
    {
        "font.size": 15,
        "axes.titlesize": 15,
        "axes.labelsize": 14,
        "legend.fontsize": SMALL,
        "legend.columnspacing": 1.0,
        "legend.handlelength": 1.8,
    }
)


@styled
@_legible
def drawn(shown: Shown) -> Figure:
    """The figure in the diagnostics' style."""
    return shown.draw(shown.points)


def one_plot(title: str) -> tuple[Figure, Axes]:
    """A figure of one panel with a title."""
    figure, (axes,) = panels(1, 1, height=5.0)
    axes.set_title(title)
    return figure, axes


def panels(
    rows: int, columns: int, height: float, sharey: Literal["none", "row", "all"] = "all"
) -> tuple[Figure, list[Axes]]:
    """A figure and its panels, row by row; they share the scale along x."""
    figure = Figure(figsize=(_WIDTH, height))
    grid = figure.subplots(rows, columns, sharex=True, sharey=sharey, squeeze=False)
    for axes in grid.flat:
        # Ticks are made when the figure is written, in that moment's style.
        axes.tick_params(labelsize=SMALL)
    return figure, list(grid.flat)


def cell_panels(height: float) -> tuple[Figure, dict[str, Axes]]:
    """A figure with a panel for each small cell, two abreast.

    Args:
        height: Of each row, in inches.
    """
    rows = (len(SMALL_CELLS) + 1) // 2
    figure, grid = panels(rows, 2, height * rows)
    for axes, cell in zip(grid, SMALL_CELLS.values(), strict=False):
        axes.set_title(cell.title)
    for spare in grid[len(SMALL_CELLS) :]:
        spare.set_axis_off()
    return figure, dict(zip(SMALL_CELLS, grid, strict=False))


def outer_labels(two_abreast: Iterable[Axes], below: str, beside: str) -> None:
    """Names of the axes, at the lowest and the left ones of the panels in use."""
    used = list(two_abreast)
    for axes in used[-2:]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel(below)
    for axes in used[::2]:
        axes.set_ylabel(beside)


def lines_by_cell(
    points: pa.Table,
    title: str,
    reference: tuple[float, str],
    **settings: Any,  # noqa: ANN401 - as Matplotlib
) -> Figure:
    """A line a cell over the first column, whose values double.

    Each cell stands a little beside the others, as equal values would hide each other.

    Args:
        points: A column of steps, and one for each cell.
        title: Of the figure.
        reference: Height and name of a level to compare with.
        settings: Of the axes.
    """
    figure, axes = one_plot(title)
    level, name = reference
    axes.axhline(level, color=GRAY, linewidth=1, label=name)
    ticks = points[0].to_pylist()
    middle = (len(SMALL_CELLS) - 1) / 2
    for place, (column, cell) in enumerate(SMALL_CELLS.items()):
        beside = np.array(ticks) * 1.05 ** (place - middle)
        (line,) = axes.plot(beside, points[column], color=cell.color, label=cell.title, alpha=0.85)
        line.set(marker=cell.marker, linestyle=cell.line, markersize=8)
    doubling_axis(axes, ticks, list(map(str, ticks)))
    axes.set(**settings)
    legend_below(figure, [axes], columns=3)
    return figure


def doubling_axis(axes: Axes, ticks: list[int], names: list[str]) -> None:
    """Values that double stand equally far apart."""
    axes.set_xscale("log")
    axes.set_xticks(ticks, names)
    axes.xaxis.minorticks_off()


def few_powers(axes: Axes) -> None:
    """At most six powers of ten along a logarithmic axis and those that share it."""
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.minorticks_off()


def networks(points: pa.Table, prefix: str = "") -> list[str]:
    """Names of the networks in a table of `gradient_flow.gradient_points`, in its order."""
    names = dict.fromkeys(column.rpartition("_")[0] for column in points.column_names[1:])
    return [name for name in names if name.startswith(prefix)]


def banded(axes: Axes, points: pa.Table, name: str, **style: Any) -> None:  # noqa: ANN401 - as Matplotlib
    """A network's median as a line in its band, as far as the network was measured."""
    low, median, high = (
        points[f"{name}_{quantile}"].to_numpy() for quantile in ("low", "median", "high")
    )
    axes.fill_between(points["distance"], low, high, color=style["color"], alpha=0.18, linewidth=0)
    axes.plot(points["distance"], median, **style)


def labelled(shown: Iterable[Axes]) -> tuple[list[Any], list[str]]:
    """What the panels show, each once: handles and labels."""
    by_label = {
        label: handle
        for axes in shown
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    return list(by_label.values()), list(by_label)


def legend_below(figure: Figure, shown: Iterable[Axes], columns: int) -> None:
    """One legend of all panels."""
    figure.legend(*labelled(shown), loc="outside lower center", ncols=columns)
