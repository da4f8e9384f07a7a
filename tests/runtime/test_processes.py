"""Tasks in processes of their own, and signals to the one that wants them."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

TASKS = """
import os, signal, sys, time
from functools import partial
from imdb_rnn.runtime.processes import side_by_side

begun = False

def begin():
    global begun
    begun = True

def sleep(seconds):
    time.sleep(seconds)
    return begun

def fail():
    raise ValueError("lost")

def die():
    os._exit(9)

def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print("ready", flush=True)
    tasks = {tasks}
    for name, result in side_by_side(tasks, int(sys.argv[1]), begin):
        print(name, result, flush=True)
"""
SECOND_ENDS = '{"first": partial(sleep, 60), "second": partial(sleep, 0.1)}'


def _start_tasks(folder: Path, tasks: str, processes: int) -> subprocess.Popen[str]:
    script = folder / "tasks.py"
    script.write_text(TASKS.replace("{tasks}", tasks), encoding="utf-8")
    started = subprocess.Popen(
        [sys.executable, "-c", "import tasks; tasks.main()", str(processes)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert started.stdout
    assert started.stdout.readline() == "ready\n"
    return started


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_each_task_finds_its_process_prepared(tmp_path: Path, processes: int) -> None:
    tasks = "{str(number): partial(sleep, 0.1) for number in range(3)}"
    shown, _ = _start_tasks(tmp_path, tasks, processes).communicate(timeout=60)
    assert sorted(shown.splitlines()) == ["0 True", "1 True", "2 True"]


@pytest.mark.fault
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_tasks_end_with_the_process_that_wants_them(
    tmp_path: Path, number: signal.Signals, processes: int, send: Callable[[int, int], None]
) -> None:
    command = _start_tasks(tmp_path, SECOND_ENDS, processes)
    assert command.stdout
    if processes == 2:
        assert command.stdout.readline() == "second True\n"
    below = psutil.Process(command.pid).children(recursive=True)
    assert bool(below) == (processes == 2)
    send(command.pid, number)
    _, complaints = command.communicate(timeout=30)
    assert psutil.wait_procs(below, timeout=20)[1] == []
    codes = {signal.SIGTERM: 143, signal.SIGINT: -signal.SIGINT, signal.SIGKILL: -signal.SIGKILL}
    assert command.returncode == codes[number]
    assert complaints.count("Traceback") == (number == signal.SIGINT)


@pytest.mark.fault
def test_ctrl_c_while_the_processes_start_is_told_once(tmp_path: Path) -> None:
    command = _start_tasks(tmp_path, SECOND_ENDS, 2)
    while not (below := psutil.Process(command.pid).children(recursive=True)):
        time.sleep(0.01)
    os.killpg(command.pid, signal.SIGINT)
    _, complaints = command.communicate(timeout=30)
    assert psutil.wait_procs(below, timeout=20)[1] == []
    assert complaints.count("Traceback") == 1


@pytest.mark.fault
@pytest.mark.parametrize(
    ("end", "said"),
    [("fail", "ValueError: lost"), ("die", "RuntimeError: a process ended, .*: first, second")],
)
def test_a_task_that_fails_ends_the_others(tmp_path: Path, end: str, said: str) -> None:
    tasks = f'{{"first": partial(sleep, 60), "second": {end}}}'
    command = _start_tasks(tmp_path, tasks, 2)
    shown, complaints = command.communicate(timeout=30)
    assert shown == ""
    assert re.search(said, complaints)
    assert command.returncode == 1
