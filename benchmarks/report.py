"""From single runs to `reports/benchmark.json`, its tables in docs/benchmarks.md and the figure."""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from benchmarks.catalogue import ROWS
from benchmarks.document import table
from benchmarks.machine import identity
from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.drawing import Figure, style
from imdb_rnn.io.atomic import replacing

_OWN: Final = ("#7fb2e5", "#3f8fd6", "#1f5fa8", "#123a70", "#000000")
_BASELINES: Final = ("#e07b28", "#b2473e", "#3f8f6b", "#8fc7a8", "#8156a0", "#c29ad6")
_CLOSE_UP: Final = (0.88, 0.94)
"""Accuracies that are drawn larger: where models that are any good differ."""
_MINUTES: Final = (0.1, 0.3, 1, 3, 10, 30)


def gathered(
    measured: Mapping[str, Mapping[int, Mapping[str, Any]]],
    earlier: Mapping[str, Any],
    machine: Mapping[str, Any],
) -> dict[str, Any]:
    """All results; a row that was not measured anew stays as it was.

    Args:
        measured: Name of a row -> seed -> what came of it.
        earlier: The last results, or nothing.
        machine: From `describe_machine`.
    """
    rows = {row["name"]: row for row in earlier.get("results", [])}
    rows |= {name: {"name": name, **_summarized(runs)} for name, runs in measured.items()}
    return {"machine": machine, "results": list(rows.values())}


def refuse_mixture(
    names: Iterable[str], earlier: Mapping[str, Any], machine: Mapping[str, Any]
) -> None:
    """Refuse to put rows of this machine beside those of another.

    Raises:
        UserError: Rows would stay as another processor gave them.
    """
    others = {row["name"] for row in earlier.get("results", [])} - set(names)
    if others and identity(earlier["machine"]) != identity(machine):
        raise UserError(
            f"{', '.join(sorted(others))}: measured on {identity(earlier['machine'])}, and this "
            f"is {identity(machine)}. Measure them here too."
        )


def _summarized(runs: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Medians over the runs, and each run's seed, accuracy and time.

    The curve is the first run's.
    """
    good = {seed: run for seed, run in runs.items() if "failed" not in run}
    if not good:
        return {"failed": next(iter(runs.values()))["failed"]}
    row: dict[str, Any] = {"runs": len(good)}
    for key, value in next(iter(good.values())).items():
        if isinstance(value, float):
            row[key] = round(median(run[key] for run in good.values()), 4)
        else:
            row[key] = np.round(value, 4).tolist() if key == "curve" else value
    row["each_run"] = [
        {"seed": seed, **{key: round(run[key], 4) for key in ("accuracy", "train_seconds")}}
        for seed, run in good.items()
    ]
    return row


def blocks(results: Mapping[str, Any]) -> dict[str, str]:
    """The generated parts of `docs/benchmarks.md`.

    Args:
        results: Contents of `reports/benchmark.json`.
    """
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return {
        "machine": f"{machine['processor']}, {machine['cores']} cores, "
        f"{machine['memory_gb']:.0f} GB, {machine['system']}, Python {machine['python']}; "
        f"{versions}.\n",
        "results": _results(results["results"]),
    }


def _results(rows: Sequence[Mapping[str, Any]]) -> str:
    good = [row for row in rows if "failed" not in row]
    failed = [f"- {ROWS[row['name']].title}: {row['failed']}\n" for row in rows if "failed" in row]
    head = ("", "runs", "accuracy", "training, s", "training and test, s", "peak memory, MB")
    shown = table(
        (*head, "model, MB", "reviews/s", "one review, ms", "instructions"),
        [
            (
                ROWS[row["name"]].title,
                str(row["runs"]),
                f"{row['accuracy']:.4f}",
                f"{row['train_seconds']:.0f}",
                f"{row['total_seconds']:.0f}",
                f"{row['peak_mb']:,.0f}",
                f"{row['model_mb']:,.1f}",
                f"{row['reviews_per_second']:,.0f}",
                f"{row['latency_ms']:.2f}",
                row["instructions"],
            )
            for row in sorted(good, key=lambda row: float(row["accuracy"]))
        ],
    )
    return "".join([shown, *(["\nNot measured:\n\n", *failed] if failed else [])])


@style({})
def write_figure(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Draw each row's test accuracy against minutes; a single point where it has no passes.

    Args:
        path: PNG file to write.
        rows: `results` of `reports/benchmark.json`.
    """
    figure = Figure(figsize=(7.5, 7.5), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    own, baselines = cycle(_OWN), cycle(_BASELINES)
    for row in rows:
        if "failed" in row:
            continue
        entry = ROWS[row["name"]]
        minutes = [seconds / 60 for seconds, _ in row["curve"]]
        accuracies = [accuracy for _, accuracy in row["curve"]]
        label = entry.title.partition(" (")[0].replace("*", "").replace("`", "")
        color, marker = (next(baselines), "s") if entry.baseline else (next(own), "o")
        for axes in (above, below):
            axes.plot(minutes, accuracies, marker=marker, color=color, label=label)
    above.set(xscale="log", ylim=_CLOSE_UP)
    above.set_title("Accuracy per minute", loc="left", fontweight="bold")
    below.set(ylim=(0.5, _CLOSE_UP[0]), xlabel="minutes of training, preparation included")
    below.set_xticks(_MINUTES, [f"{minutes:g}" for minutes in _MINUTES])
    for axes in (above, below):
        axes.tick_params(axis="x", which="minor", bottom=False)
        axes.set_ylabel("test accuracy")
        axes.grid(visible=True, color="#e6e9ec")
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(
        *above.get_legend_handles_labels(), loc="outside lower left", ncols=2, frameon=False
    )
    content = BytesIO()
    figure.savefig(content, format="png", dpi=110, metadata={"Software": None})
    with replacing(path) as unfinished:
        unfinished.write_bytes(content.getbuffer())
