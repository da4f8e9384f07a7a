"""What the model says about texts, and how that is written down."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imdb_rnn.data.classes import class_columns, is_binary, likeliest
from imdb_rnn.data.rows import Row
from imdb_rnn.messages import printable

Format = Literal["table", "jsonl", "csv"]
_SHOWN: Final = 60
_LABEL: Final = len("label")


class Prediction(NamedTuple):
    """What the model says about a row, or why it says nothing."""

    row: Row
    """With the reason in `problem` where there is no prediction."""
    classes: tuple[str, ...]
    """Names of the classes that the model knows."""
    probabilities: NDArray[np.float32]
    """Of the second of two classes [], or of each of more [classes]; not numbers where there is no
    prediction."""
    unknown_words: float
    """Share of the words that the model does not know."""

    @property
    def label(self) -> str:
        """The likeliest class."""
        (place,) = likeliest(self.probabilities[None])
        return self.classes[int(place)]

    @property
    def probability(self) -> float:
        """Of the second of two classes, or of the likeliest of more."""
        return float(self.probabilities.max())

    @property
    def by_class(self) -> dict[str, float]:
        """Probability of each of more than two classes; nothing where one number says all."""
        if is_binary(len(self.classes)):
            return {}
        return dict(zip(self.classes, map(float, self.probabilities), strict=True))


class Lines(NamedTuple):
    """How predictions become lines."""

    header: str
    line: Callable[[Prediction], str]


def table_lines(classes: Sequence[str]) -> Lines:
    """For people: one line a row, with the beginning of its text."""
    width = max(_LABEL, *(len(printable(name)) for name in classes))
    # Of two classes it is that of the second, whatever the label beside it.
    heading = (
        f"probability of {printable(classes[1])}" if is_binary(len(classes)) else "probability"
    )

    def line(prediction: Prediction) -> str:
        row = prediction.row
        # One line without control characters, which could do anything to a terminal.
        shown = printable(" ".join(row.text[: 2 * _SHOWN].split()))
        if len(shown) > _SHOWN:
            shown = shown[: _SHOWN - 1] + "…"
        label = printable(prediction.label)
        probability = f"{prediction.probability:.4f}".rjust(len(heading))
        return f"{row.number:>7}  {label:<{width}}  {probability}  {shown}\n"

    return Lines(f"{'row':>7}  {'label':<{width}}  {heading}  text\n", line)


def json_lines(_: Sequence[str]) -> Lines:
    """An object a row; of more than two classes it holds the probability of each."""

    def line(prediction: Prediction) -> str:
        by_class = {name: _rounded(value) for name, value in prediction.by_class.items()}
        fields = {
            "row": prediction.row.number,
            "label": prediction.label,
            "probability": _rounded(prediction.probability),
            **({"probabilities": by_class} if by_class else {}),
            "unknown_words": round(prediction.unknown_words, 4),
        }
        return json.dumps(fields) + "\n"

    return Lines("", line)


def csv_lines(classes: Sequence[str]) -> Lines:
    """The same as columns, with one for each of more than two classes."""

    def line(prediction: Prediction) -> str:
        return _csv_record(
            prediction.row.number,
            prediction.label,
            _rounded(prediction.probability),
            *map(_rounded, prediction.by_class.values()),
            round(prediction.unknown_words, 4),
        )

    names = ["row", "label", "probability", *class_columns(classes), "unknown_words"]
    return Lines(_csv_record(*names), line)


FORMATS: Final[dict[Format, Callable[[Sequence[str]], Lines]]] = {
    "table": table_lines,
    "jsonl": json_lines,
    "csv": csv_lines,
}


def as_table(predictions: Sequence[Prediction], classes: Sequence[str]) -> pa.Table:
    """The columns of `csv_lines`, with unrounded float32 probabilities."""
    by_class = zip(*(prediction.by_class.values() for prediction in predictions), strict=True)
    names = class_columns(classes)
    columns = {
        "row": pa.array([prediction.row.number for prediction in predictions], pa.int64()),
        "label": pa.array([prediction.label for prediction in predictions], pa.string()),
        "probability": _floats([prediction.probability for prediction in predictions]),
        **{
            name: _floats(values)
            for name, values in zip(names, list(by_class) or [()] * len(names), strict=True)
        },
        "unknown_words": _floats([prediction.unknown_words for prediction in predictions]),
    }
    return pa.table(columns)


def _floats(values: Sequence[float]) -> pa.Array:
    return pa.array(values, pa.float32())


def _rounded(probability: float) -> float:
    return round(probability, 6)


def _csv_record(*values: object) -> str:
    record = io.StringIO()
    csv.writer(record, lineterminator="\n").writerow(values)
    return record.getvalue()
