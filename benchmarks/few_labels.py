"""What few labels suffice for: the default beside the linear models.

    python -m benchmarks.few_labels --record

Draws 100, 300, 1,000 and 5,000 labelled reviews, as many of each class, three times each; all
25,000 are taken with three seeds. The pipeline learns from each draw as from a file of one's own,
alone and with the unlabelled reviews, and is judged on the 25,000 test reviews. `--record` writes
`reports/few_labels.json` after each draw, goes on from there when it is called again, and draws
the figure.

The reviews are those of `data/raw`; `dvc repro prepare` puts them there.
"""

import json
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import typer
import yaml
from joblib import Parallel, delayed
from matplotlib.figure import Figure

from benchmarks.document import table
from benchmarks.machine import describe_machine
from benchmarks.size import run_stage
from imdb_rnn.config import PARAMS_FILE
from imdb_rnn.console import console
from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.evaluation import predictions as evaluated
from imdb_rnn.evaluation.figures import write_figure
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.io.parquet_file import read_table
from imdb_rnn.io.yaml_file import read_yaml
from imdb_rnn.signals import ending_together

RESULTS: Final = Path("reports/few_labels.json")
FIGURE: Final = Path("docs/images/few_labels.png")
RAW: Final = Path("data/raw")
PROJECT: Final = Path(__file__).parents[1]
SIZES: Final = (100, 300, 1000, 5000, 25000)
DRAWS: Final = (1, 2, 3)
STAGES: Final = (
    "download",
    "prepare",
    "baseline",
    "pseudo_label",
    "ngram_log_odds",
    "word_vectors",
    "train",
    "evaluate",
)
TITLES: Final = {
    "unlabelled": "network, with unlabelled reviews",
    "alone": "network",
    "nb": evaluated.TITLES["nb"],
    "tfidf": evaluated.TITLES["tfidf"],
}
"""What is compared, and what tables and the figure call it."""

NETWORKS: Final = ("alone", "unlabelled")

Row = dict[str, Any]


def main(
    *,
    jobs: Annotated[int, typer.Option(help="Trainings at once, on one thread each.")] = 1,
    record: Annotated[bool, typer.Option("--record", help="Keep and draw the results.")] = False,
) -> None:
    """Run what is missing, print the table, and keep it if asked."""
    rows: list[Row] = read_json(RESULTS)["rows"] if record and RESULTS.exists() else []
    done = {_place(row) for row in rows}
    missing = [
        (labels, draw, network)
        for draw, labels, network in product(DRAWS, SIZES, NETWORKS)
        if (labels, draw, network) not in done
    ]
    running = Parallel(jobs, prefer="threads", return_as="generator_unordered")
    for row in running(delayed(measured)(*place) for place in missing):
        rows = sorted([*rows, row], key=_place)
        console.print(json.dumps(row), markup=False)
        if record:
            write_json(RESULTS, {"machine": describe_machine(), "rows": rows})
    if record:
        write_figure(FIGURE, figure(rows))
    console.print(blocks({"rows": rows})["few labels"], markup=False)


def _place(row: Row) -> tuple[int, int, str]:
    return row["labels"], row["draw"], row["network"]


def measured(labels: int, draw: int, network: str) -> Row:
    """Test accuracies on one draw, and the lead of the network over the better linear model."""
    with TemporaryDirectory(prefix="imdb-rnn-few-") as name:
        folder = Path(name)
        write_draw(folder / "train.parquet", labels, draw)
        test = named(read_table(RAW / "test.parquet", ["text", "label", "movie"]))
        pq.write_table(test, folder / "test.parquet")
        files = {"train": "train.parquet", "test": "test.parquet"}
        if network == "unlabelled":
            files["unlabelled"] = str(RAW.resolve() / "unsup.parquet")
        results = run_pipeline(folder, files, draw)
    linear = {name: found["accuracy"] for name, found in results["baselines"].items()}
    better = results["baselines"][max(linear, key=lambda name: linear[name])]
    return {
        "labels": labels,
        "draw": draw,
        "network": network,
        "accuracy": results["accuracy"],
        **linear,
        "lead": [better[f"difference{end}"] for end in ("", "_low", "_high")],
    }


