"""Texts row by row out of files, never more than a few of them in memory.

A row that cannot be used is still a row: it carries the reason in place of a text, so that the
numbers of the others stay right. Where the rest of a file cannot be read, reading on is refused.
"""

import codecs
import csv
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from difflib import get_close_matches
from pathlib import Path
from shlex import quote
from typing import BinaryIO, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from imdb_rnn.errors import UserError
from imdb_rnn.messages import printable, shortened

LONGEST_ROW: Final = 2**26
"""Bytes. Without a bound, a file without line ends would be read into memory as a whole."""

STANDARD_INPUT: Final = Path("-")
"""What programs are told in place of a file to read what is piped into them."""

_PARQUET_ROWS_AT_ONCE: Final = 64


class Row(NamedTuple):
    """One text, or the reason why there is none."""

    number: int
    """Counted from 1: lines, or in CSV and parquet the records below the header."""
    text: str
    problem: str
    """Empty for a usable row."""
    end: int
    """How far the source has been read, in the unit of `Texts.total`."""


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
    kind = Path(text).suffix.lower()
    try:
        is_file = (folder / text).is_file()
    except OSError:  # too long for a name
        is_file = False
    if not is_file and (kind not in _ENDINGS or re.search(r"\s", text)):
        return ""
    known, reads = ("is", "reads") if is_file else ("looks like", "would read")
    if kind in _ENDINGS and (kind != ".txt" or "predict" in command):
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
    lines = _lines(stream, origin)
    rows = _text_rows(map(_typed, lines) if interactive else lines)
    return Texts(origin, rows, None, in_bytes=True, interactive=interactive)


def _typed(line: "_Line") -> "_Line":
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
        path: `.txt` has a text a line, `.jsonl` an object a line, `.csv` a header and records.
        column: Column or key that holds the text; `.txt` has none.

    Raises:
        UserError: The file is empty, cannot be opened, is of another kind or in another
            encoding, or lacks the column.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}. Check the path after --file.") from None
    with file:
        kind = path.suffix.lower()
        if kind not in _ENDINGS:
            raise UserError(
                f"{path}: its ending says how a file is read, and this one is unknown. Known are "
                f"{', '.join(_ENDINGS)}; `--file -` reads standard input, a text a line."
            )
        beginning = file.peek(_BEGINNING)[:_BEGINNING]
        if not beginning:
            raise UserError(f"{path}: the file is empty. At least one text is needed.")
        if wide := _wide_encoding(beginning):
            raise UserError(
                f"{path}: this is {wide}, and UTF-8 is needed. "
                f"`iconv -f {wide} -t UTF-8 {quote(str(path))} > NEW{kind}` converts it."
            )
        if kind == ".parquet":
            yield _open_parquet(file, path, column)
        else:
            rows = _KINDS[kind](_lines(file, str(path)), str(path), column)
            yield Texts(str(path), rows, path.stat().st_size, in_bytes=True)


_BEGINNING: Final = 64
_FEWEST: Final = 4
_MOSTLY: Final = 0.8


def _wide_encoding(beginning: bytes) -> str:
    """UTF-16 or UTF-32 where a file begins as one in it does; empty elsewhere."""
    if beginning.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    # Without a mark: every other byte of most texts is zero, and of UTF-8 hardly any.
    first, second = beginning[::2], beginning[1::2]
    for name, high, low in (("UTF-16BE", first, second), ("UTF-16LE", second, first)):
        if len(low) >= _FEWEST and high.count(0) > _MOSTLY * len(low) and 0 not in low:
            return name
    return ""


class _Line(NamedTuple):
    number: int
    content: bytes
    end: int


def _lines(file: BinaryIO, origin: str) -> Iterator[_Line]:
    end = number = 0
    while content := file.readline(LONGEST_ROW + 1):
        number += 1
        end += len(content)
        if len(content) > LONGEST_ROW:
            raise UserError(
                f"{origin}, line {number}: longer than {LONGEST_ROW:,} bytes. "
                f"Is this a file of texts, with line ends?"
            )
        # Editors on Windows begin a UTF-8 file with a byte order mark.
        yield _Line(number, content.removeprefix(codecs.BOM_UTF8) if number == 1 else content, end)


def _text_rows(lines: Iterator[_Line]) -> Iterator[Row]:
    for line in lines:
        yield _typed_row(line.number, line.content.rstrip(b"\r\n"), line.end)


def _typed_row(number: int, content: bytes, end: int) -> Row:
    """The row of a text out of a file that is text itself, with a guess at another encoding."""
    row = _row(number, content, end)
    name = _wide_encoding(content[:_BEGINNING]) if number == 1 else ""
    if not name and not row.problem.startswith(_NOT_UTF8):
        return row
    name = name or ("WINDOWS-1252" if re.search(rb"[\x80-\x9f]", content) else "ISO-8859-1")
    problem = (
        f"{row.problem or _NOT_UTF8}; perhaps {name}, which `iconv -f {name} -t UTF-8` converts"
    )
    return row._replace(text="", problem=problem)


_NOT_UTF8: Final = "not UTF-8"


def _row(number: int, content: bytes | None, end: int) -> Row:
    """The row of a text as it stands in the file; None where nothing stands there."""
    if content is None:
        return Row(number, "", "there is no text", end)
    if len(content) > LONGEST_ROW:
        return Row(number, "", f"longer than {LONGEST_ROW:,} bytes", end)
    try:
        return Row(number, content.decode(), "", end)
    except UnicodeDecodeError as error:
        return Row(number, "", f"{_NOT_UTF8} from byte {error.start + 1} on", end)


