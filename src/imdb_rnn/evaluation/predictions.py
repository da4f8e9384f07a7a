"""Tables of predictions, one row a review in the order of the review table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from imdb_rnn.data.classes import SENTIMENT, class_metadata
from imdb_rnn.errors import UserError
from imdb_rnn.io.atomic import replacing

Probabilities = Mapping[str, NDArray[np.float64]]
"""Model name -> probability of the second of two classes [reviews], or of each of more [reviews,
classes]."""

MODEL: Final = "rnn"
"""Name of the recurrent network among the models; the others are baselines."""
TITLES: Final = {MODEL: "recurrent network", "nb": "NB-weighted n-grams", "tfidf": "tf-idf n-grams"}
"""How people call each model."""


class Predictions(NamedTuple):
    """The test reviews as one model sees them."""

    ids: list[str]
    labels: NDArray[np.int8]
    """Place of the class of each among `classes` [reviews]."""
    probability: NDArray[np.float64]
    """As in `Probabilities`."""
    classes: tuple[str, ...] = SENTIMENT
    """Their names."""


def write_predictions(
    path: Path,
    reviews: pa.Table,
    columns: Mapping[str, NDArray[Any]],
    classes: Sequence[str] = SENTIMENT,
) -> None:
    """Write id, label and the given columns as parquet; equal values make equal bytes.

    Args:
        path: Of the table.
        reviews: A review table.
        columns: A number a review [reviews], or one for each class [reviews, classes].
        classes: Their names; they travel with the table.
    """
    table = reviews.select(["id", "label"]).replace_schema_metadata(class_metadata(classes) or None)
    for name, values in columns.items():
        flat = pa.array(values.ravel())
        wide = values.ndim > 1
        column = pa.FixedSizeListArray.from_arrays(flat, values.shape[1]) if wide else flat
        table = table.append_column(name, column)
    with replacing(path) as unfinished:
        pq.write_table(table, unfinished, compression="zstd")


def read_probabilities(path: Path, ids: Sequence[str], made_by: str) -> Probabilities:
    """The probability of positive that each model of a prediction table gave.

    Args:
        path: Written by `write_predictions`.
        ids: The reviews that are evaluated, in order.
        made_by: Stage that writes the table, for the message.

    Raises:
        UserError: The table is missing or damaged, or is of other reviews.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise _unusable(path, error, made_by) from None
    if not {"id", "label"} <= set(table.column_names):
        raise _unusable(path, "it lacks the columns id and label", made_by)
    require_same_reviews(ids, table["id"].to_pylist(), origin=str(path), made_by=made_by)
    names = [name for name in table.column_names if name not in {"id", "label"}]
    if not all(pa.types.is_floating(table.schema.field(name).type) for name in names):
        raise _unusable(path, "not all of its probabilities are numbers", made_by)
    return {name: table[name].to_numpy().astype(np.float64) for name in names}


def _unusable(path: Path, what: object, made_by: str) -> UserError:
    return UserError(
        f"{path}: these predictions cannot be read: {what}. Run `dvc repro {made_by}`."
    )


def read_predictions(path: Path, origin: str) -> Predictions:
    """The reviews of `reports/predictions.parquet`.

    Args:
        path: Written by the stage `evaluate`.
        origin: What messages call it.

    Raises:
        UserError: It is not a parquet file, lacks a column, or holds what is no
            prediction.
    """
    try:
        with path.open("rb") as file:  # pyarrow opens no name that is not UTF-8
            table = pq.read_table(file)
        if any(table.column_names.count(name) != 1 for name in _SCHEMA.names):
            needed, found = (", ".join(names) for names in (_SCHEMA.names, table.column_names))
            raise _no_predictions(origin, f"columns {needed} are needed, and there are {found}")
        table = table.select(_SCHEMA.names).cast(_SCHEMA)
        predictions = Predictions(*(column.to_numpy() for column in table.columns))
    except (OSError, ValueError) as error:  # pyarrow's own errors are kinds of these
        raise _no_predictions(origin, str(error).partition("\n")[0].rstrip(".")) from None
    if set(predictions.labels) != {0, 1}:
        raise _no_predictions(origin, "labels 0 and 1 must both occur, and no others")
    if not ((predictions.probability >= 0) & (predictions.probability <= 1)).all():
        raise _no_predictions(origin, "probabilities must lie between 0 and 1")
    return predictions._replace(ids=list(predictions.ids))


_SCHEMA: Final = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("label", pa.int8(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),
    ]
)


def _no_predictions(origin: str, what: str) -> UserError:
    return UserError(
        f"{origin}: these are not predictions of test reviews: {what}. "
        f"`dvc repro evaluate` writes some to reports/predictions.parquet."
    )


def require_same_reviews(
    expected: Sequence[str], found: Sequence[str], origin: str, made_by: str
) -> None:
    """Refuse to compare predictions on different reviews.

    Raises:
        UserError: The ids differ in number, in order or at all.
    """
    if list(expected) == list(found):
        return
    if len(expected) != len(found):
        what = f"{len(found):,} reviews where {len(expected):,} are expected"
    else:
        row = next(
            i for i, pair in enumerate(zip(expected, found, strict=True)) if len(set(pair)) > 1
        )
        what = f"{found[row]} in row {row} where {expected[row]} is expected"
    raise UserError(f"{origin}: these are not the test reviews: {what}. Run `dvc repro {made_by}`.")
