"""Numbers in the README come from files in Git."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from benchmarks.ladder import readme_with
from benchmarks.lesson import LEFT_OUT, STEPS

from imdb_rnn.atomic import unfinished_name

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS: dict[str, Any] = json.loads((ROOT / "reports/evaluate.json").read_text(encoding="utf-8"))
EXPERIMENTS: list[dict[str, Any]] = json.loads(
    (ROOT / "reports/experiments.json").read_text(encoding="utf-8")
)
NAMES = [file.stem for file in (ROOT / "experiments").glob("*.yaml")]


def _table(name: str) -> dict[str, list[str]]:
    """Rows of the README's table between two markers, by their first cell."""
    block = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, re.DOTALL)
    assert block, f"the README has no table of the {name}"
    rows = [line.strip("|").split("|") for line in block[1].splitlines() if line.startswith("|")]
    return {row[0].strip(" `*"): [cell.strip() for cell in row[1:]] for row in rows[2:]}


def test_the_headline_is_the_committed_result() -> None:
    table = _table("headline")
    interval = f"{RESULTS['accuracy_low']:.4f} to {RESULTS['accuracy_high']:.4f}"
    assert table["recurrent network"] == [f"{RESULTS['accuracy']:.4f}", interval]
    for title, name in (("NB-weighted n-grams", "nb"), ("tf-idf n-grams", "tfidf")):
        assert table[title][0] == f"{RESULTS['baselines'][name]['accuracy']:.4f}"


def test_the_shown_metrics_are_the_committed_ones() -> None:
    metrics = json.loads((ROOT / "reports/metrics.json").read_text(encoding="utf-8"))
    shown = README.partition("$ dvc metrics show --md")[2].splitlines()
    head, _, row = [line for line in shown if line.startswith("|")][:3]
    names, values = (
        [cell.strip() for cell in line.strip("|").split("|")[1:]] for line in (head, row)
    )
    assert names == sorted(metrics)
    for name, value in zip(names, values, strict=True):
        committed = metrics[name]
        said = value if isinstance(committed, str) else pytest.approx(float(value), abs=5e-6)
        assert committed == said, name


def test_the_shown_seeds_are_the_committed_ones() -> None:
    seeds = json.loads((ROOT / "reports/seeds.json").read_text(encoding="utf-8"))
    shown = dict(re.findall(r"│ (\d+|mean|lowest|highest|standard deviation) +│ ([\d.]+) ", README))
    expected = {str(run["seed"]): run["accuracy"] for run in seeds["runs"]} | {
        "mean": seeds["accuracy_mean"],
        "standard deviation": seeds["accuracy_sd"],
        "lowest": seeds["accuracy_min"],
        "highest": seeds["accuracy_max"],
    }
    assert shown == {name: f"{value:.4f}" for name, value in expected.items()}
    mean, low, high = (f"{seeds[f'accuracy_{name}']:.4f}" for name in ("mean", "min", "max"))
    said = " ".join(README.split())
    assert f"over {seeds['n']} seeds its mean is {mean} ({low} to {high})" in said


def test_the_committed_results_are_of_the_full_edition() -> None:
    assert RESULTS["edition"] == "full"
    assert RESULTS["n_test"] == 25_000


def test_every_experiment_has_its_row_with_its_committed_result() -> None:
    table = _table("experiments")
    assert set(table) == {*NAMES, "default"}
    assert all(cells[0] for cells in table.values()), "each row has a description"
    assert readme_with(README, {row["name"]: row for row in EXPERIMENTS}) == README


def test_the_table_goes_up_the_ladder_before_it_takes_parts_away() -> None:
    names = list(_table("experiments"))
    assert names == [*STEPS, *sorted(LEFT_OUT, key=names.index), "smoke"]


def test_what_seeds_do_to_the_notebook_is_the_committed_result() -> None:
    found = json.loads((ROOT / "reports/notebook_seeds.json").read_text(encoding="utf-8"))
    first, second, third = (f"{run['accuracy']:.4f}" for run in found["runs"])
    said = " ".join(README.split())
    assert f"at {first}, {second} and {third} under the seeds 1, 2 and 3" in said
    assert first == _table("experiments")["notebook"][1]


def test_the_default_row_is_the_headline() -> None:
    (default,) = (row for row in EXPERIMENTS if row["name"] == "default")
    assert default["accuracy"] == RESULTS["accuracy"]


@pytest.mark.parametrize("picture", re.findall(r"!\[.*?\]\((.*?)\)", README))
def test_every_picture_is_there(picture: str) -> None:
    assert (ROOT / picture).stat().st_size > 1000


@pytest.mark.parametrize("link", re.findall(r"(?<!!)\[[^\]]*\]\((?!https?://)(.*?)\)", README))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_distance_to_the_linear_models_is_the_committed_one() -> None:
    def points(value: float) -> str:
        return f"{100 * value:.1f}"

    nb, tfidf = RESULTS["baselines"]["nb"], RESULTS["baselines"]["tfidf"]
    low, high = points(nb["difference_low"]), points(nb["difference_high"])
    said = " ".join(README.split())
    assert f"by {points(nb['difference'])} points (95 % interval {low} to {high}" in said
    assert f"of the tf-idf model by {points(tfidf['difference'])}" in said


def test_the_mean_over_seeds_is_the_committed_one() -> None:
    seeds = json.loads((ROOT / "reports/seeds.json").read_text(encoding="utf-8"))
    said = " ".join(README.split())
    low, high = f"{seeds['accuracy_min']:.4f}", f"{seeds['accuracy_max']:.4f}"
    assert (
        f"over {seeds['n']} seeds its mean is {seeds['accuracy_mean']:.4f} ({low} to {high})"
        in said
    )
    assert seeds["edition"] == "full"


def test_another_processor_came_to_what_the_text_says() -> None:
    other = json.loads((ROOT / "reports/other_processor.json").read_text(encoding="utf-8"))
    stages = yaml.safe_load((ROOT / "dvc.lock").read_text(encoding="utf-8"))["stages"].values()
    here = {output["path"]: output["md5"] for stage in stages for output in stage["outs"]}
    assert here.keys() == other["outputs"].keys()
    equal = sum(here[path] == digest for path, digest in other["outputs"].items())
    assert f"{equal} of the {len(here)} are the same" in README
    assert f"test accuracy of {other['accuracy']:.4f} instead of" in README


def test_what_the_examples_write_is_not_committed_by_git_add() -> None:
    """Besides what the pipeline writes, of which some files are for Git."""
    written = re.findall(r"^\$ imdb-rnn .*?(?:export|--html|>) (\S+)", README, re.MULTILINE)
    assert len(written) == 3
    command = ["git", "check-ignore", *written, *(f"{unfinished_name(Path(p))}" for p in written)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == command[2:]
