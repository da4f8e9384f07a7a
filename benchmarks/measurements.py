"""How long the pipeline takes and how much memory, as docs/measurements.md says it.

    python -m benchmarks.measurements

In a clean copy of the checked-out commit, like `imdb-rnn verify`: all stages from nothing, a second
`dvc repro` with nothing to do, the experiment `smoke`. Takes somewhat longer than `dvc repro` from
nothing; leave the machine alone meanwhile. Writes `reports/measurements.json` and the table in
docs/measurements.md.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil

from benchmarks.document import fill_in
from benchmarks.machine import describe_machine
from imdb_rnn.console import console
from imdb_rnn.experiments.verify import copy_commit, environment_of_its_own
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.signals import ending_together

RESULTS: Final = Path("reports/measurements.json")
DOCUMENT: Final = Path("docs/measurements.md")
STAGES: Final = "imdb_rnn.stages."
SECONDS_BETWEEN_LOOKS: Final = 0.1
SHOWN_FROM_SECONDS: Final = 10
"""Shorter stages are not listed in the table."""
GIB: Final = 2**30
BOUNDS: Final = {
    "repro_seconds": 900.0,
    "diagnostics_seconds": 180.0,
    "largest_gib": 3e9 / GIB,
    "train_gib": 2e9 / GIB,
    "idle_repro_seconds": 5.0,
    "smoke_seconds": 60.0,
}


def main() -> None:
    """Measure, print and write."""
    with TemporaryDirectory(prefix="imdb-rnn-measurements-") as folder:
        copy = Path(folder) / "copy"
        copy_commit(copy)
        # Forced, because a clone has the outputs that Git keeps, and need not make those again.
        repro = watched(["dvc", "repro", "--force"], copy)
        idle = watched(["dvc", "repro"], copy)
        smoke = watched(["imdb-rnn", "experiment", "smoke"], copy)
        variant = read_json(copy / "reports/evaluate.json")["variant"]
    results = {
        "variant": variant,
        "machine": describe_machine(),
        **summarized(repro, idle.seconds, smoke.seconds),
    }
    write_json(RESULTS, results)
    fill_in(DOCUMENT, blocks(results))
    console.print(blocks(results)["measurements"], markup=False)


@dataclass
class StageUse:
    """What one stage was seen to take."""

    first_seen: float
    last_seen: float
    peak_bytes: int = 0
    """Largest resident memory of one of its processes."""

    @property
    def seconds(self) -> float:
        """How long it was seen."""
        return self.last_seen - self.first_seen


@dataclass
class Watched:
    """What a command took."""

    seconds: float = 0.0
    peak_bytes: int = 0
    """Largest resident memory of any of its processes."""
    stages: dict[str, StageUse] = field(default_factory=dict)


def watched(command: Sequence[str], folder: Path) -> Watched:
    """Run a command to its end, and look at its processes ten times a second.

    Args:
        command: Started without a cache or an MLflow store but the folder's.
        folder: To run it in.

    Raises:
        SystemExit: It fails.
    """
    seen, ended = Watched(), threading.Event()
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, env=environment_of_its_own(folder), start_new_session=True
    )
    looking = threading.Thread(target=_look, args=(process.pid, seen, ended), daemon=True)
    looking.start()
    try:
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        ended.set()
        looking.join()
    seen.seconds = time.monotonic() - began
    if code != 0:
        sys.exit(f"`{' '.join(command)}` ended with exit code {code}")
    return seen


def _look(number: int, seen: Watched, ended: threading.Event) -> None:
    """Note the memory of a process and of those below it until it has ended."""
    while not ended.wait(SECONDS_BETWEEN_LOOKS):
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(number)
            for process in (top, *top.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):  # one that has just ended
                    _note(seen, process.cmdline(), process.memory_info().rss)


def _note(seen: Watched, command: Sequence[str], resident: int) -> None:
    seen.peak_bytes = max(seen.peak_bytes, resident)
    if command and command[-1].startswith(STAGES):
        now = time.monotonic()
        stage = seen.stages.setdefault(command[-1].removeprefix(STAGES), StageUse(now, now))
        stage.last_seen = now
        stage.peak_bytes = max(stage.peak_bytes, resident)


def summarized(repro: Watched, idle_seconds: float, smoke_seconds: float) -> dict[str, Any]:
    """The contents of `reports/measurements.json`, without the circumstances.

    Args:
        repro: `dvc repro` from nothing.
        idle_seconds: `dvc repro` with nothing to do.
        smoke_seconds: The experiment `smoke`.
    """
    largest = max(repro.stages, key=lambda name: repro.stages[name].peak_bytes)
    measured = {
        "repro_seconds": round(repro.seconds, 1),
        "diagnostics_seconds": round(repro.stages["diagnostics"].seconds, 1),
        "largest_gib": round(repro.peak_bytes / GIB, 2),
        "train_gib": round(repro.stages["train"].peak_bytes / GIB, 2),
        "idle_repro_seconds": round(idle_seconds, 1),
        "smoke_seconds": round(smoke_seconds, 1),
    }
    return {
        **{
            name: {"measured": value, "at_most": round(BOUNDS[name], 2)}
            for name, value in measured.items()
        },
        "largest_stage": largest,
        "stage_seconds": {name: round(use.seconds, 1) for name, use in repro.stages.items()},
    }


def blocks(results: Mapping[str, Any]) -> dict[str, str]:
    """The rows in docs/measurements.md that this script measures."""
    measured = {name: results[name]["measured"] for name in BOUNDS}
    long = ", ".join(
        f"`{name}` {_minutes(seconds)}"
        for name, seconds in results["stage_seconds"].items()
        if seconds >= SHOWN_FROM_SECONDS
    )

    def bound(name: str, text: str) -> str:
        return text if measured[name] <= BOUNDS[name] else f"{text}, missed"

    rows = [
        (
            "`dvc repro` from nothing, all stages",
            f"{_minutes(measured['repro_seconds'])} minutes",
            bound("repro_seconds", "15 minutes"),
        ),
        (f"of these: {long}", "", f"`diagnostics`: {bound('diagnostics_seconds', '3 minutes')}"),
        (
            f"largest memory of any process (`{results['largest_stage']}`)",
            f"{measured['largest_gib']:.2f} GiB",
            bound("largest_gib", "3 GB"),
        ),
        (
            "largest memory of the training",
            f"{measured['train_gib']:.2f} GiB",
            bound("train_gib", "2 GB"),
        ),
        (
            "`dvc repro` with nothing to do",
            f"{measured['idle_repro_seconds']:.1f} s",
            bound("idle_repro_seconds", "5 s"),
        ),
        (
            "`imdb-rnn experiment smoke`, all stages",
            f"{measured['smoke_seconds']:.0f} s",
            bound("smoke_seconds", "60 s"),
        ),
    ]
    lines = [("what", "measured", "bound"), ("---", "---", "---"), *rows]
    return {"measurements": "".join(f"| {' | '.join(line)} |\n" for line in lines)}


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}"


if __name__ == "__main__":
    with ending_together():
        main()
