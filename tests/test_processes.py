"""Signals to a command whose child has a child of its own."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from imdb_rnn import processes

COMMAND = """
import subprocess
from imdb_rnn.processes import ending_together
with ending_together():
    subprocess.run(["sh", "-c", {script!r}])
"""


@pytest.mark.fault
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT)]
)
@pytest.mark.parametrize("script", ["sleep 60 & wait", "trap '' TERM; sleep 60 & wait"])
def test_no_process_is_left_below_a_command_that_is_asked_to_end(
    number: signal.Signals, code: int, script: str
) -> None:
    shortened = "from imdb_rnn import processes; processes.SECONDS_TO_END = 0.2\n"
    command = subprocess.Popen(
        [sys.executable, "-c", shortened + COMMAND.format(script=script)],
        stderr=subprocess.DEVNULL,
    )
    below = _two_below(psutil.Process(command.pid))
    command.send_signal(number)
    assert command.wait(timeout=20) == code
    assert psutil.wait_procs(below, timeout=5)[1] == []


TASKS = """
import signal, sys, time
from functools import partial
from imdb_rnn.processes import side_by_side

def sleep(seconds):
    time.sleep(seconds)
    return seconds

def fail():
    raise ValueError("lost")

def begin():
    pass

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tasks = {"first": partial(sleep, 60), "second": %s, "third": partial(sleep, 60)}
    for name, result in side_by_side(tasks, int(sys.argv[1]), begin):
        print(name, result, flush=True)
"""


def _tasks(folder: Path, second: str, processes: int) -> subprocess.Popen[str]:
    script = folder / "tasks.py"
    script.write_text(TASKS % second, encoding="utf-8")
    command = [sys.executable, str(script), str(processes)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.fault
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("processes", [1, 2])
def test_tasks_end_with_the_process_that_wants_them(
    tmp_path: Path, number: signal.Signals, processes: int
) -> None:
    second = "partial(sleep, 0.1)"
    command = _tasks(tmp_path, second, processes)
    if processes == 2:
        assert command.stdout
        assert command.stdout.readline() == "second 0.1\n"
    else:
        time.sleep(1)  # it is in its first task
    below = psutil.Process(command.pid).children(recursive=True)
    assert bool(below) == (processes == 2)
    command.send_signal(number)
    began = time.monotonic()
    _, complaints = command.communicate(timeout=30)
    assert psutil.wait_procs(below, timeout=5)[1] == []
    assert time.monotonic() - began < 5
    codes = {signal.SIGTERM: 143, signal.SIGINT: -signal.SIGINT, signal.SIGKILL: -signal.SIGKILL}
    assert command.returncode == codes[number]
    assert complaints.count("Traceback") == (number == signal.SIGINT)


@pytest.mark.fault
def test_a_task_that_fails_ends_the_others(tmp_path: Path) -> None:
    command = _tasks(tmp_path, "fail", 2)
    shown, complaints = command.communicate(timeout=30)
    assert shown == ""
    assert "ValueError: lost" in complaints
    assert command.returncode == 1


def test_afterwards_signals_mean_what_they_did() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with processes.ending_together():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def _two_below(command: psutil.Process) -> list[psutil.Process]:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        below = command.children(recursive=True)
        if len(below) == 2:
            return below
        time.sleep(0.02)
    pytest.fail("the command has started no processes")
