"""Where a user's own files are: a path, a glob, a folder LABEL/*.txt, or an address."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fsspec import AbstractFileSystem
from fsspec.core import has_magic, url_to_fs
from fsspec.implementations.local import LocalFileSystem

from imdb_rnn.config import Download
from imdb_rnn.console import console
from imdb_rnn.data import http_download as transfer
from imdb_rnn.errors import UserError
from imdb_rnn.messages import printable, reason, without_secrets

MAX_BYTES: Final = 2**38
"""Of a file from elsewhere."""
_WEB: Final = ("http://", "https://")


@dataclass(frozen=True)
class File:
    """One file, wherever it is."""

    name: str
    """What ids, messages and records call it."""
    address: str
    """Of the web, or a path in its file system."""
    system: AbstractFileSystem | None
    """None for the web."""
    label: str | None = None
    """The class of a text in a folder LABEL/*.txt."""

    @property
    def local(self) -> Path | None:
        """Where it is on this machine; None for an address."""
        return Path(self.address) if isinstance(self.system, LocalFileSystem) else None


@dataclass(frozen=True)
class Found:
    """What a path or address stands for."""

    name: str
    """As the user wrote it, without secrets."""
    files: tuple[File, ...]
    is_folder: bool
    """Each file is one text."""


def local_path(place: str, base: Path = Path()) -> Path:
    """A path of this machine: relative ones start at the base, and `~` is a home."""
    with suppress(RuntimeError):  # nobody has that name, so that nothing is there either
        return base / Path(place).expanduser()
    return base / place


def find_files(place: str, base: Path, *, labelled: bool) -> Found:
    """The files that a place stands for, sorted by name.

    Args:
        place: A path, a glob, a folder, or an address that fsspec knows.
        base: Where relative paths start.
        labelled: Of a folder, only LABEL/*.txt; else its *.txt too.

    Raises:
        UserError: There is none, or the address does not answer.
    """
    name = printable(without_secrets(place))
    if place.startswith(_WEB):
        return Found(name, (File(name, place, None),), is_folder=False)
    address = place if "://" in place else str(local_path(place, base))
    with _sentences(name):
        system, path = url_to_fs(address)
        if system.isdir(path):
            return Found(name, _texts_in(system, path, name, base, labelled), is_folder=True)
        if system.exists(path):
            return Found(name, (File(name, path, system),), is_folder=False)
        if not has_magic(path):
            raise UserError(f"{name}: no such file or folder. Check how it is written.")
        matches = sorted(match for match in system.glob(path) if system.isfile(match))
    if not matches:
        raise UserError(f"{name}: no file matches. Check how it is written.")
    files = tuple(File(_told(system, match, base), match, system) for match in matches)
    return Found(name, files, is_folder=False)


def _texts_in(
    system: AbstractFileSystem,
    folder: str,
    name: str,
    base: Path,
    labelled: bool,  # noqa: FBT001 - passed on
) -> tuple[File, ...]:
    start = len(folder.rstrip("/")) + 1
    files = []
    for path in sorted(system.find(folder, maxdepth=2)):
        *folders, file = path[start:].split("/")
        if file.lower().endswith(".txt") and not path[start:].startswith(".") and file[0] != ".":
            if labelled and not folders:
                continue
            label = folders[0] if labelled else None
            files.append(File(_told(system, path, base), path, system, label))
    if not files:
        wanted = (
            "texts in folders with the names of their classes, LABEL/*.txt"
            if labelled
            else ("texts, *.txt")
        )
        raise UserError(
            f"{name}: this folder needs {wanted}, and has none. To read tables in it, name them "
            f"by a glob such as {name.rstrip('/')}/*.csv."
        )
    return tuple(files)


def _told(system: AbstractFileSystem, path: str, base: Path) -> str:
    if not isinstance(system, LocalFileSystem):
        return printable(without_secrets(str(system.unstrip_protocol(path))))
    inside = Path(path).is_relative_to(base.absolute())
    return printable(Path(path).relative_to(base.absolute()).as_posix() if inside else path)


@contextmanager
def on_disk(file: File, downloads: Path, settings: Download) -> Iterator[Path]:
    """The file on this machine, while it is read.

    Args:
        file: A file.
        downloads: Where files from elsewhere are kept meanwhile.
        settings: How long and how often to ask the web.

    Raises:
        UserError: It cannot be fetched, or has changed while it was read.
    """
    if file.system is None:
        yield _from_web(file, downloads, settings)
        return
    with _sentences(file.name):
        before = _state(file)
        path = file.local or _fetched(file, downloads)
    yield path
    with _sentences(file.name):
        after = _state(file)
    if before != after:
        raise UserError(
            f"{file.name}: the file changed while it was read, and was not used. "
            "Run this again when it is whole."
        )
    if not file.local:
        path.unlink()


def _state(file: File) -> object:
    """What tells whether a file has changed."""
    if path := file.local:
        state = path.stat()
        return state.st_size, state.st_mtime_ns, state.st_ino
    system: Any = file.system
    system.invalidate_cache()
    return system.info(file.address)


def _fetched(file: File, downloads: Path) -> Path:
    console.print(f"Fetching {file.name}", markup=False)
    path = _kept_as(file, downloads)
    system: Any = file.system
    size = system.info(file.address).get("size") or 0
    if size > MAX_BYTES:
        raise UserError(
            f"{file.name}: it has {size:,} bytes, and at most {MAX_BYTES:,} are fetched. "
            "Is this a file of texts?"
        )
    system.get_file(file.address, str(path))
    return path


def _from_web(file: File, downloads: Path, settings: Download) -> Path:
    try:
        body = transfer.fetch(
            file.address,
            downloads,
            timeout=settings.timeout_seconds,
            attempts=settings.attempts,
            largest=MAX_BYTES,
        )
    except transfer.TransferError as problem:
        told = without_secrets(str(problem))
        raise UserError(f"{file.name}: {told}. Check the address, or run this again.") from None
    path = _kept_as(file, downloads)
    path.symlink_to(body.name)
    return path


def _kept_as(file: File, downloads: Path) -> Path:
    """A name on this machine with the endings of the file's own."""
    downloads.mkdir(parents=True, exist_ok=True)
    endings = "".join(Path(file.address.partition("?")[0]).suffixes[-2:])
    path = downloads / f"{hashlib.sha256(file.address.encode()).hexdigest()}{endings}"
    path.unlink(missing_ok=True)
    return path


@contextmanager
def _sentences(name: str) -> Iterator[None]:
    """Say what any file system may raise in a sentence."""
    try:
        yield
    except UserError:
        raise
    except ImportError as error:
        raise UserError(
            f"{name}: {reason(error).rstrip('.')}. `pip install` brings what such addresses need."
        ) from None
    except Exception as error:  # noqa: BLE001 - each has its own
        told = getattr(error, "strerror", None) or reason(error)
        raise UserError(f"{name}: {str(told).rstrip('.')}. Check how it is written.") from None
