"""Rows of files in UTF-8, one after the other, never more than a few of them in memory.

A row that cannot be used is still a row: it carries the reason in place of a text, so that the
numbers of the others stay right. Where the rest of a file cannot be read, reading on is refused.
"""

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any, BinaryIO, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from imdb_rnn.errors import UserError
from imdb_rnn.messages import printable, shortened

LONGEST_ROW: Final = 2**26
"""Bytes. Without a bound, a file without line ends would be read into memory as a whole."""
NO_TEXT: Final = "there is no text"
"""How the problem of a row begins where its text is null."""
NOT_UTF8: Final = "not UTF-8"
"""How the problem of a row begins that is in another encoding."""

_PARQUET_BYTES_AT_ONCE: Final = 2**23
_MOST_PARQUET_ROWS: Final = 10_000
_BUFFER: Final = 2**20
_BYTES_OF_A_NUMBER: Final = 8
_PACKED: Final = ".gz"
_MOST_UNPACKED: Final = 100
"""Times the packed size, beside one `LONGEST_ROW`: texts pack three to ten times."""


class Column(NamedTuple):
    """A column, or key of a JSON object, that is wanted."""

    name: str
    holds: str = "the texts"
    """For messages."""
    option: str = "--column"
    """By which a user names another."""


class Row(NamedTuple):
    """One text with what stands beside it, or the reason why there is none."""

    number: int
    """Counted from 1: lines, or in CSV, TSV and parquet the records below the header."""
    text: str
    problem: str
    """Empty for a usable row."""
    end: int
    """How far the source has been read, in the unit of `Rows.total`."""
    others: tuple[Any, ...] = ()
    """What the other wanted columns hold: text in CSV and TSV, anything elsewhere."""


class Rows(NamedTuple):
    """The rows of one file."""

    rows: Iterator[Row]
    """Raises UserError where the file becomes unreadable."""
    total: int
    """How much there is to read, in bytes of the file or in rows."""
    in_bytes: bool


class Line(NamedTuple):
    """A line as it stands in a file."""

    number: int
    content: bytes
    end: int


def kind_of(path: Path | str) -> str:
    """The ending that says how a file is read, `.csv` for `reviews.CSV.gz`; empty if unknown."""
    path = Path(path)
    packed = path.suffix.lower() == _PACKED
    kind = Path(path.stem).suffix.lower() if packed else path.suffix.lower()
    return kind if kind in (_LINE_KINDS if packed else ENDINGS) else ""


@contextmanager
def open_rows(
    path: Path,
    columns: Sequence[Column],
    origin: str = "",
    *,
    if_missing: str = "Check the path.",
    if_unknown: str = "",
) -> Iterator[Rows]:
    """Open a file of texts in UTF-8; its kind follows from its ending.

    Args:
        path: `.txt` has a text a line, `.jsonl` an object a line, `.csv` and `.tsv` a header and
            records; these also packed by gzip (`.csv.gz`); or `.parquet`.
        columns: The first holds the text; `.txt` has none.
        origin: What messages call the file, the path if empty.
        if_missing: What to do about a file that cannot be opened.
        if_unknown: What else can be done with a file of another ending.

    Raises:
        UserError: The file is empty, cannot be opened, is of another kind or in another
            encoding, or lacks a column.
    """
    origin = origin or str(path)
    try:
        file = path.open("rb")
    except OSError as error:
        raise UserError(f"{origin}: {error.strerror}. {if_missing}") from None
    with file:
        kind = kind_of(path)
        if not kind:
            raise UserError(
                f"{origin}: its ending says how a file is read, and this one is unknown. Known are "
                f"{', '.join(ENDINGS)}, and the text formats also with {_PACKED}{if_unknown}."
            )
        if not file.peek(1):
            raise UserError(f"{origin}: the file is empty. At least one text is needed.")
        if kind == ".parquet":
            yield _open_parquet(file, origin, columns)
        else:
            packed = path.suffix.lower() == _PACKED
            lines = _unpacked_lines(file, origin) if packed else lines_of(file, origin)
            lines = _narrow(lines, path, origin, kind)
            yield Rows(
                _LINE_KINDS[kind](lines, origin, columns), path.stat().st_size, in_bytes=True
            )


def lines_of(file: BinaryIO, origin: str) -> Iterator[Line]:
    """The lines of a file with their numbers from 1 on.

    Raises:
        UserError: A line is too long.
    """
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
        yield Line(number, content.removeprefix(codecs.BOM_UTF8) if number == 1 else content, end)


