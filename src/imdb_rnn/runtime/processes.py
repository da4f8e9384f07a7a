"""Tasks in processes of their own, which end with the one that wants them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Final

SECONDS_BETWEEN_LOOKS: Final = 1.0
"""How often is looked whether a process is still there."""


def side_by_side(
    tasks: Mapping[str, Callable[[], Any]], processes: int, begin: Callable[[], None]
) -> Iterator[tuple[str, Any]]:
    """Carry out independent tasks, some at once, and hand over their results.

    If one fails, or this process ends, in whatever way, those under way end too.

    Args:
        tasks: By name, the longest first, so that no process ends long before the others; they
            and their results must be picklable.
        processes: How many to start, at most; 1 does without, and takes the tasks in order.
        begin: Called in each process before its first task.

    Yields:
        Name and result of each task, as it is ready.

    Raises:
        Exception: What a task has raised.
        RuntimeError: A process was killed.
    """
    if processes == 1:
        begin()
        yield from ((name, task()) for name, task in tasks.items())
        return
    names: dict[Future[Any], str] = {}
    with _workers(min(processes, len(tasks)), begin) as executor:
        try:
            with _ctrl_c_held_back():  # inherited: it reaches all, and this process ends the others
                names.update((executor.submit(task), name) for name, task in tasks.items())
            yield from ((names[future], future.result()) for future in _as_ready(names))
        except BrokenProcessPool:
            left = sorted(name for future, name in names.items() if not _succeeded(future))
            raise RuntimeError(
                "a process ended, perhaps for want of memory, that worked on one of these: "
                + ", ".join(left)
            ) from None


@contextmanager
def _workers(processes: int, begin: Callable[[], None]) -> Iterator[ProcessPoolExecutor]:
    """Processes that end with the block, and at once if it does not end well."""
    before = set(multiprocessing.active_children())
    spawn = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(processes, spawn, _begin, (begin,))
    try:
        yield executor
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:
            process.kill()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _as_ready(futures: Iterable[Future[Any]]) -> Iterator[Future[Any]]:
    """The futures of `_workers`, each as it is done.

    Python 3.11's executor does not always notice that the process which it started last has ended.

    Raises:
        BrokenProcessPool: A process has ended.
    """
    processes = multiprocessing.active_children()
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
        yield from done
        if waiting and any(process.exitcode is not None for process in processes):
            raise BrokenProcessPool


def _succeeded(future: Future[Any]) -> bool:
    return future.done() and future.exception() is None


def _begin(begin: Callable[[], None]) -> None:
    """Prepare a process that works for another one."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    begin()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
