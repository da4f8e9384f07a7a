"""The measured numbers of the named experiments, in the tables of the README and the lesson.

    python -m benchmarks.ladder

Copies them from `reports/experiments.json`, which `imdb-rnn experiments` writes.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from imdb_rnn.atomic import replacing
from imdb_rnn.experiments import RESULTS
from imdb_rnn.jsonfile import read_json

README: Final = Path("README.md")
LESSON: Final = Path("docs/lesson.md")


def main() -> None:
    """Write both tables anew."""
    rows = {row["name"]: row for row in read_json(RESULTS)}
    for document, with_results in ((README, readme_with), (LESSON, lesson_with)):
        text = with_results(document.read_text(encoding="utf-8"), rows)
        with replacing(document) as unfinished:
            unfinished.write_text(text, encoding="utf-8")


def readme_with(text: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The README with each experiment's numbers behind its description.

    Args:
        text: Of the README.
        rows: Of `reports/experiments.json` by name; what is not among them was not run.
    """

    def experiment(found: re.Match[str]) -> str:
        name, description = found[1], found[2]
        numbers = " | ".join(_numbers(rows.get(name)))
        return f"| `{name}` | {description} | {numbers} |"

    def block(found: re.Match[str]) -> str:
        return re.sub(r"^\| `(.+?)` \| (.+?) \|.*\|$", experiment, found[0], flags=re.MULTILINE)

    return re.sub("<!-- experiments -->.*?<!-- /experiments -->", block, text, flags=re.DOTALL)


def lesson_with(text: str, rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The lesson with the accuracy behind the command of each step.

    Args:
        text: Of the lesson.
        rows: Of `reports/experiments.json` by name; what is not among them was not run.
    """

    def step(found: re.Match[str]) -> str:
        row = rows.get(found[2] or "default")
        return f"{found[1]} | {_numbers(row)[0]} |"

    command = r"^(\| .+ \| `(?:imdb-rnn experiment (.+?)|dvc repro)`) \|.*\|$"
    return re.sub(command, step, text, flags=re.MULTILINE)


def _numbers(row: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """Accuracy on the test reviews, its interval, accuracy on the validation reviews."""
    if row is None:
        return ("not run yet", "", "")
    return (
        f"{row['accuracy']:.4f}",
        f"{row['accuracy_low']:.4f} to {row['accuracy_high']:.4f}",
        f"{row['valid_accuracy']:.4f}",
    )


if __name__ == "__main__":
    main()
