"""A file of answers that goes on where a process was killed while it was made.

Each piece of work becomes a file in a hidden folder beside the answers, and `progress.json` there
says how many of them are whole. A piece that a killed process has begun is done anew, so that no
row is lost and none is there twice. When the last is done, they are joined and the folder goes.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from itertools import dropwhile
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError

from imdb_rnn.console import Advance, error_console
from imdb_rnn.errors import UserError, naming
from imdb_rnn.io.atomic import unfinished_name
from imdb_rnn.io.json_file import write_json
from imdb_rnn.io.parquet_file import read_table
from imdb_rnn.models.predictor import Predictor
from imdb_rnn.models.saved_model import CONFIG, TOKENIZER, WEIGHTS
from imdb_rnn.serving.answers import Lines, Prediction, as_table, csv_lines, json_lines
from imdb_rnn.serving.bulk import FIRST_ROWS, MOST_ROWS, Errors, Report, predict_rows
from imdb_rnn.serving.texts import Texts

_PROGRESS: Final = "progress.json"
_ROW_GROUP: Final = 2**17
_REMEDY: Final = "Fix it, or go on from there without such rows: --errors skip."


class _Kind(NamedTuple):
    """How answers are kept in files of one ending."""

    write: Callable[[Path, Sequence[Prediction], Sequence[str]], None]
    """Makes a file of a piece: where, of which predictions, of which classes."""
    join: Callable[[Path, Sequence[Path], Sequence[str]], None]
    """Makes the file of all: where, of which pieces in order, of which classes."""


@dataclass
class _Progress:
    """Contents of `progress.json`."""

    purpose: dict[str, Any]
    """What the answers are about; see `purpose_of`."""
    pieces: int = 0
    """Files that are whole."""
    row: int = 0
    """Last row in them."""
    end: int = 0
    """How far the source had been read then."""
    report: dict[str, Any] = field(default_factory=dict)
    """What `Report` had counted."""


def purpose_of(file: Path, column: str, model: Path) -> dict[str, Any]:
    """What the answers to a file depend on; work that was begun for anything else is of no use.

    Args:
        file: Holds the texts.
        column: They are in.
        model: Folder of the model.
    """
    state = file.stat()
    digest = hashlib.sha256()
    for name in (CONFIG, TOKENIZER, WEIGHTS):
        digest.update((model / name).read_bytes())
    return {
        "file": str(file.absolute()),
        "bytes": state.st_size,
        "modified": state.st_mtime_ns,
        "column": column,
        "model": digest.hexdigest(),
    }


def refuse_unsuitable(out: Path, file: Path | None) -> None:
    """Refuse, before anything is loaded, a place where no answers can be written.

    Args:
        out: For the answers.
        file: Of the texts.

    Raises:
        UserError: The ending is unknown, there is no such folder, or something would be lost.
    """
    if out.suffix.lower() not in _KINDS:
        raise UserError(
            f"{out}: its ending says what kind of file is written, and this one is unknown. Known "
            f"are {', '.join(_KINDS)}."
        )
    if not out.absolute().parent.is_dir():
        raise UserError(f"{out}: there is no folder {out.parent} to write the answers to.")
    if file and out.absolute() == file.absolute():
        raise UserError(f"{out}: it holds the texts, and would be lost. Name a new file.")
    if out.exists():
        raise UserError(f"{out}: there already. Delete it to have it made anew, or name another.")


class AnswerFile:
    """Answers that are being made; `opened` makes one."""

    def __init__(self, path: Path, progress: _Progress) -> None:
        self._path = path
        self._folder = unfinished_name(path)
        self._kind = _KINDS[path.suffix.lower()]
        self._progress = progress

    @property
    def end(self) -> int:
        """How far the source was read by earlier processes."""
        return self._progress.end

    def write(
        self, predictor: Predictor, texts: Texts, errors: Errors, advance: Advance | None = None
    ) -> None:
        """Predict the rows that are left and put the whole in its place.

        Args:
            predictor: The model.
            texts: From the first row on.
            errors: `fail` ends at the first row that cannot be used, `skip` goes on without it.
            advance: Told how far the source has been read.

        Raises:
            UserError: There is no row, or one cannot be used and `errors` is `fail`. What was
                predicted before is kept for the next try.
        """
        progress = self._progress
        report = Report(texts.origin, **progress.report)
        left = dropwhile(lambda row: row.number <= progress.row, texts.rows)
        # Cut as if there had been no break, so that even the rounding is the same.
        first = min(FIRST_ROWS << min(progress.pieces, 16), MOST_ROWS)
        for predictions in predict_rows(predictor, texts._replace(rows=left), first):
            usable = list(report.usable(predictions, errors, _REMEDY))
            last = predictions[-1].row
            read = last.end - progress.end
            with naming(self._path):
                self._kind.write(self._piece(progress.pieces), usable, predictor.classes)
                progress.pieces += 1
                progress.row, progress.end = last.number, last.end
                progress.report = {k: v for k, v in asdict(report).items() if k != "origin"}
                write_json(self._folder / _PROGRESS, asdict(progress))
            if advance:
                advance(read)
        try:
            report.conclude()
        except UserError:
            _remove(self._folder)
            raise
        self._finish(predictor.classes)

    def _finish(self, classes: Sequence[str]) -> None:
        whole = self._folder / f"whole{self._path.suffix}"
        pieces = [self._piece(number) for number in range(self._progress.pieces)]
        with naming(self._path):
            self._kind.join(whole, pieces, classes)
            whole.replace(self._path)
            _remove(self._folder)

    def _piece(self, number: int) -> Path:
        return self._folder / f"{number}{self._path.suffix}"


@contextmanager
def opened(path: Path, purpose: Mapping[str, Any] | None, errors: Errors) -> Iterator[AnswerFile]:
    """Answers to be made, with what an earlier process has done of them.

    Args:
        path: For the answers; see `refuse_unsuitable`.
        purpose: See `purpose_of`; None where nothing tells whether the texts are the same, so that
            nothing earlier is of use.
        errors: What is to happen at a row that cannot be used.

    Raises:
        UserError: Another process makes them.
    """
    folder = unfinished_name(path)
    with naming(path):
        if folder.is_file():
            folder.unlink()
        folder.mkdir(exist_ok=True)
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"{path}: another process is writing it. Wait for it, or name another file."
        ) from None
    progress = _progress(path, purpose, errors)
    try:
        yield AnswerFile(path, progress)
    finally:
        if not progress.pieces:  # before another process can begin in there
            _remove(folder)
        lock.release()


def _progress(path: Path, purpose: Mapping[str, Any] | None, errors: Errors) -> _Progress:
    """What there is of use of earlier work."""
    anew = _Progress(dict(purpose or {}))
    file = unfinished_name(path) / _PROGRESS
    if not file.exists():
        return anew
    try:
        found = TypeAdapter(_Progress).validate_json(file.read_bytes())
        skipped = Report("", **found.report).left_out
    except (ValidationError, TypeError):
        found, skipped = _Progress({}), 0
    if not purpose or found.purpose != anew.purpose:
        error_console.print(
            f"{path}: what was begun there had other texts, another column or another model; "
            "starting anew."
        )
        return anew
    if skipped and errors == "fail":
        error_console.print(
            f"{path}: what was begun there leaves rows out, which --errors fail does not; starting "
            "anew."
        )
        return anew
    error_console.print(f"{path}: going on after row {found.row:,}")
    return found


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def _of_lines(lines_of: Callable[[Sequence[str]], Lines]) -> _Kind:
    """Files of lines."""

    def write(path: Path, predictions: Sequence[Prediction], classes: Sequence[str]) -> None:
        text = "".join(map(lines_of(classes).line, predictions))
        path.write_text(text, encoding="utf-8")

    def join(path: Path, pieces: Sequence[Path], classes: Sequence[str]) -> None:
        with path.open("wb") as whole:
            whole.write(lines_of(classes).header.encode())
            for piece in pieces:
                with piece.open("rb") as lines:
                    shutil.copyfileobj(lines, whole)

    return _Kind(write, join)


def _write_table(path: Path, predictions: Sequence[Prediction], classes: Sequence[str]) -> None:
    pq.write_table(as_table(predictions, classes), path)


def _join_tables(path: Path, pieces: Sequence[Path], classes: Sequence[str]) -> None:
    with pq.ParquetWriter(path, as_table([], classes).schema) as writer:
        gathered: list[pa.Table] = []
        for piece in pieces:
            gathered.append(read_table(piece))
            if sum(map(len, gathered)) >= _ROW_GROUP:
                writer.write_table(pa.concat_tables(gathered))
                gathered.clear()
        if gathered:
            writer.write_table(pa.concat_tables(gathered))


_KINDS: Final = {
    ".parquet": _Kind(_write_table, _join_tables),
    ".jsonl": _of_lines(json_lines),
    ".csv": _of_lines(csv_lines),
}
"""By the file's ending."""
