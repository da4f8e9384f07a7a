import os
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.machine import STATUS, peak_bytes
from benchmarks.worker import OWN_CHOICE, instructions, leave_choice_to_libraries, outcome

from imdb_rnn.errors import UserError
from imdb_rnn.runtime.instruction_set import AVX2

ROOT = Path(__file__).parents[2]


def _printed(code: str) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_worker_loads_no_library_before_it_has_put_the_environment_right() -> None:
    assert _printed("import benchmarks.worker as w; w.leave_choice_to_libraries(); print(1)") == "1"


def test_libraries_of_peers_choose_their_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "modules", {})
    for variable, value in AVX2.items():
        monkeypatch.setenv(variable, value)
    assert instructions() == "AVX2"
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    leave_choice_to_libraries()
    assert AVX2.keys() & os.environ.keys() == {"ATEN_CPU_CAPABILITY"}, "the user has set it"
    assert instructions() == OWN_CHOICE


def test_it_is_too_late_for_a_library_that_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "modules", {"torch": sys})
    with pytest.raises(RuntimeError, match="already loaded: torch"):
        leave_choice_to_libraries()


@pytest.mark.skipif(not STATUS.exists(), reason="not Linux")
def test_the_peak_is_not_that_of_the_process_that_started_this_one() -> None:
    held = bytearray(b"x") * 300_000_000
    peak = int(_printed("from benchmarks.machine import peak_bytes; print(peak_bytes())"))
    assert peak < len(held) < peak_bytes()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModuleNotFoundError("No module named 'peer'"), "No module named 'peer'"),
        (ImportError("undefined symbol"), "ImportError: undefined symbol"),
        (MemoryError("16 GB"), "MemoryError: 16 GB"),
        (UserError("no reviews yet"), "no reviews yet"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_run_becomes_a_sentence(error: Exception, said: str) -> None:
    def fail() -> dict[str, object]:
        raise error

    assert outcome(fail) == {"failed": said}
