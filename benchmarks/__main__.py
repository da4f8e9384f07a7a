"""`make bench`: every row in turn, then `reports/benchmark.json`, its table and its figure.

Each run has a process of its own. What is done is kept in `.cache/benchmark` until all is written,
so that an interrupted benchmark goes on where it was.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from benchmarks.baseline import Reviews
from benchmarks.catalogue import ROWS
from benchmarks.document import fill_in
from benchmarks.machine import describe_machine, identity
from benchmarks.report import blocks, gathered, refuse_mixture, write_figure
from imdb_rnn.console import console, error_console
from imdb_rnn.errors import UserError
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.signals import ending_together

RESULTS: Final = Path("reports/benchmark.json")
DOCUMENT: Final = Path("docs/benchmarks.md")
FIGURE: Final = Path("docs/images/accuracy_per_minute.png")
DONE: Final = Path(".cache/benchmark")


def main(
    only: Annotated[list[str] | None, typer.Argument(help="Rows to measure anew.")] = None,
    runs: Annotated[int, typer.Option(help="Of each quick row; the others run once.", min=1)] = 3,
) -> None:
    """Measure this project side by side with others, on this machine."""
    jobs = planned(only or list(ROWS), runs)
    earlier = read_json(RESULTS) if RESULTS.exists() else {}
    machine = describe_machine()
    # Refused before time is spent.
    refuse_mixture([name for name, _ in jobs], earlier, machine)
    Reviews.read("test")
    minutes = sum(ROWS[name].minutes for name, _ in jobs)
    console.print(f"{len(jobs)} runs, about {minutes:.0f} minutes")
    measured: dict[str, dict[int, dict[str, Any]]] = {}
    for number, (name, seed) in enumerate(jobs, start=1):
        console.print(f"{number} of {len(jobs)}: {name}, seed {seed}")
        measured.setdefault(name, {})[seed] = _measured(name, seed, identity(machine))
    results = gathered(measured, earlier, machine)
    write_json(RESULTS, results)
    fill_in(DOCUMENT, blocks(results))
    write_figure(FIGURE, results["results"])
    for name, seed in jobs:
        _kept(name, seed).unlink(missing_ok=True)
    console.print(f"{RESULTS}, {DOCUMENT} and {FIGURE} are written")


def planned(names: list[str], runs: int) -> list[tuple[str, int]]:
    """Names and seeds, the runs of a row apart, so that they see the machine at several times."""
    if unknown := sorted(set(names) - ROWS.keys()):
        known = ", ".join(ROWS)
        raise UserError(f"{', '.join(unknown)}: not in the benchmark. Known: {known}.")
    return [
        (name, seed)
        for seed in range(1, 1 + runs)
        for name, row in ROWS.items()
        if name in names and (row.quick or seed == 1)
    ]


def _measured(name: str, seed: int, machine: str) -> dict[str, Any]:
    """What came of a run; what an interrupted benchmark has kept is not measured again."""
    if _kept(name, seed).exists():
        kept = read_json(_kept(name, seed))
        if kept["machine"] == machine:
            return dict(kept["result"])
    whose = "baseline" if ROWS[name].baseline else "own"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        command = [sys.executable, "-m", "benchmarks.worker", whose, name, str(seed), str(path)]
        code = subprocess.run(command, check=False).returncode
        result: dict[str, Any] = (
            read_json(path) if path.exists() else {"failed": f"ended with exit code {code}"}
        )
    if "failed" not in result:
        write_json(_kept(name, seed), {"machine": machine, "result": result})
    return result


def _kept(name: str, seed: int) -> Path:
    return DONE / f"{name}-{seed}.json"


if __name__ == "__main__":
    try:
        with ending_together():
            typer.run(main)
    except UserError as refusal:
        error_console.print(str(refusal), style="red")
        sys.exit(2)
