"""Rows of a user's own files, each with its class: what is none is refused by file and row."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, TypedDict

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from imdb_rnn.config import MOST_CLASSES, Download
from imdb_rnn.console import Advance, console, progress
from imdb_rnn.data.classes import whole_numbers
from imdb_rnn.data.places import File, Found, on_disk
from imdb_rnn.data.rows import (
    LONGEST_ROW,
    NO_TEXT,
    NOT_UTF8,
    Column,
    Row,
    decoded_row,
    kind_of,
    nearest_name,
    open_rows,
)
from imdb_rnn.errors import UserError
from imdb_rnn.messages import printable, shortened

_ROWS_BETWEEN_STEPS: Final = 1000
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_LIST: Final = re.compile(r"\[.*\]|\{.*\}", re.DOTALL)


class OwnText(NamedTuple):
    """One row."""

    id: str
    """`PATH:ROW`, or the path of a file that is one text."""
    text: str
    label: int
    """Number of the class in `Labels.names`; -1 where none is read."""
    group: str | None


class FileRecord(TypedDict):
    """What a file was when it was read."""

    path: str
    bytes: int
    sha256: str
    rows: int


@dataclass
class Labels:
    """The classes, in the order in which they were found."""

    known: tuple[str, ...] | None = None
    """Where no others are allowed."""
    known_by: str = ""
    """What knows them, for messages."""
    names: list[str] = field(default_factory=list)
    _codes: dict[str, int] = field(default_factory=dict)
    _first: list[str] = field(default_factory=list)
    """Where each class occurs first."""

    def __post_init__(self) -> None:
        if self.known is not None:
            self.names = list(self.known)
            self._codes = {name: code for code, name in enumerate(self.known)}

    def code(self, value: Any, origin: str, number: int) -> int:  # noqa: ANN401 - of any file
        """Number of a class.

        Raises:
            UserError: It is no text or integer, or one class too many.
        """
        if type(value) is int:
            value = str(value)
        if type(value) is not str:
            raise _bad_label(value, origin, number)
        code = self._codes.get(value)
        return self._new(value, origin, number) if code is None else code

    def _new(self, value: str, origin: str, number: int) -> int:
        name = value.strip()
        place = f"{origin}, row {number}"
        if not name:
            raise _bad_label(None, origin, number)
        _require_name("label", name, place)
        code = self._codes.get(name)
        if code is None:
            if self.known is not None:
                raise self._unknown(name, place)
            code = len(self.names)
            self.names.append(name)
            self._first.append(place)
            if code == MOST_CLASSES:
                self.refuse_numbers()
                raise UserError(
                    f"{place}: {shown(name)} is class {code + 1}, and at most {MOST_CLASSES} "
                    "can be learned. Is this the column of the labels?"
                )
        self._codes[value] = self._codes[name] = code
        return code

    def _unknown(self, name: str, place: str) -> UserError:
        names = self.known or ()
        nearest = nearest_name(name, names)
        return UserError(
            f"{place}: {self.known_by} {shortened(', '.join(map(shown, names)), 200)}, and not "
            f"{shown(name)}{f' (is it {nearest}?)' if nearest else ''}. Mend the label."
        )

    def refuse_numbers(self) -> None:
        """Refuse fractions and lists as classes.

        Raises:
            UserError: All are numbers, and not all integers; or one is written as a list.
        """
        for name, place in zip(self.names, self._first, strict=False):
            if _LIST.fullmatch(name):
                raise UserError(
                    f"{place}: the label {shown(name)} is a list, and one class a text is needed."
                )
        if all(map(_NUMBER.fullmatch, self.names)):
            for name, place in zip(self.names, self._first, strict=False):
                if not name.lstrip("+-").isdecimal():
                    raise UserError(
                        f"{place}: the label {shown(name)} is a fraction, and text or an integer "
                        "is needed. Make classes of the numbers."
                    )

    def closed(self, origin: str) -> "Labels":
        """What the labels of other texts may be: these classes, in order.

        Args:
            origin: Where these are from, for messages.

        Raises:
            UserError: There are fewer than two, or they are numbers or lists.
        """
        if self.known is not None:
            return self
        self.refuse_numbers()
        if len(self.names) < 2:  # noqa: PLR2004 - to tell one from another
            raise UserError(
                f"{origin}: at least two classes are needed, and all texts are "
                f"{', '.join(map(shown, self.names))}. Is this the column of the labels?"
            )
        return Labels(self.ordered(), "the classes of the training texts are")

    def ordered(self) -> tuple[str, ...]:
        """The classes as they are known, else sorted: integers by size, others alphabetically."""
        if self.known is not None:
            return self.known
        numbers = whole_numbers(self.names)
        plain = numbers is not None and list(map(str, numbers)) == self.names
        return tuple(sorted(self.names, key=int if plain else None))


def shown(name: str) -> str:
    """A label in a message."""
    return printable(shortened(name, 60))


def _bad_label(value: object, origin: str, number: int) -> UserError:
    if value is None:
        return UserError(
            f"{origin}, row {number}: there is no label. Mend it; unlabelled texts belong into a "
            "file of their own (`unlabelled`)."
        )
    kinds = {
        bool: "true or false",
        float: "a fraction",
        list: "a list",
        dict: "an object",
        bytes: "binary",
    }
    kind = kinds.get(type(value), f"a {type(value).__name__}")
    return UserError(
        f"{origin}, row {number}: the label {shown(str(value))} is {kind}, and text or an integer "
        "is needed. Write it as one."
    )


@dataclass
class Reading:
    """Reads the rows of one split, and counts what it leaves out."""

    found: Found
    columns: Sequence[Column]
    """Of the text, then of the label and the group where they are read."""
    labels: Labels | None
    """None for unlabelled texts."""
    settings: Download
    downloads: Path
    on: Console = console
    """Where progress is shown."""
    empty: int = 0
    first_empty: str = ""
    files: list[FileRecord] = field(default_factory=list)
    _beyond_ascii: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of what was read, in order; none of unlabelled texts."""
        return self.labels.ordered() if self.labels else ()

    def places(self, codes: Sequence[int]) -> NDArray[np.int8]:
        """Places among the classes, int8 [texts]; -1 for unlabelled texts.

        Args:
            codes: Number of each text's class in the order found.
        """
        found = np.array(codes, dtype=np.int8)
        if not self.labels:
            return found
        classes = self.classes
        order = np.array([classes.index(name) for name in self.labels.names], dtype=np.int8)
        places: NDArray[np.int8] = order[found]
        return places

    def rows(self) -> Iterator[OwnText]:
        """Each row that has a text; `empty` counts the others.

        Raises:
            UserError: A file or a row cannot be used.
        """
        if self.found.is_folder:
            yield from self._folder()
            return
        for file in self.found.files:
            with on_disk(file, self.downloads, self.settings) as path:
                counts = Counter[str]()
                yield from self._file(file, path, counts)
                with path.open("rb") as content:
                    sha256 = hashlib.file_digest(content, "sha256").hexdigest()
                size = path.stat().st_size
                self.files.append(
                    {"path": file.name, "bytes": size, "sha256": sha256, "rows": counts["rows"]}
                )

    def _file(self, file: File, path: Path, counts: Counter[str]) -> Iterator[OwnText]:
        if kind_of(path) == ".txt" and len(self.columns) > 1:
            raise UserError(
                f"{file.name}: a .txt file has no labels. Name a table (.csv, .tsv, .jsonl, "
                ".parquet), or a folder with texts in folders named after their classes."
            )
        with (
            open_rows(path, self.columns, file.name) as opened,
            progress(
                f"Reading {file.name}", opened.total, in_bytes=opened.in_bytes, on=self.on
            ) as advance,
        ):
            for row in _stepping(opened.rows, advance):
                counts["rows"] += 1
                own = self._own(file.name, row)
                if own:
                    yield own

    def _own(self, origin: str, row: Row) -> OwnText | None:
        problem = row.problem
        if problem and not problem.startswith(NO_TEXT):
            raise self._unusable(origin, row)
        if problem or not row.text.strip():
            self._count_empty(f"{origin}, row {row.number}")
            return None
        self._require_text(row.text, f"{origin}, row {row.number}")
        others = row.others
        label = self.labels.code(others[0], origin, row.number) if self.labels else -1
        group = _group(others[-1], origin, row.number) if len(self.columns) > 2 else None  # noqa: PLR2004 - text, label, group
        return OwnText(f"{origin}:{row.number}", row.text, label, group)

    def _count_empty(self, place: str) -> None:
        self.empty += 1
        self.first_empty = self.first_empty or place

    def _require_text(self, text: str, place: str) -> None:
        if not text.isascii():
            self._beyond_ascii = True
        if "\0" in text:
            raise UserError(
                f"{place}: the text has a NUL byte, as no text has. Is the file damaged? "
                "`tr -d '\\000' < FILE > NEW` takes them out."
            )

    def _unusable(self, origin: str, row: Row) -> UserError:
        problem = row.problem
        if problem.startswith(NOT_UTF8) and self._beyond_ascii:
            problem = (
                f"mixed encodings: {problem.partition(';')[0]}, as rows before it are. Write the "
                "rows in one encoding, UTF-8, where they come from"
            )
        return UserError(f"{origin}, row {row.number}: {problem}.")

    def _folder(self) -> Iterator[OwnText]:
        if any(column.holds == "the groups" for column in self.columns):
            raise UserError(
                f"{self.found.name}: a folder LABEL/*.txt has no groups. Leave `group` out, or "
                "write the texts to a file with a column for it."
            )
        digest, size = hashlib.sha256(), 0
        shown_as = f"Reading {self.found.name}"
        with progress(shown_as, len(self.found.files), on=self.on) as advance:
            for file in self.found.files:
                with on_disk(file, self.downloads, self.settings) as path:
                    content = _content(path, file.name)
                size += len(content)
                digest.update(b"%b\0%b\0" % (file.name.encode(), hashlib.sha256(content).digest()))
                advance()
                own = self._of_folder(file, content)
                if own:
                    yield own
        self.files.append(
            {
                "path": self.found.name,
                "bytes": size,
                "sha256": digest.hexdigest(),
                "rows": len(self.found.files),
            }
        )

    def _of_folder(self, file: File, content: bytes) -> OwnText | None:
        row = decoded_row(1, content.removeprefix(b"\xef\xbb\xbf"), 1)
        if row.problem:
            raise UserError(f"{file.name}: {row.problem}.")
        if not row.text.strip():
            self._count_empty(file.name)
            return None
        self._require_text(row.text, file.name)
        label = self.labels.code(file.label, file.name, 1) if self.labels else -1
        return OwnText(file.name, row.text, label, None)


