"""What README and documents show is there, and their experiments are those of the project."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from benchmarks.lesson import LEFT_OUT, STEPS

from imdb_rnn.io.atomic import unfinished_name

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EXPERIMENTS = (ROOT / "docs/experiments.md").read_text(encoding="utf-8")
RESULTS: dict[str, Any] = json.loads((ROOT / "reports/evaluate.json").read_text(encoding="utf-8"))
NAMES = [file.stem for file in (ROOT / "experiments").glob("*.yaml")]
MOST_LINES, MOST_WORDS = 170, 1800


def links() -> list[tuple[Path, str]]:
    link = re.compile(r"\]\((?!https?://)([^)#]+)(?:#[^)]*)?\)")
    return [
        (page, target)
        for page in PAGES
        for target in link.findall(
            re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        )
    ]


@pytest.mark.parametrize(("page", "target"), links(), ids=lambda value: Path(value).name)
def test_every_link_leads_somewhere(page: Path, target: str) -> None:
    assert (page.parent / target).stat().st_size > 0


def test_the_readme_is_one_that_people_finish() -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert len(text.split()) <= MOST_WORDS


def test_every_experiment_has_its_row() -> None:
    rows = re.findall(r"^\| `(.+?)` \| (.+?) \|", EXPERIMENTS, re.MULTILINE)
    names = [name for name, _ in rows]
    assert set(names) == {*NAMES, "default"}
    assert names == [*STEPS, *sorted(LEFT_OUT, key=names.index), "smoke", "stars"]


def test_the_committed_results_are_of_all_test_reviews() -> None:
    assert RESULTS["variant"] == "full"
    assert RESULTS["n_test"] == 25_000


def test_the_default_among_the_experiments_is_the_committed_result() -> None:
    rows = json.loads((ROOT / "reports/experiments.json").read_text(encoding="utf-8"))
    (default,) = (row for row in rows if row["name"] == "default")
    assert default["accuracy"] == RESULTS["accuracy"]


def test_what_the_examples_write_is_not_committed_by_git_add() -> None:
    """Besides what the pipeline writes, of which some files are for Git."""
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    examples = re.findall(r"^\$ imdb-rnn .*?(?:export|--html|>) (\S+)", shown, re.MULTILINE)
    written = sorted(set(examples))
    assert len(written) == 3
    command = ["git", "check-ignore", *written, *(f"{unfinished_name(Path(p))}" for p in written)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == command[2:]
