"""From single measurements to `reports/benchmark.json` and the tables of the documents."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any, Final

from benchmarks.catalogue import CATALOGUE
from benchmarks.contestant import MILESTONES
from benchmarks.document import table
from benchmarks.tokenizing import REFERENCE as TOKENIZER
from benchmarks.tokenizing import TOKENIZERS
from imdb_rnn.errors import UserError

REFERENCE: Final = "nb"
"""Times are also given as multiples of this contestant's."""

FIGURE: Final = (
    "![Test accuracy against minutes of training, a line for each contestant]"
    "(images/accuracy_per_minute.png)\n"
)

_Key = tuple[str, str, int]

SECTIONS: Final = {
    "contestant": "results",
    "tokenizing": "tokenizing",
    "growth": "growth",
    "labels": "labels",
}
HEADINGS: Final = {
    "results": "Side by side",
    "tokenizing": "Words to ids",
    "growth": "Growth",
    "labels": "Labels",
}
"""Where the document shows each section's rows."""


def gathered(
    measured: Mapping[_Key, Mapping[str, Any]],
    earlier: Mapping[str, Any],
    machine: Mapping[str, Any],
) -> dict[str, Any]:
    """All results by kind; a row that was not measured anew stays as it was.

    Args:
        measured: What came of each (kind, name, seed).
        earlier: The last results, or nothing.
        machine: From `machine.describe_machine`.
    """
    results: dict[str, Any] = {"machines": dict(earlier.get("machines", {}))}
    for kind, section in SECTIONS.items():
        if any(its_kind == kind for its_kind, _, _ in measured):
            results["machines"][section] = machine
        rows = {row["name"]: row for row in earlier.get(section, [])}
        for name in dict.fromkeys(name for its_kind, name, _ in measured if its_kind == kind):
            runs = {seed: run for (k, n, seed), run in measured.items() if (k, n) == (kind, name)}
            rows[name] = {"name": name, **summarized(runs)}
        results[section] = list(rows.values())
    return results


def refuse_mixture(
    jobs: Iterable[_Key], earlier: Mapping[str, Any], machine: Mapping[str, Any]
) -> None:
    """Refuse to put rows of this machine beside those of another.

    Args:
        jobs: The (kind, name, seed) of what is to be measured.
        earlier: The last results, or nothing.
        machine: From `machine.describe_machine`.

    Raises:
        UserError: A kind has rows that would stay as another processor gave them.
    """
    names: dict[str, set[str]] = {}
    for kind, name, _ in jobs:
        names.setdefault(SECTIONS[kind], set()).add(name)
    for section, measured in names.items():
        others = {row["name"] for row in earlier.get(section, [])} - measured
        there = earlier.get("machines", {}).get(section)
        where = identity(there) if there else "an unknown machine"
        if others and where != identity(machine):
            raise UserError(
                f"{', '.join(sorted(others))}: measured on {where}, and this is "
                f"{identity(machine)}. Measure them here too, or none of that table."
            )


def identity(machine: Mapping[str, Any]) -> str:
    """What has to be equal for times to be compared."""
    return f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}"


