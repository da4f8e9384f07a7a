"""Signals to a command whose child has a child of its own."""

import signal
import subprocess
import sys
import time

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
