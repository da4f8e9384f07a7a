"""Signals to a command whose child has a child of its own, and to stages that are imported."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from imdb_rnn.signals import ending_together

COMMAND = """
import sys
from imdb_rnn import signals
signals.SECONDS_TO_END = float(sys.argv[1])
with signals.ending_together():
    signals.run_program(sys.argv[2:])
"""
CODES = {signal.SIGTERM: 143, signal.SIGINT: -signal.SIGINT, signal.SIGHUP: 129}
each_request = pytest.mark.parametrize("number", CODES)


def start(program: list[str], seconds_to_end: float = 20.0) -> subprocess.Popen[str]:
    """Start a command that runs a program, in a session of its own as in a terminal."""
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(seconds_to_end), *program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.fault
@each_request
@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_no_process_is_left_below_a_command_that_is_asked_to_end(
    number: signal.Signals, send: Callable[[int, int], None]
) -> None:
    command = start(["sh", "-c", "sleep 60 & wait"])
    below = two_below(command)
    send(command.pid, number)
    assert command.wait(timeout=30) == CODES[number]
    assert psutil.wait_procs(below, timeout=5)[1] == []


@pytest.mark.fault
@each_request
def test_one_that_does_not_listen_is_killed(number: signal.Signals) -> None:
    command = start(["sh", "-c", "trap '' INT TERM HUP; sleep 60 & wait"], seconds_to_end=0.2)
    below = two_below(command)
    command.send_signal(number)
    assert command.wait(timeout=30) == CODES[number]
    assert psutil.wait_procs(below, timeout=5)[1] == []


CLEANS_UP = """
import time
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(1)
    print("cleaned up", flush=True)
"""


@pytest.mark.fault
@pytest.mark.parametrize("times", [1, 3])
def test_a_program_is_interrupted_once_and_may_clean_up(times: int) -> None:
    command = start([sys.executable, "-c", CLEANS_UP])
    assert command.stdout
    assert command.stdout.readline() == "ready\n"
    for _ in range(times):  # as `timeout` does, and people
        os.killpg(command.pid, signal.SIGINT)
        time.sleep(0.2)
    said, _ = command.communicate(timeout=30)
    assert said == "cleaned up\n"


def test_a_pause_pauses_what_is_below_too() -> None:
    command = start(["sh", "-c", "sleep 60 & wait"])
    paused = [psutil.Process(command.pid), *two_below(command)]
    command.send_signal(signal.SIGTSTP)
    wait_until(lambda: all(each.status() == psutil.STATUS_STOPPED for each in paused))
    command.send_signal(signal.SIGCONT)
    wait_until(lambda: not any(each.status() == psutil.STATUS_STOPPED for each in paused))
    command.send_signal(signal.SIGTERM)
    assert command.wait(timeout=30) == 143


@pytest.mark.fault
def test_what_is_ignored_stays_so() -> None:
    """As `nohup` and background jobs of scripts have it."""
    command = subprocess.Popen(
        ["sh", "-c", 'trap "" HUP INT; exec "$0" -c "$1" 20 sleep 60', sys.executable, COMMAND]
    )
    wait_until(lambda: bool(psutil.Process(command.pid).children()))
    for number in (signal.SIGHUP, signal.SIGINT):
        command.send_signal(number)
    with pytest.raises(subprocess.TimeoutExpired):
        command.wait(timeout=1)
    command.send_signal(signal.SIGTERM)
    assert command.wait(timeout=30) == 143


IN_A_CALLBACK = """
import os, sys, time, weakref
from imdb_rnn.signals import answered_by, end

class Thing:
    pass

with answered_by(end):
    thing = Thing()
    reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), int(sys.argv[1])))
    del thing  # Python ignores what the callback raises
    time.sleep(20)
"""


@pytest.mark.fault
@each_request
def test_a_request_that_python_ignores_is_repeated(number: signal.Signals) -> None:
    command = [sys.executable, "-c", IN_A_CALLBACK, str(int(number))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)
    assert done.returncode == CODES[number]
    assert "ignored" not in done.stderr


def test_afterwards_signals_mean_what_they_did() -> None:
    numbers = (*CODES, signal.SIGTSTP)
    before = [signal.getsignal(number) for number in numbers]
    with ending_together():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.mark.fault
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
@pytest.mark.parametrize("stage", ["train", "diagnostics"])
def test_a_stage_that_is_still_imported_ends_without_a_traceback(
    tmp_path: Path, stage: str, number: signal.Signals, code: int
) -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", f"imdb_rnn.stages.{stage}"],
        cwd=tmp_path,  # without params.yaml: afterwards the exit code would be 2
        stderr=subprocess.PIPE,
        text=True,
    )
    maps = Path(f"/proc/{command.pid}/maps")
    wait_until(lambda: "libtorch_cpu" in maps.read_text(encoding="utf-8"))
    command.send_signal(number)
    _, said = command.communicate(timeout=30)
    assert command.returncode == code
    assert said.count("\n") == (number == signal.SIGINT)
    assert "Traceback" not in said


@pytest.mark.fault
def test_a_stage_ends_with_the_one_that_has_started_it(tmp_path: Path) -> None:
    script = (
        "import time; from imdb_rnn.stages import run_stage; import imdb_rnn.stages as stages\n"
        "stages.load_params = lambda: print('ready', flush=True)\n"
        "run_stage(lambda _: time.sleep(60))"
    )
    dvc = subprocess.Popen(
        ["sh", "-c", '"$0" -c "$1"; true', sys.executable, script],
        cwd=tmp_path,
        env=os.environ | {"DVC_STAGE": "train"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert dvc.stdout
    assert dvc.stdout.readline() == "ready\n"
    (stage,) = psutil.Process(dvc.pid).children()
    dvc.kill()
    dvc.wait()
    assert psutil.wait_procs([stage], timeout=20)[1] == []


def two_below(command: subprocess.Popen[str]) -> list[psutil.Process]:
    top = psutil.Process(command.pid)
    wait_until(lambda: len(top.children(recursive=True)) == 2)
    return top.children(recursive=True)


def wait_until(reached: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < give_up, "it has not come to that"
        time.sleep(0.02)
