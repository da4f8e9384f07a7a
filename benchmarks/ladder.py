"""The measured numbers of the named experiments, in the README's table.

    python -m benchmarks.ladder

Copies them from `reports/experiments.json`, which `imdb-rnn experiments` writes;
`benchmarks.lesson` does the same for the lesson.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from imdb_rnn.atomic import replacing
from imdb_rnn.experiments import RESULTS
from imdb_rnn.jsonfile import read_json

README: Final = Path("README.md")


def main() -> None:
    """Write the table anew."""
    rows = {row["name"]: row for row in read_json(RESULTS)}
    text = readme_with(README.read_text(encoding="utf-8"), rows)
    with replacing(README) as unfinished:
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