def line_rows(lines: Iterator[Line], *_: object) -> Iterator[Row]:
    """A text a line."""
    for line in lines:
        yield _guessed(line.number, line.content.rstrip(b"\r\n"), line.end)


def decoded_row(number: int, content: bytes | None, end: int) -> Row:
    """The row of a text as it stands in the file; None where nothing stands there."""
    if content is None:
        return Row(number, "", NO_TEXT, end)
    if len(content) > LONGEST_ROW:
        return Row(number, "", f"longer than {LONGEST_ROW:,} bytes", end)
    try:
        return Row(number, content.decode(), "", end)
    except UnicodeDecodeError as error:
        return Row(number, "", f"{NOT_UTF8} from byte {error.start + 1} on", end)


def _unpacked_lines(file: io.BufferedReader, origin: str) -> Iterator[Line]:
    """Lines of a file packed by gzip, whose `end` counts packed bytes."""
    unpacked = 0
    try:
        with gzip.GzipFile(fileobj=file) as packed:
            for line in lines_of(io.BufferedReader(packed, 2**20), origin):
                unpacked, read = line.end, file.tell()
                if unpacked > _MOST_UNPACKED * read + LONGEST_ROW:
                    raise UserError(
                        f"{origin}, line {line.number}: it unpacks to more than {_MOST_UNPACKED} "
                        "times its size, as texts do not. Unpack it and look into it."
                    )
                yield line._replace(end=read)
    except (EOFError, OSError, zlib.error) as error:
        reason = str(error).rstrip(".")
        raise UserError(
            f"{origin}: not a whole gzip file: {reason}. Write or copy it anew."
        ) from None


_BEGINNING: Final = 64
_FEWEST: Final = 4
_MOSTLY: Final = 0.8


def _narrow(lines: Iterator[Line], path: Path, origin: str, kind: str) -> Iterator[Line]:
    """The same lines; refused before the first where the file is in a wide encoding."""
    first = next(lines, None)
    if first is None:
        raise UserError(f"{origin}: the file is empty. At least one text is needed.")
    beginning = first.content
    if len(beginning) < _BEGINNING:
        second = next(lines, None)
        rest = [second] if second else []
        beginning += second.content if second else b""
    else:
        rest = []
    if wide := wide_encoding(beginning[:_BEGINNING]):
        name = quote(str(path))
        command = (
            f"gzip -dc {name} | iconv -f {wide} -t UTF-8"
            if path.suffix.lower() == _PACKED
            else f"iconv -f {wide} -t UTF-8 {name}"
        )
        raise UserError(
            f"{origin}: this is {wide}, and UTF-8 is needed. `{command} > NEW{kind}` converts it."
        )
    return _after([first, *rest], lines)


def _after(first: list[Line], rest: Iterator[Line]) -> Iterator[Line]:
    yield from first
    yield from rest


def wide_encoding(beginning: bytes) -> str:
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


def _guessed(number: int, content: bytes, end: int) -> Row:
    """The row of a text out of a file that is text itself, with a guess at another encoding."""
    row = decoded_row(number, content, end)
    name = wide_encoding(content[:_BEGINNING]) if number == 1 else ""
    if not name and not row.problem.startswith(NOT_UTF8):
        return row
    name = name or ("WINDOWS-1252" if re.search(rb"[\x80-\x9f]", content) else "ISO-8859-1")
    known = " (Latin-1)" if name == "ISO-8859-1" else ""
    problem = (
        f"{row.problem or NOT_UTF8}; perhaps {name}{known}, which "
        f"`iconv -f {name} -t UTF-8` converts"
    )
    return row._replace(text="", problem=problem)


def _json_rows(lines: Iterator[Line], _: str, keys: Sequence[Column]) -> Iterator[Row]:
    for row in line_rows(lines):
        if row.problem:
            yield row
        elif row.text.strip():  # a blank line holds nothing: many programs leave one at the end
            yield _json_row(row, keys)


def _json_row(line: Row, keys: Sequence[Column]) -> Row:
    try:
        value = json.loads(line.text)
    except json.JSONDecodeError as error:
        reason = error.msg.removesuffix(" at")  # some of Python's end so
        return line._replace(text="", problem=f"not JSON: {reason} at character {error.pos + 1}")
    except (ValueError, RecursionError) as error:  # a number too long, brackets too deep
        return line._replace(text="", problem=f"not readable JSON: {error}")
    return _row_of_object(line, value, keys)


