"""Accuracy against minutes of training, as a picture."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from benchmarks.catalogue import CATALOGUE
from imdb_rnn.atomic import replacing


def write_figure(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw the course of each contestant's test accuracy; a single point where it has no passes.

    Args:
        path: PNG file to write.
        rows: `results` of `reports/benchmark.json`.
    """
    figure = Figure(figsize=(9, 5.2), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        if "failed" in row:
            continue
        minutes = [seconds / 60 for seconds, _ in row["curve"]]
        accuracies = [accuracy for _, accuracy in row["curve"]]
        axes.plot(
            minutes, accuracies, marker="o", label=CATALOGUE[row["name"]].title.replace("**", "")
        )
    axes.set_xscale("log")
    axes.set(xlabel="minutes of training, preparation included", ylabel="test accuracy")
    axes.set_title("Accuracy per minute", loc="left", fontweight="bold")
    axes.grid(visible=True, color="#e6e9ec")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize="small")
    content = BytesIO()
    figure.savefig(content, format="png", dpi=130, metadata={"Software": None})
    with replacing(path) as unfinished:
        unfinished.write_bytes(content.getbuffer())
