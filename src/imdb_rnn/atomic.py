"""Outputs that are there as a whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Have a file or folder written beside its place, and move it there once it is whole.

    Args:
        path: Where the output belongs; the folder around it is made. What stood there stays until
            the new output is complete.

    Yields:
        Where to write: a hidden name in the same folder with the same ending, where nothing is.

    Raises:
        OSError: It could not be written; the error names the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    _remove(unfinished)  # left by a process that was killed
    try:
        with naming(path):
            yield unfinished
        if unfinished.is_dir() and path.is_dir():
            shutil.rmtree(path)  # only a file is replaced by a mere renaming
        unfinished.replace(path)
    finally:
        _remove(unfinished)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Give an `OSError` the file that it is about.

    A full disk shows when bytes are written, and by then Python has forgotten where to.
    """
    try:
        yield
    except OSError as fault:
        fault.filename = fault.filename or str(path)
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