def write_draw(path: Path, labels: int, draw: int) -> None:
    """Write that many labelled training reviews, half of them of each class."""
    reviews = read_table(RAW / "train.parquet", ["text", "label", "movie"])
    random = np.random.default_rng([labels, draw])
    classes = np.asarray(reviews["label"])
    drawn = np.concatenate(
        [random.permutation(np.flatnonzero(classes == label))[: labels // 2] for label in (0, 1)]
    )
    pq.write_table(named(reviews.take(pa.array(np.sort(drawn)))), path)


def named(reviews: pa.Table) -> pa.Table:
    """The same reviews as a user's file would have them: with the names of their classes."""
    names = pa.array(SENTIMENT).take(reviews["label"].combine_chunks())
    return reviews.set_column(1, "label", names)


def run_pipeline(folder: Path, files: Mapping[str, str], seed: int) -> dict[str, Any]:
    """Run the stages on files of one's own; returns `reports/evaluate.json`."""
    params: Any = read_yaml(PROJECT / PARAMS_FILE)
    source = {"files": dict(files), "group": "movie", "classes": list(SENTIMENT)}
    params["seed"] = seed
    params["download"]["sources"] = [source]
    params["train"]["threads"] = 1  # so that draws beside each other do not wait for each other
    (folder / PARAMS_FILE).write_text(yaml.safe_dump(params), encoding="utf-8")
    shutil.copyfile(PROJECT / "dvc.yaml", folder / "dvc.yaml")
    for stage in STAGES:
        run_stage(stage, folder)
    results: dict[str, Any] = read_json(folder / "reports/evaluate.json")
    return results


def accuracies(rows: Sequence[Row]) -> dict[str, dict[int, list[float]]]:
    """Test accuracies of the draws, by model and by number of labels."""
    found: dict[str, dict[int, list[float]]] = {model: defaultdict(list) for model in TITLES}
    for row in rows:
        found[row["network"]][row["labels"]].append(row["accuracy"])
    # To the linear models it is the same draw with unlabelled reviews and without.
    for row in {(row["labels"], row["draw"]): row for row in rows}.values():
        for model in ("nb", "tfidf"):
            found[model][row["labels"]].append(row[model])
    return found


def blocks(results: Mapping[str, Any]) -> dict[str, str]:
    """The table for a document: means over the draws, and how often a network leads for sure."""
    rows: Sequence[Row] = results["rows"]
    found = accuracies(rows)
    head = ("labels", *TITLES.values(), "leads alone", "leads with unlabelled")
    lines = [
        (
            f"{labels:,}",
            *(f"{mean(drawn):.4f}" if (drawn := found[m].get(labels)) else "" for m in TITLES),
            *(
                _verdicts([r["lead"] for r in rows if (r["labels"], r["network"]) == (labels, n)])
                for n in NETWORKS
            ),
        )
        for labels in SIZES
        if labels in found["nb"]
    ]
    return {"few labels": table(head, lines)}


def _verdicts(leads: Sequence[Sequence[float]]) -> str:
    """In how many draws the interval of the lead lies above zero, and in how many below."""
    if not leads:
        return ""
    ahead = sum(low > 0 for _, low, _ in leads)
    behind = sum(high < 0 for _, _, high in leads)
    return f"{ahead} ahead, {behind} behind, of {len(leads)}"


def figure(rows: Sequence[Row]) -> Figure:
    """Test accuracy by number of labels: means over the draws, and their range."""
    drawing = Figure(figsize=(7, 4.5), layout="constrained")
    axes = drawing.subplots()
    for model, by_size in accuracies(rows).items():
        if not by_size:
            continue
        sizes = sorted(by_size)
        drawn = [by_size[labels] for labels in sizes]
        axes.plot(sizes, [mean(each) for each in drawn], marker="o", label=TITLES[model])
        lowest, highest = ([end(each) for each in drawn] for end in (min, max))
        axes.fill_between(sizes, lowest, highest, alpha=0.15)
    axes.set_xscale("log")
    axes.set_xticks(SIZES, [f"{labels:,}" for labels in SIZES])
    axes.minorticks_off()
    axes.set(xlabel="labelled reviews", ylabel="test accuracy")
    axes.grid(alpha=0.3)
    axes.legend()
    return drawing


if __name__ == "__main__":
    with ending_together():
        typer.run(main)