def summarized(runs: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Several runs of one measurement: medians, and each run's seed, accuracy and time.

    Curve and settings are the first run's.

    Args:
        runs: By seed.
    """
    good = {seed: run for seed, run in runs.items() if "failed" not in run}
    if not good:
        return {"failed": next(iter(runs.values()))["failed"]}
    first = next(iter(good.values()))
    row: dict[str, Any] = {"runs": len(good)}
    for key, value in first.items():
        if isinstance(value, float):
            row[key] = round(median(run[key] for run in good.values()), 4)
        elif key == "seconds_to":
            row[key] = {milestone: _median_or_none(good.values(), milestone) for milestone in value}
        elif key == "curve":
            row[key] = [[round(number, 4) for number in point] for point in value]
        else:
            row[key] = value
    if "accuracy" in first:
        row["each_run"] = [
            {"seed": seed, **{key: round(run[key], 4) for key in ("accuracy", "train_seconds")}}
            for seed, run in good.items()
        ]
    return row


def _median_or_none(runs: Iterable[Mapping[str, Any]], milestone: str) -> float | None:
    """Median seconds to a milestone; None if one of the runs did not reach it."""
    seconds = [run["seconds_to"][milestone] for run in runs]
    return None if None in seconds else round(median(seconds), 1)


def blocks(results: Mapping[str, Any]) -> dict[str, str]:
    """The generated parts of `docs/benchmarks.md`.

    Args:
        results: Contents of `reports/benchmark.json`.
    """
    contents = {
        "machine": _machines(results["machines"]),
        "results": _contestants(results["results"]) + _failures(results["results"], _title),
        "figure": FIGURE,
        "speed": _speeds(results["results"]),
        "tokenizing": _tokenizing(results["tokenizing"])
        + _failures(results["tokenizing"], lambda name: TOKENIZERS[name][0]),
        "growth": _growth(results["growth"]) + _failures(results["growth"], str),
        "labels": _labels(results["labels"]) + _failures(results["labels"], str),
    }
    return {name: f"\n{content}\n" for name, content in contents.items()}


def _title(name: str) -> str:
    return CATALOGUE[name].title


def _good(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [row for row in rows if "failed" not in row]


def _by_accuracy(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(_good(rows), key=lambda row: row["accuracy"])


def _failures(rows: Iterable[Mapping[str, Any]], title: Callable[[str], str]) -> str:
    lines = [f"- {title(row['name'])}: {row['failed']}\n" for row in rows if "failed" in row]
    return "".join(["\nNot measured:\n\n", *lines]) if lines else ""


def _machines(machines: Mapping[str, Mapping[str, Any]]) -> str:
    """Each machine once, as it was when its first table was made; and, of several, which tables."""
    headings: dict[str, list[str]] = {}
    described: dict[str, str] = {}
    for section, machine in machines.items():
        headings.setdefault(identity(machine), []).append(HEADINGS[section])
        described.setdefault(identity(machine), _machine(machine))
    if len(described) == 1:
        return next(iter(described.values()))
    return "".join(f"- {', '.join(headings[one])}: {text}" for one, text in described.items())


def _machine(machine: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']:.0f} GB, "
        f"{machine['system']}, Python {machine['python']}; {versions}. Large float32 matrix "
        f"products of PyTorch reach {machine['gflops_float32']:.0f} GFLOP/s with this project's "
        "instructions.\n"
    )


def _contestants(rows: Sequence[Mapping[str, Any]]) -> str:
    good = _by_accuracy(rows)
    unit = {row["name"]: row["train_seconds"] for row in good}.get(REFERENCE)
    return table(
        [
            "",
            "runs",
            "accuracy",
            "training, s",
            f"multiple of {REFERENCE}",
            *(f"to {milestone}, s" for milestone in MILESTONES),
            "training and test, s",
        ],
        [
            [
                _title(row["name"]),
                str(row["runs"]),
                f"{row['accuracy']:.4f}",
                f"{row['train_seconds']:.0f}",
                f"{row['train_seconds'] / unit:.1f}" if unit else "",
                *(_seconds(row["seconds_to"][str(milestone)]) for milestone in MILESTONES),
                f"{row['total_seconds']:.0f}",
            ]
            for row in good
        ],
    )


def _speeds(rows: Sequence[Mapping[str, Any]]) -> str:
    good = _by_accuracy(rows)
    head = ["", "peak memory, MB", "model, MB", "reviews/s", "one review, ms", "words/s trained"]
    return table(
        [*head, "instructions"],
        [
            [
                _title(row["name"]),
                f"{row['peak_mb']:,.0f}",
                f"{row['model_mb']:,.1f}",
                f"{row['reviews_per_second']:,.0f}",
                f"{row['latency_ms']:.2f}",
                f"{row['tokens_per_second']:,.0f}",
                row["instructions"],
            ]
            for row in good
        ],
    )


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f}"


def _tokenizing(rows: Sequence[Mapping[str, Any]]) -> str:
    good = _good(rows)
    unit = {row["name"]: row["mb_per_second"] for row in good}.get(TOKENIZER)
    return table(
        ["", "MB/s", "multiple of CountVectorizer", "runs", "instructions"],
        [
            [
                TOKENIZERS[row["name"]][0],
                f"{row['mb_per_second']:.1f}",
                f"{row['mb_per_second'] / unit:.1f}" if unit else "",
                str(row["runs"]),
                row["instructions"],
            ]
            for row in good
        ],
    )


def _growth(rows: Sequence[Mapping[str, Any]]) -> str:
    good = sorted(_good(rows), key=lambda row: float(row["name"]))
    a_review = {row["name"]: _seconds_a_review(row) for row in good}
    unit = a_review.get("1.0")
    return table(
        [
            "times the reviews",
            "prepare, s",
            "MB",
            "one epoch of train, s",
            "MB",
            "time per review relative to 1x",
        ],
        [
            [
                f"{float(row['name']):g}",
                f"{row['prepare_seconds']:.1f}",
                f"{row['prepare_peak_mb']:,.0f}",
                f"{row['train_seconds']:.1f}",
                f"{row['train_peak_mb']:,.0f}",
                f"{a_review[row['name']] / unit:.2f}" if unit else "",
            ]
            for row in good
        ],
    )


def _seconds_a_review(row: Mapping[str, Any]) -> float:
    """Both stages together, in units that all rows share."""
    seconds: float = row["prepare_seconds"] + row["train_seconds"]
    return seconds / float(row["name"])


def _labels(rows: Sequence[Mapping[str, Any]]) -> str:
    accuracy = {tuple(row["name"].split(":")): row["accuracy"] for row in _good(rows)}
    models = list(dict.fromkeys(model for model, _ in accuracy))
    return table(
        ["labelled reviews", *(f"`{model}`" for model in models)],
        [
            [f"{int(number):,}", *(_share(accuracy.get((model, number))) for model in models)]
            for number in dict.fromkeys(number for _, number in accuracy)
        ],
    )


def _share(accuracy: float | None) -> str:
    return "" if accuracy is None else f"{accuracy:.4f}"
