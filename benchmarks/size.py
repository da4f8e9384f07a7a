"""Time and memory of the stages `download` and `prepare` on files of one's own, by their size.

    python -m benchmarks.size 100000 1000000 --record

Generates reviews of three classes as CSV and as parquet in a temporary folder, and runs the stages
on them, each in a process of its own. `--record` writes `reports/size.json`.
"""

import csv
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer
import yaml

from benchmarks.document import table
from benchmarks.machine import describe_machine, in_own_process, peak_bytes
from imdb_rnn.config import PARAMS_FILE
from imdb_rnn.console import console
from imdb_rnn.io.json_file import write_json
from imdb_rnn.io.yaml_file import read_yaml
from imdb_rnn.signals import ending_together

RESULTS: Final = Path("reports/size.json")
PROJECT: Final = Path(__file__).parents[1]
STAGES: Final = ("download", "prepare")
CLASSES: Final = ("bad", "fair", "good")
VOCABULARY: Final = 50_000
FEWEST_WORDS: Final = 30
MOST_WORDS: Final = 200
AT_ONCE: Final = 5000

Rows = tuple[list[str], list[str]]


def main(
    sizes: Annotated[list[int], typer.Argument(help="Numbers of reviews.")],
    *,
    record: Annotated[bool, typer.Option("--record", help="Write reports/size.json.")] = False,
) -> None:
    """Measure, print, and write the results if asked."""
    rows = [
        row
        for size in sizes
        for ending, write in (("csv", write_csv), ("parquet", write_parquet))
        for row in measured(size, ending, write)
    ]
    results = {"machine": describe_machine(), "rows": rows}
    if record:
        write_json(RESULTS, results)
    console.print(blocks(results)["size"], markup=False)


def measured(size: int, ending: str, write: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - one of two
    """Seconds and bytes of each stage on so many generated reviews."""
    with TemporaryDirectory(prefix="imdb-rnn-size-") as name:
        folder = Path(name)
        file = folder / f"reviews.{ending}"
        write(file, generated(size))
        params: Any = read_yaml(PROJECT / PARAMS_FILE)
        params["download"]["sources"] = [{"files": {"train": file.name}}]
        (folder / PARAMS_FILE).write_text(yaml.safe_dump(params), encoding="utf-8")
        for stage in STAGES:
            seconds, peak = in_own_process(run_stage, stage, folder)
            row = {
                "reviews": size,
                "form": ending,
                "megabytes": round(file.stat().st_size / 1e6, 1),
                "stage": stage,
                "seconds": round(seconds, 2),
                "peak_bytes": peak,
            }
            console.print(
                f"{size:,} {ending}, {stage}: {seconds:.1f} s, {peak / 1e6:,.0f} MB", markup=False
            )
            yield row


def run_stage(stage: str, folder: Path) -> tuple[float, int]:
    """Seconds that a stage took as a process of its own, and its largest resident memory."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", f"imdb_rnn.stages.{stage}"],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": str(PROJECT / "src"), "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db"},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began, peak_bytes()


def generated(size: int) -> Iterator[Rows]:
    """Texts and labels, some thousands at once; frequent words are frequent as in English."""
    draw = np.random.default_rng(1)
    letters = np.array(list("etaoinsrhdlu"))
    words = np.array(
        ["".join(draw.choice(letters, draw.integers(2, 10))) for _ in range(VOCABULARY)]
    )
    shares = 1 / np.arange(1, VOCABULARY + 1)
    bounds = np.cumsum(shares / shares.sum())
    for begin in range(0, size, AT_ONCE):
        lengths = draw.integers(FEWEST_WORDS, MOST_WORDS, min(AT_ONCE, size - begin))
        drawn = words[np.searchsorted(bounds[:-1], draw.random(lengths.sum()))]
        texts = [" ".join(some) for some in np.split(drawn, np.cumsum(lengths)[:-1])]
        yield texts, [CLASSES[i] for i in draw.integers(len(CLASSES), size=len(texts))]


def write_csv(path: Path, rows: Iterator[Rows]) -> None:
    """Write generated reviews."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for texts, labels in rows:
            writer.writerows(zip(texts, labels, strict=True))


def write_parquet(path: Path, rows: Iterator[Rows]) -> None:
    """Write generated reviews."""
    schema = pa.schema([("text", pa.string()), ("label", pa.string())])
    with pq.ParquetWriter(path, schema) as file:
        for texts, labels in rows:
            file.write_batch(pa.record_batch([texts, labels], schema=schema))


def blocks(results: Mapping[str, Any]) -> dict[str, str]:
    """The table for a document."""
    rows = [
        (
            f"{row['reviews']:,}",
            row["form"],
            row["stage"],
            f"{row['seconds']:.1f}",
            f"{1e6 * row['seconds'] / row['reviews']:.0f}",
            f"{row['peak_bytes'] / 1e6:,.0f}",
        )
        for row in results["rows"]
    ]
    head = ("reviews", "file", "stage", "seconds", "microseconds a review", "peak memory, MB")
    return {"size": table(head, rows)}


if __name__ == "__main__":
    with ending_together():
        typer.run(main)
