"""Processes that a command has started end with it."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final

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


def side_by_side(
    tasks: Mapping[str, Callable[[], Any]], processes: int, begin: Callable[[], None]
) -> Iterator[tuple[str, Any]]:
    """Carry out independent tasks, some at once, and hand over what came of each.

    If one fails, or this process ends, in whatever way, those under way end too.

    Args:
        tasks: By name, the longest first, so that no process ends long before the others; they
            and what comes of them must be picklable.
        processes: How many to start, at most; 1 does without, and takes the tasks in order.
        begin: Called in each process before its first task.

    Yields:
        Name and result of each task, as it is ready.

    Raises:
        Exception: What a task has raised.
    """
    if processes == 1:
        begin()
        yield from ((name, task()) for name, task in tasks.items())
        return
    executor = ProcessPoolExecutor(
        min(processes, len(tasks)), multiprocessing.get_context("spawn"), _begin, (begin,)
    )
    others = set(multiprocessing.active_children())
    try:
        names = {executor.submit(task): name for name, task in tasks.items()}
        for future in as_completed(names):
            yield names[future], future.result()
    except BaseException:
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _begin(begin: Callable[[], None]) -> None:
    """Prepare a process that works for another one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the other one ends this
    threading.Thread(target=_end_with_parent, daemon=True).start()
    begin()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
