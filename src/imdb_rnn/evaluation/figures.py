"""The points of the curves as pictures; equal points make equal bytes."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from PIL import Image

from imdb_rnn.data.classes import SENTIMENT, is_binary, titles_of
from imdb_rnn.evaluation.curves import OF_CLASS, confusion_cells, most_confused
from imdb_rnn.evaluation.drawing import Axes, Figure, mpl, plain, style
from imdb_rnn.evaluation.predictions import MODEL, TITLES
from imdb_rnn.io.atomic import replacing

COLORS: Final = {MODEL: "#1f5fa8", "nb": "#e07b28", "tfidf": "#7a8791"}
REFERENCE: Final = "#9aa5ad"
GRID: Final = "#e6e9ec"
_FEW: Final = 6
"""So few classes leave room in each cell for a share beside the count."""

styled: Final = style(
    {
        "font.size": 11,
        "axes.titlesize": 12,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": GRID,
        "legend.frameon": False,
        "figure.constrained_layout.use": True,
        "savefig.dpi": 130,
    }
)
"""Decorates what draws or writes a figure of a report."""


@styled
def roc_figure(points: pa.Table, classes: Sequence[str] = SENTIMENT) -> Figure:
    """ROC curves of all models, from `curves.roc_points`."""
    if not is_binary(len(classes)):
        return _class_curves(
            points,
            x="false_positive_rate",
            title="ROC",
            labels=("texts of other classes accepted", "texts of the class found"),
        )
    negative, positive = map(plain, titles_of(classes))
    text = _text(classes)
    figure, axes = _one_plot(f"ROC on the test {text}s")
    closer = axes.inset_axes((0.36, 0.08, 0.6, 0.6), xlim=(0, 0.25), ylim=(0.75, 1))
    for part in (axes, closer):
        part.plot([0, 1], [0, 1], color=REFERENCE, linestyle="--")
        _lines(part, points, x="false_positive_rate")
    axes.indicate_inset_zoom(closer)
    axes.set(xlabel=f"{negative} {text}s called {positive}", ylabel=f"{positive} {text}s found")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    _legend_below(figure, axes)
    return figure


@styled
def precision_recall_figure(points: pa.Table, classes: Sequence[str] = SENTIMENT) -> Figure:
    """Precision-recall curves of all models, from `curves.precision_recall_points`."""
    if not is_binary(len(classes)):
        return _class_curves(
            points, x="recall", title="Precision and recall", labels=("recall", "precision")
        )
    text = _text(classes)
    figure, axes = _one_plot(f"Precision and recall on the test {text}s")
    _lines(axes, points, x="recall")
    axes.set(xlabel=f"recall of {plain(titles_of(classes)[1])} {text}s", ylabel="precision")
    axes.set(xlim=(0, 1))
    _legend_below(figure, axes)
    return figure


@styled
def calibration_figure(bins: pa.Table, classes: Sequence[str] = SENTIMENT) -> Figure:
    """Predicted against observed share, from `calibration.calibration_points`."""
    if is_binary(len(classes)):
        positive = plain(titles_of(classes)[1])
        true, predicted = f"share that is {positive}", f"predicted probability of {positive}"
    else:
        true, predicted = "share that is right", "predicted probability of the likeliest class"
    text = _text(classes)
    figure = Figure(figsize=(6.4, 5.6))
    axes, counts = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
    axes.plot([0, 1], [0, 1], color=REFERENCE, linestyle="--", label="perfectly calibrated")
    axes.plot(
        bins["mean_probability"],
        bins["positive_share"],
        color=COLORS[MODEL],
        marker="o",
        label=TITLES[MODEL],
    )
    axes.set(title=f"Calibration on the test {text}s", ylabel=true, ylim=(0, 1))
    axes.legend(loc="upper left")
    counts.bar(
        bins["mean_probability"].to_numpy(),
        bins["reviews"].to_numpy(),
        width=0.06,
        color=COLORS[MODEL],
    )
    counts.set(xlabel=predicted, ylabel=f"{text}s", xlim=(0, 1))
    return figure


@styled
def confusion_figure(counts: pa.Table, classes: Sequence[str] = SENTIMENT) -> Figure:
    """Reviews by actual and predicted class, from `curves.confusion_counts`."""
    names, cells = [plain(name) for name in titles_of(classes)], confusion_cells(counts)
    if not is_binary(len(classes)):
        return _confusion_of_many(names, cells)
    figure, axes = _one_plot(f"Confusion on the test {_text(classes)}s", size=(4.4, 4.4))
    axes.imshow(cells, cmap="Blues", vmin=0)
    for (row, column), reviews in np.ndenumerate(cells):
        share = reviews / max(cells[row].sum(), 1)
        axes.text(
            column,
            row,
            f"{reviews:,}\n{share:.1%}",
            ha="center",
            va="center",
            color="white" if reviews > cells.max() / 2 else "black",
        )
    axes.set_xticks([0, 1], names)
    axes.set_yticks([0, 1], names, rotation=90, va="center")
    _frameless(axes)
    return figure


def _confusion_of_many(names: list[str], cells: NDArray[np.int64]) -> Figure:
    """Coloured by the share of the actual class, some of which may be much larger than others."""
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    kept = most_confused(cells)
    few = len(kept) <= _FEW
    inches = 0.8 + 0.09 * max(map(len, names)) + (0.75 if few else 0.5) * len(kept)
    figure = Figure(figsize=(max(inches, 4.0), inches))
    axes = figure.subplots()
    part = len(kept) < len(names)
    _title(
        figure,
        f"Confusion of the {len(kept)} most confused of {len(names)} classes"
        if part
        else "Confusion on the test texts",
    )
    axes.imshow(shares[np.ix_(kept, kept)], cmap="Blues", vmin=0, vmax=1)
    for (row, actual), (column, predicted) in product(enumerate(kept), repeat=2):
        share = shares[actual, predicted]
        axes.text(
            column,
            row,
            f"{cells[actual, predicted]:,}" + (f"\n{share:.1%}" if few else ""),
            ha="center",
            va="center",
            fontsize="medium" if few else "small",
            color="white" if share > 0.5 else "black",  # noqa: PLR2004 - dark from half on
        )
    shown = [names[place] for place in kept]
    axes.set_xticks(range(len(kept)), shown, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(kept)), shown)
    _frameless(axes)
    return figure


def _frameless(axes: Axes) -> None:
    axes.set(xlabel="predicted", ylabel="actual")
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


@styled
def slices_figure(
    slices: Mapping[str, Mapping[str, Mapping[str, float]]],
    overall: float,
    classes: Sequence[str] = SENTIMENT,
) -> Figure:
    """Accuracy and its interval in each slice.

    Args:
        slices: The `slices` of `reports/evaluate.json`.
        overall: Accuracy on all texts.
        classes: Names of the classes.
    """
    text = _text(classes)
    titles = {"length": "words", "rating": "stars", "negation": "negation words"}
    figure = Figure(figsize=(7.0, 1.0 + 0.33 * sum(len(groups) + 1 for groups in slices.values())))
    heights = [len(groups) + 1 for groups in slices.values()]
    grid = figure.subplots(len(slices), 1, sharex=True, squeeze=False, height_ratios=heights)
    for axes, (kind, groups) in zip(grid[:, 0], slices.items(), strict=True):
        _intervals(axes, groups)
        axes.axvline(overall, color=REFERENCE, linestyle="--", label=f"all {text}s")
        axes.set_ylabel(titles[kind])
    grid[0, 0].set_title(f"Accuracy by kind of {text}")
    grid[-1, 0].set_xlabel("accuracy")
    figure.align_ylabels()
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside lower right")
    return figure


@styled
def behaviour_figure(capabilities: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Accuracy on short sentences by capability: the network with its interval, and baselines.

    Args:
        capabilities: One half of `behaviour` of `reports/evaluate.json`.
    """
    figure = Figure(figsize=(7.0, 1.9 + 0.33 * len(capabilities)))
    axes = figure.subplots()
    titles = {name: name.replace("_", " ") for name in capabilities}
    _intervals(axes, {titles[name]: numbers for name, numbers in capabilities.items()})
    axes.plot([], [], color=COLORS[MODEL], marker="o", label=TITLES[MODEL])
    for name in next(iter(capabilities.values()))["baselines"]:
        shares = [numbers["baselines"][name] for numbers in capabilities.values()]
        axes.plot(shares, range(len(shares)), "D", color=COLORS[name], label=TITLES[name], ms=5)
    axes.axvline(0.5, color=REFERENCE, linestyle="--", label="guessing")
    axes.set(title="Short sentences by capability", xlabel="accuracy", xlim=(-0.02, 1.02))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def experiments_figure(
    rows: Sequence[Mapping[str, Any]], classes: Sequence[str] = SENTIMENT
) -> Figure:
    """Accuracy and its interval in each experiment, the best on top.

    Args:
        rows: Of `reports/experiments.json`, the lowest accuracy first.
        classes: Names of the classes.
    """
    figure = Figure(figsize=(6.4, 0.8 + 0.33 * len(rows)))
    axes = figure.subplots()
    for place, row in enumerate(rows):
        low, accuracy, high = row["accuracy_low"], row["accuracy"], row["accuracy_high"]
        axes.plot([low, high], [place, place], color=COLORS[MODEL], linewidth=2.2)
        axes.plot(accuracy, place, color=COLORS[MODEL], marker="o")
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows])
    axes.set(title="Accuracy by experiment", xlabel=f"accuracy on the test {_text(classes)}s")
    axes.set_ylim(-0.5, len(rows) - 0.5)
    return figure


