"""Predictions for any number of texts, in memory that does not grow with them."""

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Final, Literal, TextIO

import numpy as np
import torch
from numpy.typing import NDArray

from imdb_rnn.console import Advance, error_console
from imdb_rnn.data.classes import shape_of
from imdb_rnn.data.rows import Row
from imdb_rnn.errors import UserError
from imdb_rnn.models.predictor import NOTHING_KNOWN, Predictor, unknown_share
from imdb_rnn.serving.answers import FORMATS, Format, Prediction
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

_REMEDY: Final = (
    "The rows before it are predicted; fix it, or leave such rows out with --errors skip."
)

Errors = Literal["fail", "skip"]


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
        form: See `answers`.
        errors: `fail` ends at the first row that cannot be used, `skip` goes on without it.
        advance: Told how far the source has been read.

    Raises:
        UserError: There is no row, or one cannot be used and `errors` is `fail`. What was
            predicted before has been written.
    """
    lines = FORMATS[form](predictor.classes)
    out.write(lines.header)
    report = Report(texts.origin)
    read = 0
    for predictions in predict_rows(predictor, texts):
        try:
            out.writelines(map(lines.line, report.usable(predictions, errors, _REMEDY)))
        finally:
            out.flush()
        if advance:
            advance(predictions[-1].row.end - read)
        read = predictions[-1].row.end
    report.conclude()


def predict_rows(
    predictor: Predictor, texts: Texts, first: int = FIRST_ROWS
) -> Iterator[list[Prediction]]:
    """Predictions of rows in their order, a list for each piece of work.

    The cores work on batches of their own. This is much faster than sharing out each of the many
    small steps of a recurrent network, above all where other programs keep a core busy.
    A row without a known word comes back with that as its problem.

    Args:
        predictor: The model.
        texts: Read once, a bounded number of rows at a time.
        first: Rows of the first piece; each has twice as many as the one before it, to a bound.
    """
    # One unknown word where there is no text.
    read = ((piece, predictor.read([row.text for row in piece])) for piece in _pieces(texts, first))
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


def _pieces(texts: Texts, first: int) -> Iterator[list[Row]]:
    """Rows in lists of bounded size; what was read before a refusal comes before it."""
    piece: list[Row] = []
    limit, characters = (1 if texts.interactive else first), 0
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
    shape = shape_of(len(piece), len(predictor.classes))
    probabilities = np.full(shape, np.nan, dtype=np.float32)
    predicted = pool.map(predict, ([reviews[i] for i in batch] for batch in batches))
    for batch, found in zip(batches, predicted, strict=True):
        probabilities[batch] = found
    return [
        Prediction(
            row if row.problem or share < 1 else row._replace(problem=NOTHING_KNOWN),
            predictor.classes,
            probabilities[number, ...],
            share,
        )
        for number, (row, share) in enumerate(zip(piece, unknown, strict=True))
    ]


@dataclass
class Report:
    """Counts what a user should know besides the predictions, and says it on standard error."""

    origin: str
    """Of the texts."""
    rows: int = 0
    left_out: int = 0
    doubtful: int = 0
    """Rows that consist mostly of unknown words."""
    first_doubtful: list[int] = field(default_factory=list)

    def usable(
        self, predictions: Iterable[Prediction], errors: Errors, remedy: str
    ) -> Iterator[Prediction]:
        """Those of rows that can be used; the others are named.

        Args:
            predictions: Of the next rows.
            errors: `fail` refuses the first row that cannot be used.
            remedy: What to do about it.

        Raises:
            UserError: A row cannot be used, and `errors` is `fail`.
        """
        for prediction in predictions:
            row = prediction.row
            self.rows += 1
            if not row.problem:
                self._count_doubtful(prediction)
                yield prediction
            elif errors == "fail":
                raise UserError(f"{self.origin}, row {row.number}: {row.problem}. {remedy}")
            else:
                self.left_out += 1
                error_console.print(f"{self.origin}, row {row.number}: left out, {row.problem}")

    def _count_doubtful(self, prediction: Prediction) -> None:
        if prediction.unknown_words > MOSTLY_UNKNOWN:
            self.doubtful += 1
            if self.doubtful <= _ROWS_NAMED:
                self.first_doubtful.append(prediction.row.number)

    def conclude(self) -> None:
        """Sum up, after the last row.

        Raises:
            UserError: There was no row that could be used.
        """
        if self.rows == 0:
            raise UserError(f"{self.origin}: no texts. At least one is needed.")
        if self.left_out == self.rows:
            raise UserError(
                f"{self.origin}: none of its {self.rows:,} rows can be used, for the reasons above."
            )
        if self.left_out:
            error_console.print(f"{self.left_out:,} of {self.rows:,} rows left out", style="yellow")
        if self.doubtful:
            named = ", ".join(map(str, self.first_doubtful))
            more = ", ..." if self.doubtful > _ROWS_NAMED else ""
            error_console.print(
                f"most words are unknown to the model in {self.doubtful:,} of {self.rows:,} rows "
                f"({named}{more}): trust their probabilities less",
                style="yellow",
            )
