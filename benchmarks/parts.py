"""What the trained models of the lesson make of parts of reviews, and of shuffled words.

    python -m benchmarks.parts

Reads the models of the experiments that this clone has run (`imdb-rnn experiment NAME`), each with
the validation reviews as it was prepared; writes `reports/parts.json` and the table in
`docs/lesson.md`. An experiment that was not run here, or by code whose models this one cannot load,
keeps the row that it has.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.document import fill_in, table
from imdb_rnn.config import load_params
from imdb_rnn.console import console
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics.summaries import rounded
from imdb_rnn.diagnostics.windows import PLACES, WINDOWS, read_parts
from imdb_rnn.errors import UserError
from imdb_rnn.experiments.named import DEFAULT, environment, kept_experiments
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.models.saved_model import load_model
from imdb_rnn.runtime.machine import prepare
from imdb_rnn.signals import ending_together

RESULT: Final = Path("reports/parts.json")
LESSON: Final = Path("docs/lesson.md")
MODEL: Final = "models/rnn"
REVIEWS: Final = "data/prepared/valid"
MODELS: Final = (
    "notebook",
    "pre-padding",
    "masked",
    "pooled",
    "clipped",
    "gated",
    "vanilla",
    "gru",
    "lstm",
    "no-ngram-log-odds",
    "no-pseudo-labels",
    DEFAULT,
    "best-cpu",
)
"""In the order of the lesson's table."""


def main() -> None:
    """Read with each model and write the table."""
    params = load_params()
    prepare(params.train.threads)
    kept = read_json(RESULT) if RESULT.exists() else {}
    found = {name: _measured(name, params.seed) or kept.get(name) for name in MODELS}
    results = {name: row for name, row in found.items() if row}
    write_json(RESULT, results)
    fill_in(LESSON, {"parts": lesson_block(results)})


def lesson_block(results: Mapping[str, Any]) -> str:
    """What the lesson says between its markers, from the contents of `reports/parts.json`."""
    length = str(WINDOWS[-1])
    head = ("model", "whole", *(f"{place} {length}" for place in PLACES), "shuffled")
    rows = []
    for name, parts in results.items():
        accuracies = (parts["whole"], *(parts[place][length] for place in PLACES))
        shown = (f"{accuracy:.3f}" for accuracy in (*accuracies, parts["shuffled"]))
        rows.append((f"`{name}`", *shown))
    return table(head, rows)


def _measured(name: str, seed: int) -> dict[str, Any] | None:
    """Accuracies of a model on the validation reviews; None if there is none to be loaded."""
    if name == DEFAULT:
        return _read(Path(MODEL), Path(REVIEWS), seed)
    commit = kept_experiments().get(name)
    if commit is None:
        return None
    console.print(name)
    with TemporaryDirectory() as folder:
        model, reviews = Path(folder, "model"), Path(folder, "reviews")
        _get(MODEL, commit, model)
        _get(REVIEWS, commit, reviews)
        try:
            return _read(model, reviews, seed)
        except UserError as refusal:
            console.print(f"{name} keeps its row: {refusal}")
            return None


def _read(model: Path, reviews: Path, seed: int) -> dict[str, Any]:
    parts = read_parts(load_model(model), TokenStore.open(reviews), seed)
    return {name: rounded(accuracy) for name, accuracy in parts.items()}


def _get(path: str, commit: str, destination: Path) -> None:
    command = ["dvc", "get", "--quiet", "--rev", commit, "--out", str(destination), ".", path]
    subprocess.run(command, check=True, env=environment())


if __name__ == "__main__":
    with ending_together():
        main()
