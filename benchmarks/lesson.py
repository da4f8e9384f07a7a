"""The numbers in `docs/lesson.md`, from the results in `reports`.

    python -m benchmarks.lesson

Reads `reports/lens.json`, `reports/bptt.json`, `reports/parts.json` and `reports/experiments.json`
and fills in the lesson's blocks. Nothing is measured: `dvc repro`, `python -m benchmarks.bptt`,
`python -m benchmarks.parts` and `imdb-rnn experiments` do that.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any, Final

from benchmarks import bptt, parts
from benchmarks.document import fill_in, table
from imdb_rnn.experiments import DEFAULT, RESULTS
from imdb_rnn.jsonfile import read_json
from imdb_rnn.lens.findings import TITLES, findings

LESSON: Final = Path("docs/lesson.md")
LENS: Final = Path("reports/lens.json")

STEPS: Final = {
    "notebook": "the notebook's model in this pipeline",
    "pre-padding": "padding in front of the words",
    "masked": "padding masked",
    "pooled": "mean and maximum of all states, instead of the last one",
    "vanilla": "orthogonal start, clipping, dropout, averaged weights, 600 words with punctuation",
    "gru": "gates, both directions, word vectors: GRU",
    "lstm": "gates, both directions, word vectors: LSTM",
    DEFAULT: "phrases, pseudo-labels",
}
"""Experiment -> what it has that those above it have not."""

LEFT_OUT: Final = {
    "no-word-vectors": "word vectors",
    "no-phrases": "phrases",
    "no-pseudo-labels": "pseudo-labels",
}
"""Experiment -> what the default has and it has not."""

_WIDTH: Final = 110


def main() -> None:
    """Fill in the lesson."""
    measured = (read_json(path) for path in (LENS, bptt.RESULT, parts.RESULT, RESULTS))
    fill_in(LESSON, blocks(*measured))


def blocks(
    lens: Mapping[str, Any],
    truncation: Mapping[str, Any],
    read: Mapping[str, Any],
    experiments: Sequence[Mapping[str, Any]],
) -> dict[str, str]:
    """What stands between the lesson's markers, by name.

    Args:
        lens: Contents of `reports/lens.json`.
        truncation: Contents of `reports/bptt.json`.
        read: Contents of `reports/parts.json`.
        experiments: Contents of `reports/experiments.json`.
    """
    accuracies = {row["name"]: row["accuracy"] for row in experiments}
    return {
        **{f"finding: {name}": _wrapped(said) for name, said in findings(lens).items()},
        "spectrum": _spectrum(lens["cells"]),
        "bptt": bptt.lesson_block(truncation),
        "parts": parts.lesson_block(read),
        "steps": _steps(accuracies),
        "left out": _left_out(accuracies),
    }


def _wrapped(sentence: str) -> str:
    return fill(sentence, _WIDTH, break_on_hyphens=False, break_long_words=False) + "\n"


def _spectrum(cells: Mapping[str, Any]) -> str:
    head = ("network and moment", "factor a step", "of the memory c", "radius", "singular value")
    rows = [
        (
            f"{TITLES[cell]}, {'at the start' if epoch == '0' else f'after epoch {epoch}'}",
            f"{numbers['factor_per_step']:.3f}",
            f"{numbers['memory_factor_per_step']:.3f}" if cell == "lstm" else "",
            f"{numbers['spectral_radius']:.3f}",
            f"{numbers['largest_singular_value']:.3f}",
        )
        for cell, course in cells.items()
        for epoch, numbers in course["epochs"].items()
    ]
    return table(head, rows)


def _steps(accuracies: Mapping[str, float]) -> str:
    """The way from the notebook to the default, as far as it was measured."""
    done = [name for name in STEPS if name in accuracies]
    rows = [
        (
            STEPS[name],
            _command(name),
            f"{accuracies[name]:.4f}",
            _points(accuracies[name] - accuracies[before]) if before else "",
        )
        for before, name in zip([None, *done], done, strict=False)
    ]
    head = ("step", "command", "test accuracy", "points more than above")
    return table(head, rows) + _not_run(STEPS, accuracies)


def _left_out(accuracies: Mapping[str, float]) -> str:
    """What the default loses with each of its additions."""
    rows = [
        (
            what,
            _command(name),
            f"{accuracies[name]:.4f}",
            _points(accuracies[name] - accuracies[DEFAULT]),
        )
        for name, what in LEFT_OUT.items()
        if name in accuracies
    ]
    head = ("the default without", "command", "test accuracy", "points more than the default")
    return (table(head, rows) if rows else "") + _not_run(LEFT_OUT, accuracies)


def _command(name: str) -> str:
    return "`dvc repro`" if name == DEFAULT else f"`imdb-rnn experiment {name}`"


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}"


def _not_run(names: Mapping[str, str], accuracies: Mapping[str, float]) -> str:
    missing = [f"`{name}` ({what})" for name, what in names.items() if name not in accuracies]
    return f"\nNot run yet: {'; '.join(missing)}.\n" if missing else ""


if __name__ == "__main__":
    main()