@styled
def learning_curve_figure(history: pa.Table) -> Figure:
    """Loss and accuracy by epoch, from `reports/history.csv`."""
    figure = Figure(figsize=(8.4, 3.6))
    plots = figure.subplots(1, 2)
    for axes, quantity in zip(plots, ("loss", "accuracy"), strict=True):
        for split, color in (("train", COLORS["tfidf"]), ("valid", COLORS[MODEL])):
            values = history[f"{split}_{quantity}"]
            axes.plot(history["epoch"], values, color=color, marker="o", label=split)
        axes.set(title=quantity.capitalize(), xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
    plots[0].legend()
    return figure


@styled
def seeds_figure(results: Mapping[str, Any]) -> Figure:
    """Accuracy and its interval under each seed, their mean, and the baselines.

    Args:
        results: Contents of `reports/seeds.json`.
    """
    figure = Figure(figsize=(7.0, 1.4 + 0.33 * results["n"]))
    axes = figure.subplots()
    _intervals(axes, {f"seed {run['seed']}": run for run in results["runs"]})
    mean = results["accuracy_mean"]
    axes.axvline(mean, color=COLORS[MODEL], label=f"mean {mean:.4f}")
    for name, accuracy in results["baselines"].items():
        axes.axvline(accuracy, color=COLORS[name], linestyle="--", label=TITLES[name])
    axes.set(title="Test accuracy under several seeds", xlabel="accuracy")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@styled
def write_figure(path: Path, figure: Figure) -> None:
    """Write a PNG in 128 colours, a third of the size and with nothing that changes by run."""
    drawn = BytesIO()
    figure.savefig(drawn, format="png")
    picture = Image.open(drawn).convert("RGB")
    with replacing(path) as unfinished:
        picture.quantize(128, dither=Image.Dither.NONE).save(
            unfinished, format="png", optimize=True
        )


def _class_curves(points: pa.Table, x: str, title: str, labels: tuple[str, str]) -> Figure:
    """The models, averaged over the classes, and below them the network on each class."""
    of_classes = [name for name in points.column_names if name.startswith(OF_CLASS)]
    figure = Figure(figsize=(6.4, 9.2 if of_classes else 4.8))
    _title(figure, f"{title}, each class against the rest")
    first, *others = figure.subplots(2 if of_classes else 1, 1, squeeze=False)[:, 0]
    _lines(first, points.drop_columns(of_classes), x)
    first.legend(title="mean of the classes")
    for axes in others:
        lines = [
            axes.plot(points[x], points[name], color=color, linewidth=1.4)[0]
            for name, color in zip(of_classes, mpl.color_sequences["tab10"], strict=False)
        ]
        names = [plain(name.removeprefix(OF_CLASS)) for name in of_classes]
        axes.legend(lines, names, title=f"{TITLES[MODEL]}, by class")
    for axes in (first, *others):
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=labels[0], ylabel=labels[1])
    return figure


