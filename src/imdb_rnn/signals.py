"""Being asked to end: by Ctrl-C (SIGINT), `kill` (SIGTERM) or a terminal that is closed (SIGHUP).

A command that is asked to end has the processes below it end first. One that is killed (SIGKILL)
can do nothing of the kind: its temporary folder stays. The stage that it had DVC run notices, and
ends as if it had been asked to; DVC then ends as after any stage that failed.
"""

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

import psutil

REQUESTS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

SECONDS_TO_END: Final = 30.0
"""What processes get for ending by themselves before they are killed.

A training saves its state and has MLflow, which may be slow, close its run.
"""

SECONDS_BETWEEN_LOOKS: Final = 0.5
"""How often a stage looks whether those that want its work are still there."""

SECONDS_TO_REPEAT: Final = 0.05

COMMAND: Final = "IMDB_RNN_COMMAND"
"""Environment variable: process id of the command that has DVC run stages."""

Answer = Callable[[int, FrameType | None], object]

_asked = threading.Event()


def answer_requests(answer: Answer) -> dict[signal.Signals, Any]:
    """Have requests to end answered so from now on.

    Has to be called in the main thread, which alone gets signals. A signal that is ignored asks
    for nothing, and stays so: SIGHUP under `nohup`, SIGINT in a background job of some shells.

    Returns:
        What has answered before.
    """

    def receive(number: int, frame: FrameType | None) -> None:
        _asked.set()
        if number == signal.SIGHUP:
            _let_go_of_the_terminal()
        answer(number, frame)

    heard = [number for number in REQUESTS if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, receive) for number in heard}


def _let_go_of_the_terminal() -> None:
    """Have what is still said go nowhere: written to a closed terminal, it would be an error."""
    for output in (1, 2):
        with suppress(OSError):  # it may have been closed from the start
            if stat.S_ISCHR(os.fstat(output).st_mode):
                with Path(os.devnull).open("wb") as nowhere:
                    os.dup2(nowhere.fileno(), output)


@contextmanager
def answered_by(answer: Answer) -> Iterator[None]:
    """Where requests to end are answered so, as by `answer_requests`, and none is lost."""
    before, hook = answer_requests(answer), sys.unraisablehook
    sys.unraisablehook = partial(_repeat_ignored, hook)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def _repeat_ignored(
    otherwise: Callable[["sys.UnraisableHookArgs"], object], ignored: "sys.UnraisableHookArgs"
) -> None:
    """Repeat a request whose exception came where Python ignores all: during an import, often."""
    number = _request(ignored.exc_value)
    if number is None:
        otherwise(ignored)
        return
    signal.signal(signal.SIGALRM, lambda *_: end(number))
    signal.setitimer(signal.ITIMER_REAL, SECONDS_TO_REPEAT)


def _request(exception: BaseException | None) -> int | None:
    """Which request has raised an exception; None if none has."""
    if isinstance(exception, KeyboardInterrupt):
        return signal.SIGINT
    code = exception.code if isinstance(exception, SystemExit) else None
    return next((number for number in REQUESTS if code == 128 + number), None)


def end(number: int, _: FrameType | None = None) -> NoReturn:
    """End by an exception, so that what is open is closed.

    Raises:
        KeyboardInterrupt: The request is Ctrl-C.
        SystemExit: It is another one; the exit code is 128 + its number.
    """
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    raise SystemExit(128 + number)


@contextmanager
def ending_together() -> Iterator[None]:
    """Where a request to end, or to pause (Ctrl-Z), reaches all processes below this one first.

    Then it ends the block, as `end` says.
    """
    before = signal.getsignal(signal.SIGTSTP)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGTSTP, _pause)
    try:
        with answered_by(_end_all):
            yield
    finally:
        signal.signal(signal.SIGTSTP, before)


def run_program(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:  # noqa: ANN401 - those of `subprocess.run`
    """Run a program that ends with this process, which has to be in `ending_together`.

    It gets a session of its own, so that nothing reaches it twice: a terminal sends Ctrl-C to all
    processes of a session, and whoever is interrupted again while it cleans up leaves a mess.
    """
    return subprocess.run(command, check=False, start_new_session=True, **options)


def _end_all(number: int, _: FrameType | None) -> None:
    # Here and not where the exception arrives: a child that was killed there would no longer
    # tell of its own children.
    with answered_by(lambda *_: None):  # asked once is enough
        _end_below(number)
    end(number)


def _end_below(number: int) -> None:
    """Ask each process below this one to end, also those that begin meanwhile; then kill."""
    me, asked = psutil.Process(), list[psutil.Process]()
    give_up = time.monotonic() + SECONDS_TO_END
    while True:
        new = [process for process in me.children(recursive=True) if process not in asked]
        for process in new:
            _ask(process, number)
        asked += new
        left = [process for process in asked if _is_alive(process)]
        if not left or time.monotonic() > give_up:
            break
        time.sleep(0.05)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, SECONDS_TO_END)


def _ask(process: psutil.Process, number: int) -> None:
    """Ask a process to end, as this one was asked.

    A program that this process has started itself gets Ctrl-C: DVC would die of SIGTERM without
    removing its temporary folder, but ignores Ctrl-C while a stage runs, and cleans up after that.
    Those below get none, which as background jobs they may ignore.
    """
    passed_on = signal.SIGHUP if number == signal.SIGHUP else signal.SIGTERM
    with suppress(psutil.NoSuchProcess):
        directly = process.ppid() == os.getpid()
        process.send_signal(signal.SIGINT if directly else passed_on)
        process.resume()  # it may be paused


def _pause(_number: int, _: FrameType | None) -> None:
    below = psutil.Process().children(recursive=True)
    for process in below:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    os.kill(os.getpid(), signal.SIGSTOP)
    for process in below:  # now that somebody has this one go on
        with suppress(psutil.NoSuchProcess):
            process.resume()


def end_with(processes: Collection[int]) -> None:
    """Have this process asked to end (SIGTERM) once one of these is gone.

    Unless it was asked already: whatever has ended that one may have asked both.

    Args:
        processes: Process ids.
    """
    wanted = [_process(number) for number in processes]

    def watch() -> None:
        while all(process and _is_alive(process) for process in wanted):
            time.sleep(SECONDS_BETWEEN_LOOKS)
        if not _asked.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def started_by() -> list[int]:
    """Process ids of DVC, which has started this stage, and of its shell if that waits for it.

    DVC runs a stage as `SHELL -c "python -m imdb_rnn.stages.NAME"`. Some shells become the stage;
    Debian's sh stays, and outlives DVC.
    """
    parent = os.getppid()
    with suppress(psutil.NoSuchProcess):
        shell = psutil.Process(parent)
        match shell.cmdline():
            case [*_, "-c", stage] if "imdb_rnn.stages" in stage:
                return [parent, shell.ppid()]
    return [parent]


def is_orphan(parent: int) -> bool:
    """Whether whoever started a stage was gone already when `parent` took its place.

    A program shares its process group with what it starts, unless one of them leaves it; the
    system's first process, which takes over what others leave behind, has one of its own. Where it
    is itself what has started DVC, as in some containers, an orphan is not noticed.

    Args:
        parent: Process id.
    """
    try:
        return os.getpgid(parent) != os.getpgrp()
    except OSError:  # gone meanwhile
        return True


def _process(number: int) -> psutil.Process | None:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(number)
    return None


def _is_alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False