def _row_of_object(line: Row, value: Any, keys: Sequence[Column]) -> Row:  # noqa: ANN401 - of JSON
    key = keys[0].name
    if not isinstance(value, dict):
        return line._replace(text="", problem=f'no object with a text under "{key}"')
    for column in keys:
        if column.name not in value:
            what = "no text" if column is keys[0] else "nothing"
            problem = (
                f'{what} under "{column.name}"; {_there(column.name, list(value))}; '
                f"{column.option} names another"
            )
            return line._replace(text="", problem=problem)
    text, *others = (value[column.name] for column in keys)
    if text is None:
        return line._replace(text="", problem=f'{NO_TEXT} under "{key}"', others=tuple(others))
    if not isinstance(text, str):
        return line._replace(text="", problem=f'what is under "{key}" is no text')
    try:
        text.encode()
    except UnicodeEncodeError:  # JSON can escape half of a pair, which no file can hold
        return line._replace(text="", problem=f'what is under "{key}" is half of a character')
    return line._replace(text=text, others=tuple(others))


def _separated_rows(
    lines: Iterator[Line], origin: str, columns: Sequence[Column], separator: str
) -> Iterator[Row]:
    """Records below the header; a quoted text may run over several lines."""
    end = begin = size = 0

    def decoded() -> Iterator[str]:
        nonlocal end, size
        for line in lines:
            end = line.end
            size += len(line.content)
            if size > LONGEST_ROW:
                raise UserError(
                    f"{origin}, line {begin + 1}: the record that begins here is longer than "
                    f"{LONGEST_ROW:,} bytes. Is a quote in it never closed?"
                )
            # A row in another encoding spoils itself alone.
            yield line.content.decode(errors="surrogateescape")

    csv.field_size_limit(LONGEST_ROW)
    records = csv.reader(decoded(), strict=True, delimiter=separator)
    number = 0
    try:
        header = next(records, [])
        places = [_place(column, header, origin, separator) for column in columns]
        width, (place, *others) = len(header), places
        begin, size = records.line_num, 0
        for values in records:
            begin, size = records.line_num, 0
            if not values:  # a blank line
                continue
            number += 1
            if len(values) == width:
                yield _separated_row(number, values[place], end, [values[i] for i in others])
            else:
                problem = f"{len(values)} values where the header has {width} (quotes?)"
                yield Row(number, "", problem, end)
    except csv.Error as error:
        began = f" (row {number + 1} begins in line {begin + 1})"
        raise UserError(
            f"{origin}, line {records.line_num}: not {_NAMES[separator]} from here on: "
            f"{str(error).partition(' - ')[0]}{began if records.line_num > begin + 1 else ''}. "
            f"Texts with {_SEPARATORS[separator]}, quotes or line ends need quotes around them, "
            "which close again."
        ) from None


def _separated_row(number: int, text: str, end: int, others: list[str]) -> Row:
    if text.isascii() and number > 1:
        return Row(number, text, "", end, tuple(others))
    row = _guessed(number, text.encode(errors="surrogateescape"), end)
    return row._replace(others=tuple(others))


def _open_parquet(file: BinaryIO, origin: str, columns: Sequence[Column]) -> Rows:
    try:
        table = pq.ParquetFile(file, pre_buffer=False, buffer_size=_BUFFER)
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(origin, error) from None
    schema = table.schema_arrow
    places = [_place(column, schema.names, origin) for column in columns]
    kind = schema.types[places[0]]
    if not _is_text(kind):
        raise UserError(
            f"{origin}: column {columns[0].name} holds {kind}, not text. "
            f"Name another with {columns[0].option}."
        )
    # Equal texts stand in the file once, and are not to take memory again and again; of others, a
    # dictionary would grow with the file.
    if all(_is_dictionary(chunk) for chunk in _chunks(table, columns[0].name)):
        table = pq.ParquetFile(
            file,
            metadata=table.metadata,
            pre_buffer=False,
            buffer_size=_BUFFER,
            read_dictionary=[columns[0].name],
        )
    rows = _parquet_rows(table, origin, columns)
    return Rows(rows, table.metadata.num_rows, in_bytes=False)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _parquet_rows(table: pq.ParquetFile, origin: str, columns: Sequence[Column]) -> Iterator[Row]:
    number = 0
    text, *others = (column.name for column in columns)
    try:
        for batch in table.iter_batches(_at_once(table), columns=[text, *others]):
            beside = [_values(batch[name], name, origin) for name in others]
            for content, *values in zip(_contents(batch[text]), *beside, strict=True):
                number += 1
                row = decoded_row(number, content, number)
                yield row._replace(others=tuple(values)) if values else row
    except (pa.ArrowException, OSError) as error:
        raise _not_parquet(origin, error) from None