def _title(figure: Figure, text: str) -> None:
    """As wide as the figure; that of its axes begins where they do."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=12, fontweight="bold")


def _text(classes: Sequence[str]) -> str:
    """What is classified."""
    return "review" if tuple(classes) == SENTIMENT else "text"


def _one_plot(title: str, size: tuple[float, float] = (6.4, 4.8)) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size)
    axes = figure.subplots()
    axes.set_title(title)
    return figure, axes


def _lines(axes: Axes, points: pa.Table, x: str) -> None:
    """One line a model; the network last, on top of the others."""
    for name in sorted(set(points.column_names) - {x}, key=lambda name: (name == MODEL, name)):
        axes.plot(
            points[x],
            points[name],
            color=COLORS[name],
            label=TITLES[name],
            linewidth=2.2 if name == MODEL else 1.4,
        )


def _legend_below(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside lower center", ncols=len(labels))


def _intervals(axes: Axes, groups: Mapping[str, Mapping[str, float]]) -> None:
    """A dot with its interval for each group, the first on top."""
    rows = list(range(len(groups)))
    values = np.array(
        [[g["accuracy"], g["accuracy_low"], g["accuracy_high"]] for g in groups.values()]
    )
    accuracy, low, high = values.T
    axes.errorbar(
        accuracy,
        rows,
        xerr=[np.maximum(accuracy - low, 0), np.maximum(high - accuracy, 0)],
        fmt="o",
        color=COLORS[MODEL],
        capsize=3,
    )
    axes.set_yticks(
        rows, [f"{name}  ({g['n']:,})" if "n" in g else name for name, g in groups.items()]
    )
    axes.set_ylim(len(groups) - 0.5, -0.5)
