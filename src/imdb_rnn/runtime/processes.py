"""Tasks in processes of their own, which end with the one that wants them."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from joblib.externals.loky import ProcessPoolExecutor, as_completed
from joblib.externals.loky.process_executor import TerminatedWorkerError

SECONDS_BETWEEN_LOOKS: Final = 0.5
"""How often a process looks whether the one that wants its work is still there."""


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
    # joblib's own `Parallel` would also change the BLAS threads of the processes, and with them
    # the last digits of results.
    workers = ProcessPoolExecutor(
        min(processes, len(tasks)), initializer=_begin, initargs=(os.getpid(), begin)
    )
    left = set(tasks)
    try:
        with _ctrl_c_held_back():  # inherited: it reaches all, and this process ends the others
            names = {workers.submit(task): name for name, task in tasks.items()}
        for future in as_completed(names):
            result = future.result()
            left.remove(names[future])
            yield names[future], result
    except TerminatedWorkerError:
        raise RuntimeError(
            "a process ended, perhaps for want of memory, that worked on one of these: "
            + ", ".join(sorted(left))
        ) from None
    finally:
        workers.shutdown(kill_workers=True)


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int, begin: Callable[[], None]) -> None:
    """Prepare a process that works for another one."""
    # Loky lets Ctrl-C through again once its first helper runs.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    begin()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_LOOKS)
    os._exit(1)
