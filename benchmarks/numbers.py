"""The measured numbers in README and documents, from the results in `reports`.

    python -m benchmarks.numbers

Nothing is measured: `dvc repro`, `imdb-rnn experiments`, `imdb-rnn seeds` and the benchmarks do
that. `benchmarks.lesson` does the same for the lesson.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks import few_labels, measurements, notebook_speed, portability, report
from benchmarks.document import fill_in, table
from imdb_rnn.evaluation.behaviour import HELD_OUT, OVERALL
from imdb_rnn.evaluation.evaluated_model import seeds_of
from imdb_rnn.evaluation.predictions import MODEL, TITLES
from imdb_rnn.evaluation.result_table import standing
from imdb_rnn.io.json_file import read_json

REPORTS: Final = Path("reports")

Rows = Sequence[Mapping[str, Any]]
Blocks = dict[str, str]


def main() -> None:
    """Fill in all documents."""
    for document, blocks in documents().items():
        fill_in(document, blocks)


def documents() -> dict[Path, Blocks]:
    """What stands between the markers of each document, by name."""
    files = ("evaluate", "experiments", "seeds", "notebook_seeds")
    results, experiments, seeds, notebook = (read_json(REPORTS / f"{name}.json") for name in files)
    readme, page = Path("README.md"), Path("docs/experiments.md")
    measured = (read_json(path) for path in (measurements.PIPELINE, measurements.PREDICT))
    return {
        readme: {
            "headline": headline(results, seeds_of(seeds, results)),
            "experiments": with_numbers(readme, experiments),
        },
        page: {
            "experiments": with_numbers(page, experiments),
            "notebook": _seeds_of_the_notebook(notebook),
        },
        Path("docs/reproducibility.md"): portability.blocks(read_json(portability.RESULTS)),
        Path("docs/benchmarks.md"): {
            **report.blocks(read_json(REPORTS / "benchmark.json")),
            **notebook_speed.blocks(read_json(notebook_speed.RESULTS)),
            **measurements.blocks(*measured),
            **few_labels.blocks(read_json(few_labels.RESULTS)),
            "behaviour": behaviour(results["behaviour"]),
        },
    }


def headline(results: Mapping[str, Any], seeds: Mapping[str, Any] | None) -> str:
    """The test accuracy beside the linear models, and whether the network is ahead.

    Args:
        results: Contents of `reports/evaluate.json`.
        seeds: Contents of `reports/seeds.json`; None where it is of other parameters.
    """
    names = {"nb": TITLES["nb"], "tfidf": TITLES["tfidf"]}
    head = [f"{results['n_test']:,} test reviews", "accuracy", "95 % interval"]
    rows = [[f"**{TITLES[MODEL]}**", f"{results['accuracy']:.4f}", _interval(results)]]
    rows += [
        [title, f"{results['baselines'][name]['accuracy']:.4f}", ""]
        for name, title in names.items()
    ]
    said = [standing(results)]
    if seeds:
        mean, low, high = (f"{seeds[f'accuracy_{name}']:.4f}" for name in ("mean", "min", "max"))
        said.append(f"Over {seeds['n']} seeds its mean is {mean} ({low} to {high}).")
    return f"{table(head, rows)}\n{' '.join(said)}\n"


def with_numbers(document: Path, experiments: Rows) -> str:
    """A document's table of experiments with the numbers of each behind its description.

    Args:
        document: Has the table, whose first two columns are the name and the description.
        experiments: Contents of `reports/experiments.json`.
    """
    text = document.read_text(encoding="utf-8")
    found = re.search("<!-- experiments -->\n(.*?)<!-- /experiments -->", text, re.DOTALL)
    if not found:
        raise ValueError(f"{document} has no table of experiments")
    rows = {row["name"]: row for row in experiments}

    def line(described: re.Match[str]) -> str:
        numbers = " | ".join(_numbers(rows.get(described[1])))
        return f"| `{described[1]}` | {described[2]} | {numbers} |"

    return re.sub(r"^\| `(.+?)` \| (.+?) \|.*\|$", line, found[1], flags=re.MULTILINE)


def _numbers(row: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """Accuracy on the test reviews, its interval, accuracy on the validation reviews."""
    if row is None:
        return ("not run yet", "", "")
    return (f"{row['accuracy']:.4f}", _interval(row), f"{row['valid_accuracy']:.4f}")


def _interval(row: Mapping[str, float]) -> str:
    return f"{row['accuracy_low']:.4f} to {row['accuracy_high']:.4f}"


def behaviour(halves: Mapping[str, Mapping[str, Any]]) -> str:
    """Accuracy on short sentences by capability, on both halves of the templates.

    Args:
        halves: `behaviour` of `reports/evaluate.json`.
    """
    names = halves[HELD_OUT][OVERALL]["baselines"]
    head = (
        "capability",
        "held out",
        "interval",
        *(TITLES[name] for name in names),
        "development",
        "such as",
    )
    rows = [
        (
            capability.replace("_", " "),
            f"{found['accuracy']:.2f}",
            f"{found['accuracy_low']:.2f} to {found['accuracy_high']:.2f}",
            *(f"{found['baselines'][name]:.2f}" for name in names),
            f"{halves['development'][capability]['accuracy']:.2f}",
            found["example"] or "",
        )
        for capability, found in halves[HELD_OUT].items()
    ]
    return table(head, rows)


def _seeds_of_the_notebook(found: Mapping[str, Any]) -> str:
    rows = [[str(run["seed"]), f"{run['accuracy']:.4f}"] for run in found["runs"]]
    return table([f"seed of `{found['experiment']}`", "test accuracy"], rows)


if __name__ == "__main__":
    main()
