"""Predictions for any number of texts, in memory that does not grow with them."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from math import ceil
from typing import Final, Literal, NamedTuple, TextIO

import numpy as np
import torch
from numpy.typing import NDArray

from imdb_rnn.console import Advance, error_console
from imdb_rnn.data.rows import Row
from imdb_rnn.errors import UserError
from imdb_rnn.messages import printable
from imdb_rnn.models.predictor import NOTHING_KNOWN, Predictor, unknown_share
from imdb_rnn.serving.texts import Texts

# The first answers come soon; later many texts are sorted by length together, so that batches hold
# hardly any padding. Bounded in characters too, because a text may be as long as it likes.
FIRST_ROWS: Final = 64
MOST_ROWS: Final = 4096
MOST_CHARACTERS: Final = 4_000_000
MOST_AT_ONCE: Final = 512
"""Reviews of a batch: a step in Python serves them all, and their states stay in a core's cache."""

MOSTLY_UNKNOWN: Final = 0.5
_Read = tuple[list[Row], list[NDArray[np.int32]]]
"""Rows, and the token ids of each."""
_ROWS_NAMED: Final = 5
_SHOWN: Final = 60

Format = Literal["table", "jsonl", "csv"]
Errors = Literal["fail", "skip"]


class Prediction(NamedTuple):
    """What the model says about a row, or why it says nothing."""

    row: Row
    """With the reason in `problem` where there is no prediction."""
    probability: float
    """Of positive; not a number where there is no prediction."""
    unknown_words: float
    """Share of the words that the model does not know."""

    @property
    def label(self) -> str:
        """The likelier class."""
        return "pos" if self.probability > 0.5 else "neg"  # noqa: PLR2004 - even odds


def write_predictions(  # noqa: PLR0913 - each is a choice of the user
    predictor: Predictor,
    texts: Texts,
    out: TextIO,
    *,
    form: Format,
    errors: Errors,
    advance: Advance | None = None,
) -> None:
    """Predict a source from beginning to end and write a line a row.

    Rows left out, and rows that consist mostly of unknown words, are named on standard error.

    Args:
        predictor: The model.
        texts: Read once, a bounded number of rows at a time.
        out: Takes the lines; flushed after each piece of work.
        form: `jsonl` has row, label, probability and unknown_words; `csv` the same as columns.
        errors: `fail` ends at the first row that cannot be used, `skip` goes on without it.
        advance: Told how far the source has been read.

    Raises:
        UserError: There is no row, or one cannot be used and `errors` is `fail`. What was
            predicted before has been written.
    """
    header, line = _FORMATS[form]
    out.write(header)
    report = _Report(texts.origin)
    read = 0
    for predictions in predict_rows(predictor, texts):
        for prediction in predictions:
            report.take(prediction)
            if not prediction.row.problem:
                out.write(line(prediction))
            elif errors == "fail":
                out.flush()
                raise report.refusal(prediction.row)
            else:
                report.name_left_out(prediction.row)
        out.flush()
        if advance:
            advance(predictions[-1].row.end - read)
        read = predictions[-1].row.end
    report.conclude()


def predict_rows(predictor: Predictor, texts: Texts) -> Iterator[list[Prediction]]:
    """Predictions of rows in their order, a list for each piece of work.

    The cores work on batches of their own. This is much faster than sharing out each of the many
    small steps of a recurrent network, above all where other programs keep a core busy.
    A row without a known word comes back with that as its problem.
    """
    # One unknown word where there is no text.
    read = ((piece, predictor.read([row.text for row in piece])) for piece in _pieces(texts))
    # Who writes to standard input, which has no known end, may wait for an answer before the next.
    ordered = read if texts.total is None else _ahead(read)
    with _one_thread_a_batch() as (threads, pool):
        for piece, reviews in ordered:
            yield _predict_piece(predictor, piece, reviews, threads, pool)


def _ahead(items: Iterator[_Read]) -> Iterator[_Read]:
    """Each item is made while the one before it is worked on."""
    with ThreadPoolExecutor(1) as reader:
        upcoming = reader.submit(next, items, None)
        while (item := upcoming.result()) is not None:
            upcoming = reader.submit(next, items, None)
            yield item


