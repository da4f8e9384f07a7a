"""Processes that a command has started end with it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

import psutil

SECONDS_TO_END: Final = 5.0
"""What a process gets for ending by itself before it is killed."""


@contextmanager
def ending_together() -> Iterator[None]:
    """Where SIGTERM and Ctrl-C end all processes below this one, and then the block.

    SIGTERM raises SystemExit with code 143, Ctrl-C KeyboardInterrupt. Has to be entered in the
    main thread, which alone gets signals.
    """
    before = {number: signal.signal(number, _end_all) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_all(number: int, _: FrameType | None) -> None:
    # Here and not where the exception arrives: a child that was killed there would no longer
    # tell of its own children.
    children = psutil.Process().children(recursive=True)
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.terminate()
    _, alive = psutil.wait_procs(children, SECONDS_TO_END)
    for child in alive:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)
