"""How far do results move with threads, Python versions and processors?

    python -m benchmarks.portability .cache/python3.12/bin/python

Runs an experiment of the checked-out commit, to the test results, in a clean copy for each
circumstance. The other Python is that of an environment where the project was installed with
`pip install -c constraints.txt -e .`. Writes `reports/portability.json` and the table of
`docs/reproducibility.md`.
`--experiment default` takes five times as long as `dvc repro` from nothing, `smoke` some minutes.
"""

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import numpy as np
import typer
import yaml

from benchmarks.baseline import EVEN_ODDS
from benchmarks.document import fill_in, table
from benchmarks.machine import describe_machine
from benchmarks.pipeline import experiment_params
from imdb_rnn.config import PARAMS_FILE
from imdb_rnn.console import console
from imdb_rnn.evaluation.evaluated_model import PREDICTIONS
from imdb_rnn.evaluation.predictions import Predictions, read_predictions
from imdb_rnn.experiments.named import merged
from imdb_rnn.experiments.verify import compare_runs, copy_commit, environment_of_its_own, read_lock
from imdb_rnn.io.json_file import write_json
from imdb_rnn.repository.dvc import EVALUATE, LOCK
from imdb_rnn.signals import ending_together

RESULTS: Final = Path("reports/portability.json")
DOCUMENT: Final = Path("docs/reproducibility.md")
OTHER_INSTRUCTIONS: Final = {
    "ATEN_CPU_CAPABILITY": "default",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "OPENBLAS_CORETYPE": "Nehalem",
    "MKL_CBWR": "COMPATIBLE",
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
}
"""What has each library take the code that it has for a processor without AVX2."""


@dataclass(frozen=True)
class Circumstance:
    """What a run does otherwise than the first."""

    title: str
    params: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    python: Path = Path(sys.executable)


def main(
    other_python: Annotated[Path, typer.Argument(help="Of another version, with the project.")],
    experiment: Annotated[str, typer.Option(help="What to run.")] = "smoke",
) -> None:
    """Run, compare, and write the results."""
    params = experiment_params(experiment)
    with TemporaryDirectory(prefix="imdb-rnn-portability-") as folder:
        circumstances = _circumstances(params["train"]["threads"], other_python)
        first, *copies = (Path(folder) / str(number) for number in range(len(circumstances) + 1))
        for copy in (first, *copies):
            copy_commit(copy)  # all at once, in case somebody commits meanwhile
        _run(first, params, Circumstance("undisturbed"))
        runs = []
        for circumstance, copy in zip(circumstances, copies, strict=True):
            _run(copy, params, circumstance)
            runs.append({"changed": circumstance.title} | differences(first, copy))
        predictions = read_predictions(first / PREDICTIONS, PREDICTIONS)
    results = {
        "experiment": experiment,
        "machine": describe_machine(),
        "reviews": len(predictions.labels),
        "accuracy": _accuracy(predictions),
        "runs": runs,
    }
    write_json(RESULTS, results)
    fill_in(DOCUMENT, blocks(results))
    console.print(blocks(results)["portability"])


def differences(first: Path, other: Path) -> dict[str, Any]:
    """How far the outputs of two runs of the pipeline are apart, from their folders.

    Returns:
        Number of outputs and names of those with other bytes; the largest absolute difference of a
        predicted probability; the accuracy that is gained.
    """
    outputs = compare_runs(read_lock(first / LOCK), read_lock(other / LOCK), first, other).outputs
    ours, theirs = (
        read_predictions(folder / PREDICTIONS, PREDICTIONS) for folder in (first, other)
    )
    return {
        "outputs": len(outputs),
        "outputs_different": [output.path for output in outputs if not output.equal],
        "probability_difference": float(np.abs(theirs.probability - ours.probability).max()),
        "accuracy_difference": _accuracy(theirs) - _accuracy(ours),
    }


def blocks(results: Mapping[str, Any]) -> dict[str, str]:
    """The document's table, and what it is of."""
    rows = [
        (
            run["changed"],
            f"{run['outputs'] - len(run['outputs_different'])} of {run['outputs']}",
            f"{run['probability_difference']:.1g}",
            f"{run['accuracy_difference']:+.4f}",
        )
        for run in results["runs"]
    ]
    what = f"The experiment `{results['experiment']}` again, with one thing changed:\n\n"
    head = ("changed", "outputs with equal bytes", "probabilities, at most", "accuracy")
    return {"portability": what + table(head, rows)}


def _circumstances(threads: int, other_python: Path) -> list[Circumstance]:
    others = 1 if threads > 1 else 2
    ours, theirs = _versions(Path(sys.executable)), _versions(other_python)
    title = f"train.threads {others} instead of {threads}"
    without = "the code for a processor without AVX2"
    return [
        Circumstance("nothing"),
        Circumstance(title, params={"train": {"threads": others}}),
        Circumstance(f"{theirs} instead of {ours}", python=other_python),
        Circumstance(without, environment=OTHER_INSTRUCTIONS),
    ]


def _versions(python: Path) -> str:
    code = (
        "import platform, torch;"
        "print('Python', platform.python_version(), 'with PyTorch', torch.__version__)"
    )
    said = subprocess.run([python, "-c", code], check=True, capture_output=True, encoding="utf-8")
    return said.stdout.strip()


def _run(copy: Path, params: Mapping[str, Any], circumstance: Circumstance) -> None:
    """Run the experiment in a clean copy of the commit."""
    console.print(circumstance.title)
    (copy / LOCK).unlink()  # else stages that do not run would count as equal
    changed = merged(params, circumstance.params)
    (copy / PARAMS_FILE).write_text(yaml.safe_dump(changed), encoding="utf-8")
    environment = {**environment_of_its_own(copy), **circumstance.environment}
    # Not resolved: a virtual environment's Python is a link to another place.
    environment["PATH"] = f"{circumstance.python.absolute().parent}:{environment['PATH']}"
    command = ["dvc", "repro", "--quiet", EVALUATE]
    subprocess.run(command, cwd=copy, env=environment, check=True)


def _accuracy(predictions: Predictions) -> float:
    return float(((predictions.probability > EVEN_ODDS) == predictions.labels).mean())


if __name__ == "__main__":
    with ending_together():
        typer.run(main)