def _json_rows(lines: Iterator[_Line], _: str, key: str) -> Iterator[Row]:
    for row in _text_rows(lines):
        if row.problem:
            yield row
        elif row.text.strip():  # a blank line holds nothing: many programs leave one at the end
            yield _json_row(row, key)


def _json_row(line: Row, key: str) -> Row:
    try:
        value = json.loads(line.text)
    except json.JSONDecodeError as error:
        reason = error.msg.removesuffix(" at")  # some of Python's end so
        return line._replace(text="", problem=f"not JSON: {reason} at character {error.pos + 1}")
    except (ValueError, RecursionError) as error:  # a number too long, brackets too deep
        return line._replace(text="", problem=f"not readable JSON: {error}")
    if not isinstance(value, dict):
        return line._replace(text="", problem=f'no object with a text under "{key}"')
    if key not in value:
        problem = f'no text under "{key}"; {_there(key, list(value))}; --column names another'
        return line._replace(text="", problem=problem)
    if not isinstance(value[key], str):
        return line._replace(text="", problem=f'what is under "{key}" is no text')
    return line._replace(text=value[key])


def _csv_rows(lines: Iterator[_Line], origin: str, column: str) -> Iterator[Row]:
    """Records below the header; a quoted text may run over several lines."""
    end = 0

    def decoded() -> Iterator[str]:
        nonlocal end
        for line in lines:
            end = line.end
            yield line.content.decode(errors="surrogateescape")  # _row finds the bytes again

    csv.field_size_limit(LONGEST_ROW)
    records = csv.reader(decoded(), strict=True)
    try:
        header = next(records, [])
        place = _place(column, header, origin)
        for number, values in enumerate(filter(None, records), start=1):
            if len(values) == len(header):
                yield _typed_row(number, values[place].encode(errors="surrogateescape"), end)
            else:
                problem = f"{len(values)} values where the header has {len(header)} (quotes?)"
                yield Row(number, "", problem, end)
    except csv.Error as error:
        raise UserError(
            f"{origin}, line {records.line_num}: not CSV from here on: "
            f"{str(error).partition(' - ')[0]}. "
            f"Texts with commas, quotes or line ends need quotes around them."
        ) from None


def _open_parquet(file: BinaryIO, path: Path, column: str) -> Texts:
    try:
        table = pq.ParquetFile(file, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(path, error) from None
    place = _place(column, table.schema_arrow.names, str(path))
    kind = table.schema_arrow.types[place]
    if not _is_text(kind):
        raise UserError(
            f"{path}: column {column} holds {kind}, not text. Name another with --column."
        )
    # Equal texts stand in the file once, and are not to take memory again and again.
    table = pq.ParquetFile(
        file, metadata=table.metadata, pre_buffer=False, read_dictionary=[column]
    )
    return Texts(
        str(path), _parquet_rows(table, path, column), table.metadata.num_rows, in_bytes=False
    )


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _parquet_rows(table: pq.ParquetFile, path: Path, column: str) -> Iterator[Row]:
    number = 0
    try:
        for batch in table.iter_batches(_PARQUET_ROWS_AT_ONCE, columns=[column]):
            for content in _contents(batch[column]):
                number += 1
                yield _row(number, content, number)
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(path, error) from None


def _contents(column: pa.Array) -> Iterator[bytes | None]:
    """The texts as bytes, because a file may hold what is not UTF-8; None where there is none."""
    encoded = column.dictionary_encode()
    texts = encoded.dictionary.cast(pa.large_string()).cast(pa.large_binary())
    for place in encoded.indices.to_pylist():
        yield None if place is None else texts[place].as_py()


def _not_parquet(path: Path, error: Exception) -> UserError:
    reason = str(error).partition("\n")[0].rstrip(".")
    return UserError(f"{path}: not a whole parquet file: {reason}. Write or copy it anew.")


def _place(column: str, columns: list[str], origin: str) -> int:
    """Where the column stands."""
    if columns.count(column) == 1:
        return columns.index(column)
    for separator, name in _SEPARATORS.items():
        if len(columns) == 1 and column in columns[0].split(separator):
            raise UserError(
                f"{origin}: its values are separated by {name}, and commas are needed. "
                "Write it anew with commas."
            )
    raise UserError(
        f"{origin}: one column {column} is needed; {_there(column, columns)}. "
        f"Name the one with the texts: --column NAME."
    )


_SEPARATORS: Final = {";": "semicolons", "\t": "tabs", "|": "|"}


def _there(name: str, names: list[str]) -> str:
    """The names that there are in place of one that is not, and the nearest of them."""
    shown = ", ".join(map(printable, names)) or "none"
    nearest = get_close_matches(name, names, n=1)
    return f"there are: {shortened(shown, 200)}" + (
        f" (is it {printable(nearest[0])}?)" if nearest else ""
    )


_KINDS: Final[dict[str, Callable[[Iterator[_Line], str, str], Iterator[Row]]]] = {
    ".txt": lambda lines, *_: _text_rows(lines),
    ".csv": _csv_rows,
    ".jsonl": _json_rows,
}
"""How the lines of a text file become rows, by its ending."""
_ENDINGS: Final = (*_KINDS, ".parquet")