@contextmanager
def _one_thread_a_batch() -> Iterator[tuple[int, Executor]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            yield threads, pool
    finally:
        torch.set_num_threads(threads)


def _pieces(texts: Texts) -> Iterator[list[Row]]:
    """Rows in lists of bounded size; what was read before a refusal comes before it."""
    piece: list[Row] = []
    limit, characters = (1 if texts.interactive else FIRST_ROWS), 0
    try:
        for row in texts.rows:
            piece.append(row)
            characters += len(row.text)
            if len(piece) >= limit or characters >= MOST_CHARACTERS:
                yield piece
                piece, characters = [], 0
                limit = limit if texts.interactive else min(2 * limit, MOST_ROWS)
    except UserError:
        if piece:
            yield piece
        raise
    if piece:
        yield piece


def _predict_piece(
    predictor: Predictor,
    piece: list[Row],
    reviews: list[NDArray[np.int32]],
    threads: int,
    pool: Executor,
) -> list[Prediction]:
    unknown = [unknown_share(review) for review in reviews]
    known = [i for i, share in enumerate(unknown) if share < 1]
    # From the longest on, so that no core is left with a long batch at the end.
    known.sort(key=lambda i: len(reviews[i]), reverse=True)
    size = max(1, min(MOST_AT_ONCE, ceil(len(known) / threads)))
    batches = [known[begin : begin + size] for begin in range(0, len(known), size)]
    predict = predictor.predict_tokens if len(piece) <= FIRST_ROWS else predictor.predict_many
    probability = np.full(len(piece), np.nan)
    predicted = pool.map(predict, ([reviews[i] for i in batch] for batch in batches))
    for batch, probabilities in zip(batches, predicted, strict=True):
        probability[batch] = probabilities
    return [
        Prediction(
            row if row.problem or share < 1 else row._replace(problem=NOTHING_KNOWN),
            float(positive),
            share,
        )
        for row, positive, share in zip(piece, probability, unknown, strict=True)
    ]


class _Report:
    """Counts what a user should know besides the predictions, and says it on standard error."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._rows = self._left_out = self._doubtful = 0
        self._first_doubtful: list[int] = []

    def take(self, prediction: Prediction) -> None:
        self._rows += 1
        if prediction.row.problem:
            self._left_out += 1
        elif prediction.unknown_words > MOSTLY_UNKNOWN:
            self._doubtful += 1
            if self._doubtful <= _ROWS_NAMED:
                self._first_doubtful.append(prediction.row.number)

    def refusal(self, row: Row) -> UserError:
        return UserError(
            f"{self._origin}, row {row.number}: {row.problem}. The rows before it are predicted; "
            f"fix it, or leave such rows out with --errors skip."
        )

    def name_left_out(self, row: Row) -> None:
        error_console.print(f"{self._origin}, row {row.number}: left out, {row.problem}")

    def conclude(self) -> None:
        if self._rows == 0:
            raise UserError(f"{self._origin}: no texts. At least one is needed.")
        if self._left_out == self._rows:
            raise UserError(
                f"{self._origin}: none of its {self._rows:,} rows can be used, for the reasons "
                "above."
            )
        if self._left_out:
            error_console.print(
                f"{self._left_out:,} of {self._rows:,} rows left out", style="yellow"
            )
        if self._doubtful:
            named = ", ".join(map(str, self._first_doubtful))
            more = ", ..." if self._doubtful > _ROWS_NAMED else ""
            error_console.print(
                f"most words are unknown to the model in {self._doubtful:,} of {self._rows:,} rows "
                f"({named}{more}): trust their probabilities less",
                style="yellow",
            )


def _table_line(prediction: Prediction) -> str:
    row = prediction.row
    # One line without control characters, which could do anything to a terminal.
    shown = printable(" ".join(row.text[: 2 * _SHOWN].split()))
    if len(shown) > _SHOWN:
        shown = shown[: _SHOWN - 1] + "…"
    return f"{row.number:>7}  {prediction.label:<5}  {prediction.probability:>11.4f}  {shown}\n"


def _json_line(prediction: Prediction) -> str:
    return json.dumps(_fields(prediction)) + "\n"


def _csv_line(prediction: Prediction) -> str:
    return ",".join(map(str, _fields(prediction).values())) + "\n"


def _fields(prediction: Prediction) -> dict[str, int | str | float]:
    return {
        "row": prediction.row.number,
        "label": prediction.label,
        "probability": round(prediction.probability, 6),
        "unknown_words": round(prediction.unknown_words, 4),
    }


_FORMATS: Final[dict[Format, tuple[str, Callable[[Prediction], str]]]] = {
    "table": (f"{'row':>7}  {'label':<5}  {'probability':>11}  text\n", _table_line),
    "jsonl": ("", _json_line),
    "csv": ("row,label,probability,unknown_words\n", _csv_line),
}
