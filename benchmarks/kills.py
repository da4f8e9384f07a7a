"""Kill the pipeline on the real reviews at random moments, let it go on, and compare the bytes.

    python -m benchmarks.kills --kills 6

Runs in a clean copy of the checked-out commit, like `imdb-rnn verify`, and takes as long as
`dvc repro` from nothing, and a little more for each kill. Writes `reports/kills.json`.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import numpy as np
import psutil
import typer

from imdb_rnn.console import console
from imdb_rnn.jsonfile import write_json
from imdb_rnn.verify import (
    compare,
    copy_commit,
    environment_of_its_own,
    read_lock,
    recorded_results,
)

RESULT: Final = Path("reports/kills.json")
LOCK: Final = Path("dvc.lock")
SIGNALS: Final = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
FAILED: Final = 1


def main(
    kills: Annotated[int, typer.Option(min=1, help="How often to kill it.")] = 6,
    mean_seconds: Annotated[
        float, typer.Option(min=1, help="Of the exponentially distributed time between kills.")
    ] = 90.0,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 1,
) -> None:
    """Kill, go on, compare; exit code 1 where an output differs."""
    recorded = recorded_results()
    random = np.random.default_rng(seed)
    with TemporaryDirectory(prefix="imdb-rnn-kills-") as folder:
        copy = Path(folder) / "copy"
        copy_commit(copy)
        killed: list[dict[str, str]] = []
        while len(killed) < kills:
            number = SIGNALS[len(killed) % len(SIGNALS)]
            stage = _run(copy, random.exponential(mean_seconds), number)
            if stage is None:
                break  # it was done before the moment came
            console.print(f"{number.name} during {stage}")
            killed.append({"signal": number.name, "stage": stage})
        _run(copy)
        result = compare(recorded, read_lock(copy / LOCK), Path(), copy)
    different = [output.path for output in result.outputs if not output.equal]
    write_json(
        RESULT,
        {"kills": killed, "outputs": len(result.outputs), "outputs_different": different},
    )
    console.print(f"{len(killed)} kills; {len(different)} of {len(result.outputs)} outputs differ")
    if different:
        raise typer.Exit(FAILED)


def _run(
    copy: Path, seconds: float | None = None, number: signal.Signals | None = None
) -> str | None:
    """Run the pipeline, and send the stage under way a signal after some seconds.

    Returns:
        The stage; None where the pipeline came to its end.
    """
    process = subprocess.Popen(
        ["dvc", "repro"], cwd=copy, env=environment_of_its_own(copy), start_new_session=True
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        stage = _stage_under_way(process)
        if stage and number:
            name: str = stage.cmdline()[-1].rpartition(".")[-1]
            stage.send_signal(number)
            process.wait()
            return name
        process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if process.returncode != 0:
        sys.exit(f"`dvc repro` ended with exit code {process.returncode}")
    return None


def _stage_under_way(dvc: subprocess.Popen[bytes]) -> psutil.Process | None:
    """The Python process of a stage, as soon as there is one; None if DVC ends before."""
    while dvc.poll() is None:
        for process in psutil.Process(dvc.pid).children(recursive=True):
            if "python" in process.name() and "imdb_rnn.stages" in " ".join(process.cmdline()):
                return process
        time.sleep(0.1)
    return None


if __name__ == "__main__":
    typer.run(main)
