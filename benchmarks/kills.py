"""Kill the pipeline on the real reviews at random moments, let it go on, and compare the bytes.

    python -m benchmarks.kills --kills 6

Runs in a clean copy of the checked-out commit, like `imdb-rnn verify`, and takes as long as
`dvc repro` from nothing, and a little more for each kill. Writes `reports/kills.json` and the
sentence in docs/promises.md.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import numpy as np
import psutil
import typer

from benchmarks.document import fill_in
from imdb_rnn.console import console
from imdb_rnn.experiments.verify import (
    compare_runs,
    copy_commit,
    environment_of_its_own,
    read_lock,
    recorded_results,
)
from imdb_rnn.io.json_file import write_json
from imdb_rnn.repository.dvc import LOCK
from imdb_rnn.signals import ending_together

RESULT: Final = Path("reports/kills.json")
DOCUMENT: Final = Path("docs/promises.md")
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
    # Processes inherit what is ignored, and a background job may ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    random = np.random.default_rng(seed)
    with TemporaryDirectory(prefix="imdb-rnn-kills-") as folder:
        copy = Path(folder) / "copy"
        copy_commit(copy)
        killed: list[dict[str, str]] = []
        while len(killed) < kills:
            number = SIGNALS[len(killed) % len(SIGNALS)]
            stage = _run(copy, random.exponential(mean_seconds), number)
            if stage is None:
                break  # the pipeline was done before
            console.print(f"{number.name} during {stage}")
            killed.append({"signal": number.name, "stage": stage})
        _run(copy)
        result = compare_runs(recorded, read_lock(copy / LOCK), Path(), copy)
    different = [output.path for output in result.outputs if not output.equal]
    results = {"kills": killed, "outputs": len(result.outputs), "outputs_different": different}
    write_json(RESULT, results)
    fill_in(DOCUMENT, blocks(results))
    console.print(blocks(results)["kills"])
    if different:
        raise typer.Exit(FAILED)


def blocks(results: Mapping[str, Any]) -> dict[str, str]:
    """The sentence in docs/promises.md."""
    killed = ", ".join(f"`{kill['stage']}` by {kill['signal']}" for kill in results["kills"])
    equal = results["outputs"] - len(results["outputs_different"])
    return {
        "kills": f"On the real reviews, the pipeline was killed {len(results['kills'])} times at "
        f"random moments and run again: {killed}. Of its {results['outputs']} outputs, {equal} "
        "have the bytes of an undisturbed run.\n"
    }


def _run(
    copy: Path, seconds: float | None = None, number: signal.Signals | None = None
) -> str | None:
    """Run the pipeline, and send the stage under way a signal after some seconds.

    Returns:
        The stage that did not survive it; None where the pipeline came to its end.
    """
    process = subprocess.Popen(
        ["dvc", "repro"], cwd=copy, env=environment_of_its_own(copy), start_new_session=True
    )
    stage = None
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        if number and process.poll() is None:
            stage = _strike(process, number)
        code = process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    if code == 0:
        return None
    if stage is None:
        sys.exit(f"`dvc repro` ended with exit code {code}")
    return stage


def _strike(dvc: subprocess.Popen[bytes], number: signal.Signals) -> str | None:
    """Send a signal to a stage as soon as one is under way; None if DVC ends before."""
    while dvc.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):  # one that ends while it is looked at
            for process in psutil.Process(dvc.pid).children(recursive=True):
                command = process.cmdline()
                if "python" in process.name() and "imdb_rnn.stages" in " ".join(command):
                    process.send_signal(number)
                    return str(command[-1]).rpartition(".")[-1]
        time.sleep(0.1)
    return None


if __name__ == "__main__":
    with ending_together():
        typer.run(main)
