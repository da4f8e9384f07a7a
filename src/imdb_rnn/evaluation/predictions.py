"""Tables of predictions, one row a review in the order of the review table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from imdb_rnn.data.classes import SENTIMENT, class_metadata, classes_in, is_binary
from imdb_rnn.errors import UserError
from imdb_rnn.io.atomic import replacing
from imdb_rnn.io.parquet_file import read_table

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


def read_probabilities(
    path: Path, ids: Sequence[str], made_by: str, classes: Sequence[str] = SENTIMENT
) -> Probabilities:
    """The probabilities that each model of a prediction table gave.

    Args:
        path: Written by `write_predictions`.
        ids: The reviews that are evaluated, in order.
        made_by: Stage that writes the table, for the message.
        classes: Of the reviews that are evaluated.

    Raises:
        UserError: The table is missing or damaged, or is of other reviews or classes.
    """
    try:
        table = read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise _unusable(path, error, made_by) from None
    if not {"id", "label"} <= set(table.column_names):
        raise _unusable(path, "it lacks the columns id and label", made_by)
    require_same_reviews(ids, table["id"].to_pylist(), origin=str(path), made_by=made_by)
    names = [name for name in table.column_names if name not in {"id", "label"}]
    try:
        found = _classes(table.schema)
        probabilities = {name: _as_array(table[name], len(found)) for name in names}
    except ValueError as problem:
        raise _unusable(path, problem, made_by) from None
    if found != tuple(classes):
        told = f"their classes are {listed(found)}, those of the test reviews {listed(classes)}"
        raise _unusable(path, told, made_by)
    return probabilities


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
        UserError: It is not a parquet file, lacks a column, or holds what is no prediction.
    """
    try:
        with path.open("rb") as file:  # pyarrow opens no name that is not UTF-8
            table = read_table(file)
        classes = _classes(table.schema)
        if any(table.column_names.count(name) != 1 for name in _COLUMNS):
            needed, found = (", ".join(names) for names in (_COLUMNS, table.column_names))
            raise _no_predictions(origin, f"columns {needed} are needed, and there are {found}")
        ids, labels = table["id"].cast(pa.string()), table["label"].cast(pa.int8())
        if ids.null_count or labels.null_count:
            raise _no_predictions(origin, "there is a null among the ids or labels")
        predictions = Predictions(
            ids.to_pylist(),
            labels.to_numpy(),
            _as_array(table["probability"], len(classes)),
            classes,
        )
    except (OSError, ValueError) as error:  # pyarrow's own errors are kinds of these
        raise _no_predictions(origin, str(error).partition("\n")[0].rstrip(".")) from None
    _require_labels(predictions, origin)
    return predictions


_COLUMNS: Final = ("id", "label", "probability")


def _require_labels(predictions: Predictions, origin: str) -> None:
    occurring, classes = np.unique(predictions.labels), len(predictions.classes)
    if is_binary(classes) and occurring.tolist() != [0, 1]:
        raise _no_predictions(origin, "labels 0 and 1 must both occur, and no others")
    if len(occurring) < 2 or occurring[0] < 0 or occurring[-1] >= classes:  # noqa: PLR2004 - to tell
        told = f"labels must be from 0 to {classes - 1}, and at least two must occur"
        raise _no_predictions(origin, told)


def _classes(schema: pa.Schema) -> tuple[str, ...]:
    """The classes that a table of predictions names.

    Raises:
        ValueError: What it names are no classes.
    """
    try:
        classes = classes_in(schema.metadata)
    except TypeError:
        classes = ()
    if not 2 <= len(set(classes)) == len(classes) or not all(  # noqa: PLR2004 - fewer are no choice
        isinstance(name, str) for name in classes
    ):
        raise ValueError("the classes that its schema names are not two or more different texts")
    return classes


def listed(classes: Sequence[str]) -> str:
    """At most five names of classes, and how many more there are."""
    more = len(classes) - _LISTED
    return ", ".join(classes[:_LISTED]) + (f" and {more} more" if more > 0 else "")


_LISTED: Final = 5


def _as_array(column: pa.ChunkedArray, classes: int) -> NDArray[np.float64]:
    """Probabilities as `Probabilities` has them; those of more than two classes sum to one.

    Raises:
        ValueError: They are none.
    """
    single = is_binary(classes)
    try:
        given = column.combine_chunks().cast(
            pa.float64() if single else pa.list_(pa.float64(), classes)
        )
    except pa.ArrowException:
        told = "a number" if single else f"a list of {classes} numbers"
        raise ValueError(f"probabilities must be {told} each, not {column.type}") from None
    if given.null_count:
        raise ValueError("there is a null among the probabilities")
    values: NDArray[np.float64] = (given if single else given.flatten()).to_numpy(
        zero_copy_only=False
    )
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("probabilities must lie between 0 and 1")
    return values if single else _summing_to_one(values.reshape(-1, classes))


def _summing_to_one(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same without what single precision has rounded away."""
    sums = values.sum(axis=1, keepdims=True)
    if not (np.abs(sums - 1) < _ROUNDING).all():
        raise ValueError("the probabilities of each review must sum to 1")
    scaled: NDArray[np.float64] = values / sums
    return scaled


_ROUNDING: Final = 1e-4
"""Far more than single precision leaves of a sum of a hundred numbers, far less than an error."""


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
