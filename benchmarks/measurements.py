"""How long the pipeline takes and how much memory, and how fast `imdb-rnn predict` is.

    python -m benchmarks.measurements pipeline
    python -m benchmarks.measurements predict

`pipeline` works in a clean copy of the checked-out commit, like `imdb-rnn verify`: every stage,
`dvc repro` with nothing to do, the experiment `smoke`. `predict` asks the trained model here. Leave
the machine alone meanwhile. Writes `reports/measurements.json` or `reports/predict.json`, and the
table in docs/benchmarks.md.
"""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import typer
import yaml

from benchmarks.document import fill_in, table
from benchmarks.machine import describe_machine, in_own_process, peak_bytes
from imdb_rnn.data.reviews import read_reviews
from imdb_rnn.experiments.verify import copy_commit, environment_of_its_own
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.signals import ending_together

PIPELINE: Final = Path("reports/measurements.json")
PREDICT: Final = Path("reports/predict.json")
DOCUMENT: Final = Path("docs/benchmarks.md")
REVIEWS: Final = Path("data/raw/test.parquet")
ATTEMPTS: Final = 5
BOUNDS: Final = {
    "repro_seconds": ("all stages from nothing, s", 900),
    "diagnostics_seconds": ("of these `diagnostics`, s", 180),
    "largest_gib": ("largest memory of any process, GiB", 2.79),
    "train_gib": ("largest memory of the training, GiB", 1.86),
    "idle_repro_seconds": ("`dvc repro` with nothing to do, s", 5),
    "smoke_seconds": ("`imdb-rnn experiment smoke`, all stages, s", 60),
    "reviews_per_second": ("`imdb-rnn predict` from file to file, reviews a second", 1500),
    "cold_start_seconds": ("`imdb-rnn predict` of one text, start included, s", 3),
}
"""What is measured -> how a reader calls it, and what it should keep to: at least for a speed."""

app = typer.Typer()


@app.command()
def pipeline() -> None:
    """Measure the pipeline in a clean copy."""
    with TemporaryDirectory(prefix="imdb-rnn-measurements-") as folder:
        copy = Path(folder) / "copy"
        copy_commit(copy)
        # Forced, because a clone has the outputs that Git keeps, and need not make those again.
        repro = ("dvc", "repro", "--force", "--single-item")
        stages = {
            stage: in_own_process(taken, (*repro, stage), copy)
            for stage in yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
        }
        idle, _ = taken(("dvc", "repro"), copy)
        smoke, _ = taken(("imdb-rnn", "experiment", "smoke"), copy)
        variant = read_json(copy / "reports/evaluate.json")["variant"]
    _write(PIPELINE, {"variant": variant, **summarized(stages, idle, smoke)})


def taken(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """Run a command in a folder: its seconds, and the memory of its largest process in GiB.

    Raises:
        CalledProcessError: It fails.
    """
    began = time.monotonic()
    subprocess.run(command, cwd=folder, env=environment_of_its_own(folder), check=True)
    return time.monotonic() - began, peak_bytes() / 2**30


def summarized(
    stages: Mapping[str, tuple[float, float]], idle_seconds: float, smoke_seconds: float
) -> dict[str, Any]:
    """What each stage took, and `dvc repro` with nothing to do, and the experiment `smoke`."""
    seconds = {name: round(its_seconds, 1) for name, (its_seconds, _) in stages.items()}
    memory = {name: round(gib, 2) for name, (_, gib) in stages.items()}
    return {
        "repro_seconds": round(sum(seconds.values()), 1),
        "diagnostics_seconds": seconds["diagnostics"],
        "largest_gib": max(memory.values()),
        "train_gib": memory["train"],
        "idle_repro_seconds": round(idle_seconds, 1),
        "smoke_seconds": round(smoke_seconds, 1),
        "stage_seconds": seconds,
    }


@app.command()
def predict() -> None:
    """Measure `imdb-rnn predict` with the trained model."""
    bulk = [_predict_seconds("--file", str(REVIEWS), "--format", "csv") for _ in range(3)]
    cold = [_predict_seconds("A superb, moving film.") for _ in range(ATTEMPTS)]
    reviews = len(read_reviews(REVIEWS))
    speed = {"reviews_per_second": round(reviews / min(bulk))}
    _write(PREDICT, {"reviews": reviews, **speed, "cold_start_seconds": round(median(cold), 2)})


def _predict_seconds(*arguments: str) -> float:
    program = str(Path(sys.executable).with_name("imdb-rnn"))
    with TemporaryDirectory() as folder, (Path(folder) / "answers").open("wb") as answers:
        began = time.perf_counter()
        subprocess.run([program, "predict", *arguments], stdout=answers, check=True)
        return time.perf_counter() - began


def _write(path: Path, results: dict[str, Any]) -> None:
    write_json(path, {"machine": describe_machine(), **results})
    fill_in(DOCUMENT, blocks(read_json(PIPELINE), read_json(PREDICT)))


def kept(name: str, measured: float) -> bool:
    """Whether a bound is kept."""
    _, bound = BOUNDS[name]
    return measured >= bound if name == "reviews_per_second" else measured <= bound


def blocks(of_pipeline: Mapping[str, Any], of_predict: Mapping[str, Any]) -> dict[str, str]:
    """The table in docs/benchmarks.md, from the contents of the two reports."""
    rows = []
    for name, (title, bound) in BOUNDS.items():
        measured = {**of_predict, **of_pipeline}[name]
        least = "at least" if name == "reviews_per_second" else "at most"
        missed = "" if kept(name, measured) else ", missed"
        rows.append((title, f"{measured:,.5g}", f"{least} {bound:,g}{missed}"))
    stages = (f"`{name}` {seconds:.0f}" for name, seconds in of_pipeline["stage_seconds"].items())
    said = (
        f"All but the last two rows: {of_pipeline['machine']['processor']}, variant "
        f"{of_pipeline['variant']}. The seconds of its stages: {', '.join(stages)}.\n"
    )
    return {"measurements": f"{table(('', 'measured', 'bound'), rows)}\n{said}"}


if __name__ == "__main__":
    with ending_together():
        app()
