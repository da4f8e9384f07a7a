"""The numbers in `docs/lesson.md`, from the results in `reports`.

    python -m benchmarks.lesson

Reads `diagnostics.json`, `bptt.json`, `parts.json` and `experiments.json` of `reports` and fills in
the lesson's blocks. Nothing is measured: `dvc repro`, `python -m benchmarks.bptt`,
`python -m benchmarks.parts` and `imdb-rnn experiments` do that.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any, Final

from benchmarks import bptt, parts
from benchmarks.document import fill_in, table
from imdb_rnn.diagnostics.small import SMALL_CELLS
from imdb_rnn.experiments.named import DEFAULT, RESULTS
from imdb_rnn.io.json_file import read_json

LESSON: Final = Path("docs/lesson.md")
DIAGNOSTICS: Final = Path("reports/diagnostics.json")

STEPS: Final = {
    "notebook": "the notebook's model in this pipeline",
    "pre-padding": "padding in front of the words",
    "masked": "padding masked",
    "pooled": "mean and maximum of all states, instead of the last one",
    "clipped": "the gradient clipped to a norm of 1",
    "gated": "an LSTM of as many units instead of the plain cell",
    "vanilla": "the plain cell again: orthogonal matrices, dropout, averaged weights, a schedule, "
    "600 words with punctuation, 30,000 of them known",
    "min-gru": "gates that see the input alone, both directions, word vectors: minGRU",
    "gru": "gates that see the state too: GRU",
    "lstm": "a memory beside the state: LSTM",
    DEFAULT: "n-grams, pseudo-labels",
    "best-cpu": "more units, epochs, words, n-grams and word dropout, longer reviews",
}
"""Experiment -> what it has that those above it have not."""

LEFT_OUT: Final = {
    "no-word-vectors": "word vectors",
    "no-ngram-log-odds": "n-grams",
    "no-pseudo-labels": "pseudo-labels",
    "no-ema": "averaged weights",
    "no-dropout": "dropout",
}
"""Experiment -> what the default has and it has not."""

_WIDTH: Final = 110

_Rows = Mapping[str, Mapping[str, Any]]
"""Experiment -> its row in `reports/experiments.json`."""


def main() -> None:
    """Fill in the lesson."""
    measured = (read_json(path) for path in (DIAGNOSTICS, bptt.RESULT, parts.RESULT, RESULTS))
    fill_in(LESSON, blocks(*measured))


def blocks(
    diagnostics: Mapping[str, Any],
    truncation: Mapping[str, Any],
    read: Mapping[str, Any],
    experiments: Sequence[Mapping[str, Any]],
) -> dict[str, str]:
    """What stands between the lesson's markers, by name.

    Args:
        diagnostics: Contents of `reports/diagnostics.json`.
        truncation: Contents of `reports/bptt.json`.
        read: Contents of `reports/parts.json`.
        experiments: Contents of `reports/experiments.json`.
    """
    rows = {row["name"]: row for row in experiments}
    return {
        **{f"finding: {name}": _wrapped(said) for name, said in diagnostics["findings"].items()},
        "spectrum": _spectrum(diagnostics["cells"]),
        "bptt": bptt.lesson_block(truncation),
        "parts": parts.lesson_block(read),
        "steps": _steps(rows),
        "left out": _left_out(rows),
    }


def _wrapped(sentence: str) -> str:
    return fill(sentence, _WIDTH, break_on_hyphens=False, break_long_words=False) + "\n"


def _spectrum(cells: Mapping[str, Any]) -> str:
    head = ("network and moment", "factor a step", "of the memory c", "radius", "singular value")
    rows = [
        (
            f"{SMALL_CELLS[cell].title}, "
            + ("at the start" if epoch == "0" else f"after epoch {epoch}"),
            f"{numbers['factor_per_step']:.3f}",
            f"{numbers['memory_factor_per_step']:.3f}" if cell == "lstm" else "",
            f"{numbers['spectral_radius']:.3f}",
            f"{numbers['largest_singular_value']:.3f}",
        )
        for cell, course in cells.items()
        for epoch, numbers in course["epochs"].items()
    ]
    return table(head, rows)


def _steps(experiments: _Rows) -> str:
    """The way from the notebook to the default, as far as it was measured."""
    done = [name for name in STEPS if name in experiments]
    rows = [
        (STEPS[name], *_cells(name, experiments), _points(name, before, experiments))
        for before, name in zip([None, *done], done, strict=False)
    ]
    head = ("step", "command", "test accuracy", "95 % interval", "points more than above")
    return table(head, rows) + _not_run(STEPS, experiments)


def _left_out(experiments: _Rows) -> str:
    """What the default loses with each of its additions."""
    rows = [
        (what, *_cells(name, experiments), _points(name, DEFAULT, experiments))
        for name, what in LEFT_OUT.items()
        if name in experiments
    ]
    head = (
        "the default without",
        "command",
        "test accuracy",
        "95 % interval",
        "points more than the default",
    )
    return (table(head, rows) if rows else "") + _not_run(LEFT_OUT, experiments)


def _cells(name: str, experiments: _Rows) -> tuple[str, str, str]:
    row = experiments[name]
    command = "`dvc repro`" if name == DEFAULT else f"`imdb-rnn experiment {name}`"
    interval = f"{row['accuracy_low']:.4f} to {row['accuracy_high']:.4f}"
    return (command, f"{row['accuracy']:.4f}", interval)


def _points(name: str, other: str | None, experiments: _Rows) -> str:
    if other is None:
        return ""
    difference = experiments[name]["accuracy"] - experiments[other]["accuracy"]
    return f"{100 * difference:+.1f}"


def _not_run(names: Mapping[str, str], experiments: _Rows) -> str:
    missing = [f"`{name}` ({what})" for name, what in names.items() if name not in experiments]
    return f"\nNot run yet: {'; '.join(missing)}.\n" if missing else ""


if __name__ == "__main__":
    main()
