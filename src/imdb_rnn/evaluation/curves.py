"""The points behind the figures, few enough for `dvc plots`."""

from collections.abc import Callable, Sequence
from math import isqrt
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

from imdb_rnn.data.classes import SENTIMENT, likeliest, titles_of
from imdb_rnn.evaluation.metrics import against_the_rest
from imdb_rnn.evaluation.predictions import MODEL, Probabilities
from imdb_rnn.io.atomic import replacing

OF_CLASS: Final = "class "
"""Begins the name of a column that holds the network's curve of one class."""
MOST_DRAWN: Final = 10
"""Classes that have a curve each; of more, the average alone is drawn."""
MOST_CONFUSED: Final = 20
"""Classes whose confusion can be read."""

_POINTS: Final = 201
_DECIMALS: Final = 6

_Curve = Callable[[NDArray[Any], NDArray[np.float64]], NDArray[np.float64]]
"""From labels, or whether each review is of a class, and a probability each."""


def roc_points(
    labels: NDArray[np.int8], probabilities: Probabilities, classes: Sequence[str] = SENTIMENT
) -> pa.Table:
    """Share of positives found over share of negatives accepted.

    Returns:
        false_positive_rate and, a column for each model, the true-positive rate there. Points are
        denser on the left, where the curve bends. More than two classes are each held against the
        rest: a model's column is the average over those that occur, and the network's curve of
        each is in a column of its own (`OF_CLASS`).
    """
    grid = np.linspace(0, 1, _POINTS) ** 2

    def found(of_class: NDArray[Any], probability: NDArray[np.float64]) -> NDArray[np.float64]:
        false_positives, true_positives, _ = roc_curve(of_class, probability)
        there: NDArray[np.float64] = np.interp(grid, false_positives, true_positives)
        return there

    return pa.table({"false_positive_rate": grid, **_curves(found, labels, probabilities, classes)})


def precision_recall_points(
    labels: NDArray[np.int8], probabilities: Probabilities, classes: Sequence[str] = SENTIMENT
) -> pa.Table:
    """Precision at the strictest threshold that reaches each recall.

    Returns:
        recall and the precision there, in the columns of `roc_points`.
    """
    grid = np.linspace(0, 1, _POINTS)[1:]

    def precise(of_class: NDArray[Any], probability: NDArray[np.float64]) -> NDArray[np.float64]:
        precision, recall, _ = precision_recall_curve(of_class, probability)
        reached: NDArray[np.float64] = precision[::-1][np.searchsorted(recall[::-1], grid)]
        return reached

    return pa.table({"recall": grid, **_curves(precise, labels, probabilities, classes)})


def _curves(
    curve: _Curve,
    labels: NDArray[np.int8],
    probabilities: Probabilities,
    classes: Sequence[str],
) -> dict[str, NDArray[np.float64]]:
    """Column -> values: of each model, and of each of a few classes."""
    if probabilities[MODEL].ndim == 1:
        return {name: curve(labels, given) for name, given in probabilities.items()}
    each = {
        name: [curve(*column) for column in zip(*_columns(labels, given), strict=True)]
        for name, given in probabilities.items()
    }
    columns = {name: np.mean(curves, axis=0) for name, curves in each.items()}
    if len(classes) <= MOST_DRAWN:
        occurring = [OF_CLASS + classes[label] for label in np.unique(labels)]
        columns |= dict(zip(occurring, each[MODEL], strict=True))
    return columns


def _columns(
    labels: NDArray[np.int8], probability: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    of_class, given = against_the_rest(labels, probability)
    return of_class.T, given.T


def confusion_counts(
    labels: NDArray[np.int8],
    probability: NDArray[np.float64],
    classes: Sequence[str] = SENTIMENT,
) -> pa.Table:
    """Reviews of each actual and predicted class: actual, predicted, reviews; a row a pair."""
    places = np.arange(len(classes))
    names = titles_of(classes)
    return pa.table(
        {
            "actual": [name for name in names for _ in names],
            "predicted": [name for _ in names for name in names],
            "reviews": confusion_matrix(labels, likeliest(probability), labels=places).ravel(),
        }
    )


def confusion_cells(counts: pa.Table) -> NDArray[np.int64]:
    """Reviews [actual, predicted] from `confusion_counts`."""
    classes = isqrt(len(counts))
    cells: NDArray[np.int64] = counts["reviews"].to_numpy().reshape(classes, classes)
    return cells


def most_confused(cells: NDArray[np.int64], count: int = MOST_CONFUSED) -> NDArray[np.int64]:
    """Places of the classes with the most mistakes, their own and those of others for them.

    Args:
        cells: Reviews [actual, predicted].
        count: How many classes at most.

    Returns:
        Their places, in the order of the classes.
    """
    mistakes = cells.sum(axis=0) + cells.sum(axis=1) - 2 * np.diag(cells)
    return np.sort(np.argsort(-mistakes, kind="stable")[:count])


def write_points(path: Path, points: pa.Table, decimals: int | None = _DECIMALS) -> None:
    """Write points as CSV; equal points make equal bytes.

    Args:
        path: Its folder is made.
        points: A column each.
        decimals: Places to round to; None writes numbers of any size as they are.
    """
    columns = [
        pc.round(column, decimals)
        if decimals is not None and pa.types.is_floating(column.type)
        else column
        for column in points.columns
    ]
    quoting = "needed" if any(map(_needs_quotes, columns)) else "none"
    with replacing(path) as unfinished:
        pyarrow.csv.write_csv(
            pa.table(columns, names=points.column_names),
            unfinished,
            pyarrow.csv.WriteOptions(quoting_style=quoting),
        )


def _needs_quotes(column: pa.ChunkedArray) -> bool:
    """Whether a name of a class has what would end its place in a row."""
    return pa.types.is_string(column.type) and bool(
        pc.any(pc.match_substring_regex(column, '[",\r\n]')).as_py()
    )


def read_points(path: Path) -> pa.Table:
    """Read what `write_points` wrote; names stay texts, also those that look like numbers."""
    return pyarrow.csv.read_csv(
        path,
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={"actual": pa.string(), "predicted": pa.string()}
        ),
    )
