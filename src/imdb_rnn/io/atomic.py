"""Outputs that are there as a whole or not at all."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from imdb_rnn.errors import UserError, naming

UNFINISHED: Final = ".imdb-rnn-unfinished"
"""In the name of what is being written. What has it may be removed: nobody else calls a file so."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Have a file or folder written beside its place, and move it there once it is whole.

    Args:
        path: Where the output belongs; the folder around it is made. What stood there stays until
            the new output is complete. In a folder, only files of the same names are replaced. A
            symbolic link to a file is replaced, not what it points to; one to a folder is
            followed. What is no file, such as `/dev/null` or a pipe, is written to at once.

    Yields:
        Where to write: a hidden name with the same ending, where nothing is. A folder is to hold
        files alone.

    Raises:
        OSError: It could not be written; the error names the file.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        with naming(path):
            yield path
        return
    unfinished = unfinished_name(path)
    with naming(path, unfinished):
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(unfinished)  # left by a process that was killed
    try:
        with naming(path, unfinished):
            yield unfinished
            if path.is_dir():
                _move_files(unfinished, path)
            else:
                unfinished.replace(path)
    finally:
        _remove(unfinished)


def require_replaceable(path: Path) -> None:
    """Refuse, before anything is computed, a file that must not be lost or cannot be written.

    Raises:
        UserError: It is a link or a folder.
        OSError: It may not be written.
    """
    if path.is_symlink():
        raise UserError(
            f"{path}: this is a symbolic link, which would be lost. Name the file that it leads to."
        )
    if path.is_dir():
        raise UserError(f"{path}: this is a folder. Name a file.")
    if path.is_file():
        path.open("ab").close()  # which fails where it is protected


def unfinished_name(path: Path) -> Path:
    """Where to write what is to be moved to a path: as near as can be, in a folder that is there.

    That folder may lie on a disk of its own, or in one where nothing may be written.
    """
    if path.is_dir():
        return path / UNFINISHED
    return path.with_name(f".{path.stem}{UNFINISHED}{path.suffix}")


def _move_files(source: Path, target: Path) -> None:
    """Move the files of one folder into another; that one never has old and new ones mixed."""
    if not source.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    names = sorted(file.name for file in source.iterdir())
    for name in names:
        if (target / name).is_dir() and not (target / name).is_symlink():
            fault = errno.EISDIR
            raise IsADirectoryError(fault, os.strerror(fault), str(target / name))
    try:
        for name in names:
            (target / name).unlink(missing_ok=True)
        for name in names:
            (source / name).replace(target / name)
    except BaseException:
        for name in names:
            (target / name).unlink(missing_ok=True)
        raise


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        if stat.S_ISDIR(path.lstat().st_mode):
            shutil.rmtree(path)
        else:
            path.unlink()