def _stepping(rows: Iterator[Row], advance: Advance) -> Iterator[Row]:
    """The same rows, and the progress now and then."""
    done = 0
    for row in rows:
        yield row
        if row.number % _ROWS_BETWEEN_STEPS == 0:
            advance(row.end - done)
            done = row.end


def _group(value: object, origin: str, number: int) -> str:
    name = str(value).strip() if type(value) in {str, int} else ""
    if not name:
        said = f"the group {shown(str(value))} is neither text nor an integer"
        raise UserError(
            f"{origin}, row {number}: {'there is no group' if value in (None, '') else said}. "
            "Give texts that stand alone a group of their own."
        )
    _require_name("group", name, f"{origin}, row {number}")
    return name


def _require_name(what: str, name: str, place: str) -> None:
    """Refuse a name that could not be told from others, or not be written down."""
    if "\0" in name:
        raise UserError(f"{place}: the {what} has a NUL byte, as no text has. Mend the file.")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise UserError(
            f"{place}: the {what} is not UTF-8 text. Write the file in UTF-8."
        ) from None


def _content(path: Path, name: str) -> bytes:
    with path.open("rb") as file:
        content = file.read(LONGEST_ROW + 1)
    if len(content) > LONGEST_ROW:
        raise UserError(f"{name}: longer than {LONGEST_ROW:,} bytes. Is this a text?")
    return content
