"""What is printed, in any encoding, and what long work shows.

A live bar in a terminal, plain lines with the time left in a log.
"""

import codecs
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Final, Protocol, TypeVar

from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.spinner import Spinner

SECONDS_BETWEEN_LINES = 15.0
_ITEMS_BETWEEN_STEPS: Final = 1000

Item = TypeVar("Item")

_SIMILAR: Final = {
    **dict.fromkeys("“”„«»", '"'),
    **dict.fromkeys("\u2018\u2019\u201a", "'"),  # single quotation marks
    **dict.fromkeys("\u2013\u2014\u2212", "-"),  # dashes and minus
    **{bar: str(height) for height, bar in enumerate("▁▂▃▄▅▆▇█", start=1)},
    "…": "...",
}
"""What is shown for a character that the terminal's encoding lacks; for any other, `?`."""


def _similar(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_SIMILAR.get(character, "?") for character in lacking), error.end


# Nobody is to lose an hour of training to a quotation mark that the terminal cannot show.
codecs.register_error("similar", _similar)
for _stream in (sys.stdout, sys.stderr):
    if isinstance(_stream, TextIOWrapper):
        _stream.reconfigure(errors="similar")

console = Console(soft_wrap=True, highlight=False)
error_console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)


class Advance(Protocol):
    """Reports finished work to the progress display."""

    def __call__(self, amount: float = 1, note: str = "") -> None:
        """Add `amount` to what is done; `note` stands beside it (a loss, for instance)."""


@contextmanager
def progress(
    task: str,
    total: float | None,
    *,
    done: float = 0,
    in_bytes: bool = False,
    on: Console = console,
) -> Iterator[Advance]:
    """Show how far a piece of work has come.

    Args:
        task: What is being done, a few words.
        total: Amount of work in the units that are passed to the yielded function; None where
            nobody knows.
        done: What an earlier try has done of it, in no time.
        in_bytes: The amounts are bytes.
        on: Where to show it; standard error if standard output carries results.
    """
    if on.file.isatty():
        with _bar(on, in_bytes=in_bytes) as bar:
            row = bar.add_task(task, total=total, note="")
            bar.update(row, completed=done)

            def advance(amount: float = 1, note: str = "") -> None:
                bar.update(row, advance=amount, note=note)

            yield advance
    else:
        yield _LogLines(on, task, total, done)


def counted(items: Iterable[Item], task: str, total: int) -> Iterator[Item]:
    """The same items, while it is shown how many of them have passed.

    Args:
        items: Any.
        task: What is being done with them, a few words.
        total: How many they are.
    """
    with progress(task, total) as advance:
        for number, item in enumerate(items, start=1):
            yield item
            if number % _ITEMS_BETWEEN_STEPS == 0:
                advance(_ITEMS_BETWEEN_STEPS)


@contextmanager
def waiting(task: str) -> Iterator[None]:
    """Say on standard error what takes seconds, of work that cannot tell how far it has come.

    Args:
        task: What is being done, a few words.
    """
    if not error_console.is_terminal:
        error_console.print(f"{task} ...")
        yield
        return
    spinner = Live(
        Spinner("dots", task),
        console=error_console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with spinner:
        if console.is_terminal:  # the same one: what is printed there stands above the spinner
            console.push_render_hook(spinner)
        try:
            yield
        finally:
            if console.is_terminal:
                console.pop_render_hook()


def _bar(on: Console, *, in_bytes: bool) -> Progress:
    amount: ProgressColumn = DownloadColumn() if in_bytes else MofNCompleteColumn()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        amount,
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=on,
        redirect_stdout=on is console,  # a bar on standard error leaves standard output alone
    )


class _LogLines:
    """Prints a line now and then, so that a log stays readable."""

    def __init__(self, on: Console, task: str, total: float | None, done: float) -> None:
        self._on = on
        self._task = task
        self._total = total
        self._earlier = self._done = done
        self._began = self._printed = time.monotonic()

    def __call__(self, amount: float = 1, note: str = "") -> None:
        self._done += amount
        now = time.monotonic()
        if now - self._printed >= SECONDS_BETWEEN_LINES:
            self._printed = now
            self._on.print(f"{self._task}: {self._position(now)}{note and f', {note}'}")

    def _position(self, now: float) -> str:
        if self._total is None:
            return f"{self._done:,.0f}"
        rate = max(self._done - self._earlier, 1e-9) / (now - self._began)
        left = (self._total - self._done) / rate
        return f"{self._done / self._total:.0%}, {left:.0f} s left"
