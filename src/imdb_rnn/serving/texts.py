"""Texts that are to be judged: from the command line, standard input, or a file.

A row that cannot be used is still a row: it carries the reason in place of a text, so that the
numbers of the others stay right.
"""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from shlex import quote
from typing import BinaryIO, Final, NamedTuple

from imdb_rnn.data.rows import (
    Column,
    Line,
    Row,
    kind_of,
    line_rows,
    lines_of,
    open_rows,
)
from imdb_rnn.errors import UserError
from imdb_rnn.messages import printable

STANDARD_INPUT: Final = Path("-")
"""What programs are told in place of a file to read what is piped into them."""


class Texts(NamedTuple):
    """The rows of one source."""

    origin: str
    """What messages call it."""
    rows: Iterator[Row]
    """Raises UserError where the source becomes unreadable."""
    total: int | None
    """How much there is to read, in bytes or rows; None where nobody knows."""
    in_bytes: bool
    interactive: bool = False
    """Each row waits for the answer to the one before it."""


def open_texts(
    given: list[str] | None, path: Path | None, column: str
) -> AbstractContextManager[Texts]:
    """The source that a user means: texts at hand, a file, or else standard input.

    Args:
        given: The texts themselves.
        path: See `file_texts`; `STANDARD_INPUT` is what no path and no texts mean too.
        column: See `file_texts`.

    Raises:
        UserError: There are both texts and a file, or the file cannot be used.
    """
    if given and path:
        raise UserError(f"{path}: a file and texts at once; give one or the other.")
    if path and path != STANDARD_INPUT:
        return file_texts(path, column)
    return nullcontext(given_texts(given) if given else streamed_texts(sys.stdin.buffer))


def as_typed(text: str) -> str:
    """An argument of the command line, which Python reads in the encoding of the locale, in UTF-8.

    Terminals send UTF-8 whatever the locale says. What is no UTF-8 stays as it is.
    """
    try:
        return os.fsencode(text).decode()
    except UnicodeError:
        return text


def taken_for_text(text: str, folder: Path, command: str = "imdb-rnn predict < {}") -> str:
    """What to tell someone who passes the name of a file where a text is expected; mostly nothing.

    Args:
        text: Taken as it is.
        folder: Where it was typed.
        command: Reads the plain file `{}`.
    """
    kind = kind_of(text)
    try:
        is_file = (folder / text).is_file()
    except OSError:  # too long for a name
        is_file = False
    if not is_file and (not kind or re.search(r"\s", text)):
        return ""
    known, reads = ("is", "reads") if is_file else ("looks like", "would read")
    if kind and (kind != ".txt" or "predict" in command):
        command = "imdb-rnn predict --file {}"
    return printable(
        f"{text} {known} the name of a file, and was taken for a text itself. "
        f"`{command.format(quote(text))}` {reads} the file."
    )


def given_texts(texts: Sequence[str]) -> Texts:
    """Texts that are at hand already."""
    rows = (Row(number, as_typed(text), "", number) for number, text in enumerate(texts, start=1))
    return Texts("the command line", rows, len(texts), in_bytes=False)


def streamed_texts(stream: BinaryIO) -> Texts:
    """A text a line in UTF-8, as the lines come; from a terminal, each as a piece of its own."""
    origin = "standard input"
    interactive = stream.isatty()
    lines = lines_of(stream, origin)
    rows = line_rows(map(_typed, lines) if interactive else lines)
    return Texts(origin, rows, None, in_bytes=True, interactive=interactive)


def _typed(line: Line) -> Line:
    """A line from a terminal in UTF-8, whatever the terminal's encoding."""
    try:
        line.content.decode()
    except UnicodeDecodeError:
        return line._replace(content=os.fsdecode(line.content).encode(errors="surrogateescape"))
    return line


@contextmanager
def file_texts(path: Path, column: str) -> Iterator[Texts]:
    """Open a file of texts in UTF-8; its kind follows from its ending.

    Args:
        path: See `open_rows`.
        column: Column or key that holds the text; `.txt` has none.

    Raises:
        UserError: The file is empty, cannot be opened, is of another kind or in another
            encoding, or lacks the column.
    """
    opened = open_rows(
        path,
        [Column(column)],
        if_missing="Check the path after --file.",
        if_unknown="; `--file -` reads standard input, a text a line",
    )
    with opened as file:
        yield Texts(str(path), file.rows, file.total, file.in_bytes)