def _at_once(table: pq.ParquetFile) -> int:
    """Rows that are read together."""
    metadata = table.metadata
    size = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    rows: int = _PARQUET_BYTES_AT_ONCE * metadata.num_rows // max(size, 1)
    return max(1, min(rows, _MOST_PARQUET_ROWS))


def _chunks(table: pq.ParquetFile, column: str) -> Iterator[pq.ColumnChunkMetaData]:
    """The column's part of each row group."""
    place = table.schema.names.index(column)  # not that of the Arrow schema, where some are nested
    groups = map(table.metadata.row_group, range(table.metadata.num_row_groups))
    return (group.column(place) for group in groups)


def _is_dictionary(chunk: pq.ColumnChunkMetaData) -> bool:
    """Whether all its rows are numbers in a dictionary: some bytes each, beside the dictionary."""
    if not chunk.has_dictionary_page:
        return False
    dictionary = chunk.data_page_offset - chunk.dictionary_page_offset
    return bool(chunk.total_compressed_size - dictionary <= _BYTES_OF_A_NUMBER * chunk.num_values)


def _contents(column: pa.Array) -> Iterator[bytes | None]:
    """The texts as bytes, because a file may hold what is not UTF-8; None where there is none."""
    encoded = column.dictionary_encode()
    texts = encoded.dictionary.cast(pa.large_string()).cast(pa.large_binary())
    for place in encoded.indices.to_pylist():
        yield None if place is None else texts[place].as_py()


def _values(column: pa.Array, name: str, origin: str) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except UnicodeDecodeError:
        raise UserError(
            f"{origin}: column {name} holds what is not UTF-8. Write it anew."
        ) from None
    return values


def _not_parquet(origin: str, error: Exception) -> UserError:
    reason = str(error).partition("\n")[0].rstrip(".")
    return UserError(f"{origin}: not a whole parquet file: {reason}. Write or copy it anew.")


_SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "|"}
_NAMES: Final = {",": "CSV", "\t": "TSV"}


def _place(column: Column, columns: list[str], origin: str, separator: str = ",") -> int:
    """Where the column stands."""
    if columns.count(column.name) == 1:
        return columns.index(column.name)
    if columns.count(column.name) > 1:
        raise UserError(
            f"{origin}: the column {printable(column.name)} is there {columns.count(column.name)} "
            "times. Rename all but one."
        )
    for other, name in _SEPARATORS.items():
        if len(columns) == 1 and column.name in columns[0].split(other):
            ending = {",": ", or name it .csv", "\t": ", or name it .tsv"}.get(other, "")
            raise UserError(
                f"{origin}: its values are separated by {name}, and {_SEPARATORS[separator]} are "
                f"needed. Write it anew with {_SEPARATORS[separator]}{ending}."
            )
    raise UserError(
        f"{origin}: one column {column.name} is needed; {_there(column.name, columns)}. "
        f"Name the one with {column.holds}: {column.option} NAME."
    )


def _there(name: str, names: list[str]) -> str:
    """The names that there are in place of one that is not, and the nearest of them."""
    shown = ", ".join(map(printable, names)) or "none"
    nearest = nearest_name(name, names)
    return f"there are: {shortened(shown, 200)}" + (f" (is it {nearest}?)" if nearest else "")


def nearest_name(name: str, names: Sequence[str]) -> str:
    """The most similar of some names, fit to be shown; empty if none is similar."""
    return next(iter(map(printable, get_close_matches(name, names, n=1))), "")


_LINE_KINDS: Final[dict[str, Callable[[Iterator[Line], str, Sequence[Column]], Iterator[Row]]]] = {
    ".txt": line_rows,
    ".csv": partial(_separated_rows, separator=","),
    ".tsv": partial(_separated_rows, separator="\t"),
    ".jsonl": _json_rows,
}
"""How the lines of a text file become rows, by its ending."""
ENDINGS: Final = (*_LINE_KINDS, ".parquet")
