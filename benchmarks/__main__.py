"""`make bench`: every measurement in turn, then `reports/benchmark.json`, table and figure.

Each runs in a process of its own. What is done of the whole benchmark is kept in
`.cache/benchmark.jsonl`, so that an interrupted one goes on where it was; once all is written, that
file goes.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer

from benchmarks.catalogue import CATALOGUE
from benchmarks.document import fill_in
from benchmarks.figure import write_figure
from benchmarks.machine import describe_machine
from benchmarks.report import blocks, gathered, identity, refuse_mixture
from benchmarks.reviews import Reviews
from benchmarks.scaling import LABEL_EXPERIMENT, LABELS, SIZES
from benchmarks.tokenizing import TOKENIZERS
from benchmarks.worker import OWN, PEER
from imdb_rnn.console import console, error_console
from imdb_rnn.errors import UserError
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.signals import ending_together

RESULTS: Final = Path("reports/benchmark.json")
DOCUMENT: Final = Path("docs/benchmarks.md")
FIGURE: Final = Path("docs/images/accuracy_per_minute.png")
DONE: Final = Path(".cache/benchmark.jsonl")

MINUTES: Final = {"tokenizing": 0.4, "growth": 0.9, "labels": 1.5}
"""What one measurement of a kind takes on average, about."""

LAST: Final = "best-cpu"
"""The longest, so that an interrupted benchmark lacks it first."""


class Job(NamedTuple):
    """One measurement."""

    kind: str
    name: str
    seed: int

    @property
    def whose(self) -> str:
        """Whether this project does the work, or a peer of it."""
        match self.kind:
            case "contestant":
                own = CATALOGUE[self.name].own
            case "tokenizing":
                own = self.name == "project"
            case "labels":
                own = self.name.startswith(f"{LABEL_EXPERIMENT}:")
            case _:
                own = True
        return OWN if own else PEER


def main(
    only: Annotated[
        list[str] | None,
        typer.Argument(help="Contestants, or tokenizing, growth, labels. None runs all."),
    ] = None,
    runs: Annotated[int, typer.Option(help="Of each quick contestant.", min=1)] = 3,
    long_runs: Annotated[int, typer.Option(help="Of each that takes minutes.", min=1)] = 1,
) -> None:
    """Measure this project side by side with others, on this machine."""
    jobs = planned(set(only or _default_names()), runs, long_runs)
    earlier = read_json(RESULTS) if RESULTS.exists() else {}
    machine = describe_machine()
    # Refused before time is spent.
    refuse_mixture(jobs, earlier, machine)
    Reviews.read("test")
    done = {} if only else _done(identity(machine))  # rows that are named are measured anew
    left = [job for job in jobs if job not in done]
    _announce(left, len(done))
    for number, job in enumerate(left, start=1):
        console.print(f"{number} of {len(left)}: {job.kind} {job.name}, seed {job.seed}")
        done[job] = _measured(job)
        if not only and "failed" not in done[job]:
            _keep(job, done[job], identity(machine))
    results = gathered({job: done[job] for job in jobs}, earlier, machine)
    write_json(RESULTS, results)
    fill_in(DOCUMENT, blocks(results))
    write_figure(FIGURE, results["results"])
    if not only:
        DONE.unlink(missing_ok=True)
    console.print(f"{RESULTS}, {DOCUMENT} and {FIGURE} are written")


def _default_names() -> list[str]:
    return [*CATALOGUE, *MINUTES]


def planned(names: set[str], runs: int, long_runs: int) -> list[Job]:
    """All measurements, those of one name apart, so that they see the machine at several times."""
    unknown = names - CATALOGUE.keys() - MINUTES.keys()
    if unknown:
        known = ", ".join([*CATALOGUE, *MINUTES])
        raise UserError(f"{', '.join(sorted(unknown))}: not in the benchmark. Known: {known}.")
    times = list(_times(names, runs, long_runs))
    seeds = range(1, 1 + max(number for _, _, number in times))
    jobs = [Job(kind, name, seed) for seed in seeds for kind, name, n in times if seed <= n]
    return sorted(jobs, key=lambda job: job.name == LAST)


def _times(names: set[str], runs: int, long_runs: int) -> Iterator[tuple[str, str, int]]:
    """How often each measurement of the names is made: kind, name, number."""
    for name, entry in CATALOGUE.items():
        if name in names:
            yield "contestant", name, long_runs if entry.long else runs
    if "tokenizing" in names:
        yield from (("tokenizing", name, runs) for name in TOKENIZERS)
    if "growth" in names:
        yield from (("growth", str(size), 1) for size in SIZES)
    if "labels" in names:
        models = ("nb", LABEL_EXPERIMENT)
        yield from (("labels", f"{model}:{number}", 1) for model in models for number in LABELS)


def _announce(left: list[Job], kept: int) -> None:
    for kind, name in dict.fromkeys((job.kind, job.name) for job in left):
        times = sum(job[:2] == (kind, name) for job in left)
        console.print(f"{times} x {_minutes(kind, name):.1f} minutes: {kind} {name}")
    total = sum(_minutes(job.kind, job.name) for job in left)
    console.print(
        f"{len(left)} measurements, about {total:.0f} minutes in all; {kept} done before are kept"
    )


def _minutes(kind: str, name: str) -> float:
    return CATALOGUE[name].minutes if kind == "contestant" else MINUTES[kind]


def _measured(job: Job) -> dict[str, Any]:
    """The measurement's result, or a sentence about why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, "-m", "benchmarks.worker", job.whose]
        command += [*map(str, job), str(result)]
        began = time.monotonic()
        code = subprocess.run(command, check=False).returncode
        console.print(f"  {(time.monotonic() - began) / 60:.1f} minutes")
        if result.exists():
            measured: dict[str, Any] = read_json(result)
            return measured
        return {"failed": f"ended with exit code {code}"}


def _done(machine: str) -> dict[Job, dict[str, Any]]:
    """What an interrupted benchmark has measured on this machine."""
    if not DONE.exists():
        return {}
    lines = [json.loads(line) for line in DONE.read_text(encoding="utf-8").splitlines()]
    return {Job(*line["job"]): line["result"] for line in lines if line.get("machine") == machine}


def _keep(job: Job, result: dict[str, Any], machine: str) -> None:
    DONE.parent.mkdir(exist_ok=True)
    with DONE.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"job": job, "result": result, "machine": machine}) + "\n")


if __name__ == "__main__":
    try:
        with ending_together():
            typer.run(main)
    except UserError as refusal:
        error_console.print(str(refusal), style="red")
        sys.exit(2)
