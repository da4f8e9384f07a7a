"""How a command or a stage ends with a sentence instead of a traceback."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from imdb_rnn.console import error_console

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STANDARD_OUTPUT: Final = "standard output"


class UserError(Exception):
    """The user's input cannot be used; the message says what, where, and what to do.

    Commands print the message and exit with code 2. A file that cannot be read or written (a full
    disk, missing permissions) ends in a sentence and exit code 1; anything else that goes wrong is
    a bug and keeps its traceback.
    """


@contextmanager
def naming(path: Path | str, unfinished: Path | None = None) -> Iterator[None]:
    """Give an `OSError` the file that it is about.

    A full disk shows when bytes are written, and by then Python has forgotten where to.

    Args:
        path: The file.
        unfinished: What is written in its place until it is whole; users know nothing of it.
    """
    try:
        yield
    except OSError as fault:
        fault.filename = fault.filename or str(path)
        if unfinished:
            fault.filename = str(fault.filename).replace(str(unfinished), str(path))
        raise


@contextmanager
def ending_in_a_sentence(remedy: str, interrupted: str = "") -> Iterator[None]:
    """Where refusals, faults of files and programs, and Ctrl-C end the process.

    Exit codes: 1 failed, 2 input refused, 130 interrupted. What reads the standard output may end
    before this process does, as `head` does; then this one ends too, with code 1 and no word.

    Args:
        remedy: What to do about a file that cannot be read or written.
        interrupted: What to say after Ctrl-C.
    """
    try:
        with _naming_standard_output():
            yield
    except UserError as refusal:
        _end(2, str(refusal))
    except OSError as fault:
        if fault.errno is None or fault.filename is None:
            raise
        file = fault.filename2 or fault.filename
        if isinstance(fault, BrokenPipeError) and file == STANDARD_OUTPUT:
            _end(1)
        _end(1, f"{file}: {os.strerror(fault.errno)}. {remedy}")
    except subprocess.CalledProcessError as fault:
        program = " ".join([Path(fault.cmd[0]).name, *map(str, fault.cmd[1:4])])
        _end(1, f"`{program}` ended with exit code {fault.returncode}; its messages are above.")
    except KeyboardInterrupt:
        _end(130, interrupted, style="none")


def _end(code: int, sentence: str = "", style: str = "red") -> NoReturn:
    if sentence:
        with suppress(OSError):  # on a disk that is full there may be no room for it either
            error_console.print(sentence, style=style)
    sys.exit(code)


@contextmanager
def _naming_standard_output() -> Iterator[None]:
    """Have all that is printed written at the end, and faults say that it could not be."""
    printed = sys.stdout
    if printed is not sys.__stdout__ or not isinstance(printed, io.TextIOWrapper):
        yield  # a test or a notebook collects what is printed
        return
    raw = _StandardOutput(printed.fileno(), "wb", closefd=False)
    sys.stdout = named = io.TextIOWrapper(
        io.BufferedWriter(raw),
        printed.encoding,
        printed.errors,
        line_buffering=printed.line_buffering,
        write_through=printed.write_through,
    )
    try:
        yield
    finally:
        try:
            named.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), raw.fileno())  # else Python tries once more
            raise
        finally:
            sys.stdout = printed


class _StandardOutput(io.FileIO):
    """Python does not say of what a write failed."""

    def write(self, content: "ReadableBuffer", /) -> int:
        with naming(STANDARD_OUTPUT):
            return super().write(content)
