"""The points behind the figures, few enough for `dvc plots`."""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

from imdb_rnn.evaluation.metrics import predicted_labels
from imdb_rnn.evaluation.predictions import Probabilities
from imdb_rnn.io.atomic import replacing

CLASSES: Final = ("negative", "positive")

_POINTS: Final = 201
_DECIMALS: Final = 6


def roc_points(labels: NDArray[np.int8], probabilities: Probabilities) -> pa.Table:
    """Share of positives found over share of negatives accepted.

    Returns:
        false_positive_rate and, a column for each model, the true-positive rate there. Points are
        denser on the left, where the curve bends.
    """
    grid = np.linspace(0, 1, _POINTS) ** 2
    curves = {"false_positive_rate": grid}
    for name, probability in probabilities.items():
        false_positives, true_positives, _ = roc_curve(labels, probability)
        curves[name] = np.interp(grid, false_positives, true_positives)
    return pa.table(curves)


def precision_recall_points(labels: NDArray[np.int8], probabilities: Probabilities) -> pa.Table:
    """Precision at the strictest threshold that reaches each recall.

    Returns:
        recall and, a column for each model, the precision there.
    """
    grid = np.linspace(0, 1, _POINTS)[1:]
    curves = {"recall": grid}
    for name, probability in probabilities.items():
        precision, recall, _ = precision_recall_curve(labels, probability)
        curves[name] = precision[::-1][np.searchsorted(recall[::-1], grid)]
    return pa.table(curves)


def confusion_counts(labels: NDArray[np.int8], probability: NDArray[np.float64]) -> pa.Table:
    """Reviews of each actual and predicted class: actual, predicted, reviews; four rows."""
    counts = confusion_matrix(labels, predicted_labels(probability), labels=[0, 1])
    return pa.table(
        {
            "actual": [name for name in CLASSES for _ in CLASSES],
            "predicted": [name for _ in CLASSES for name in CLASSES],
            "reviews": counts.ravel(),
        }
    )


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
    with replacing(path) as unfinished:
        pyarrow.csv.write_csv(
            pa.table(columns, names=points.column_names),
            unfinished,
            pyarrow.csv.WriteOptions(quoting_style="none"),
        )
