"""Numbers and claims in the lesson come from files in Git."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from benchmarks.bptt import lesson_block
from benchmarks.document import filled_in
from benchmarks.ladder import lesson_with

from imdb_rnn.lens.findings import TITLES, findings

ROOT = Path(__file__).parents[1]
LESSON = (ROOT / "docs/lesson.md").read_text(encoding="utf-8")
LENS: dict[str, Any] = json.loads((ROOT / "reports/lens.json").read_text(encoding="utf-8"))
EXPERIMENTS: list[dict[str, Any]] = json.loads(
    (ROOT / "reports/experiments.json").read_text(encoding="utf-8")
)
FINDINGS = findings(LENS)


@pytest.mark.parametrize("name", FINDINGS)
def test_the_sentence_under_a_figure_is_the_measured_one(name: str) -> None:
    block = re.search(rf"<!-- finding: {name} -->\n(.*?)<!-- /finding -->", LESSON, re.DOTALL)
    assert block, f"the lesson says nothing about {name}"
    assert " ".join(block[1].split()) == FINDINGS[name]


def test_the_table_of_the_recurrent_matrices_is_the_measured_one() -> None:
    block = re.search(r"<!-- spectrum -->\n(.*?)<!-- /spectrum -->", LESSON, re.DOTALL)
    assert block
    rows = [line.strip("| ").split(" | ") for line in block[1].splitlines()[2:]]
    measured = [
        [
            TITLES[cell],
            "initialisation" if epoch == "0" else f"epoch {epoch}",
            f"{numbers['factor_per_step']:.3f}",
            f"{numbers['spectral_radius']:.3f}",
            f"{numbers['largest_singular_value']:.3f}",
        ]
        for cell, course in LENS["cells"].items()
        for epoch, numbers in course["epochs"].items()
    ]
    assert [[cell.strip() for cell in row] for row in rows] == measured


def test_the_table_of_truncation_is_the_measured_one_or_says_that_there_is_none() -> None:
    """Empty or with numbers, the block is what the committed results, if any, come to."""
    measured = ROOT / "reports/bptt.json"
    results = json.loads(measured.read_text(encoding="utf-8")) if measured.exists() else None
    assert filled_in(LESSON, {"bptt": lesson_block(results)}) == LESSON


def test_the_accuracies_of_the_steps_are_the_committed_results() -> None:
    rows = {row["name"]: row for row in EXPERIMENTS}
    assert lesson_with(LESSON, rows) == LESSON
    steps = ("notebook", "pre-padding", "masked", "pooled", "vanilla", "gru", "lstm")
    places = [LESSON.index(f"| `imdb-rnn experiment {step}` |") for step in steps]
    assert places == sorted(places)


@pytest.mark.parametrize("picture", re.findall(r"!\[.*?\]\((.*?)\)", LESSON))
def test_every_picture_is_there(picture: str) -> None:
    assert (ROOT / "docs" / picture).stat().st_size > 1000


@pytest.mark.parametrize("link", re.findall(r"(?<!!)\[[^\]]*\]\((?!https?://)(.*?)\)", LESSON))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link.partition("#")[0]).exists()


def test_a_plain_cell_s_gradient_shrinks_by_no_less_than_the_bound() -> None:
    for cell in ("tanh", "relu"):
        for numbers in LENS["cells"][cell]["epochs"].values():
            assert numbers["factor_per_step"] <= numbers["largest_singular_value"]


def test_gates_keep_more_of_the_gradient_than_plain_cells() -> None:
    factors = {name: cell["epochs"]["0"]["factor_per_step"] for name, cell in LENS["cells"].items()}
    assert min(factors["gru"], factors["lstm"]) > max(factors["tanh"], factors["relu"])


def test_an_orthogonal_start_keeps_more_than_small_random_entries_and_large_ones_explode() -> None:
    start = {name: row["factor_per_step"] for name, row in LENS["initialization"]["tanh"].items()}
    assert start["normal, radius 0.5"] < start["orthogonal"] <= 1 < start["normal, radius 1.5"]


def test_the_more_open_the_forget_gate_the_farther_the_gradient_comes() -> None:
    starts = LENS["initialization"]["lstm"].values()
    factors = [start["factor_per_step"] for start in starts]
    assert factors == sorted(factors)


def test_the_two_probes_rank_the_cells_differently() -> None:
    held = {name: sum(cell["accuracy"].values()) for name, cell in LENS["recall"].items()}
    missed = {name: sum(cell["error"].values()) for name, cell in LENS["adding"].items()}
    assert max(held, key=held.__getitem__) == "lstm"
    assert min(missed, key=missed.__getitem__) == "gru"


def test_padding_behind_starves_the_words() -> None:
    norms = {name: case["norm_at_last_word"]["0"] for name, case in LENS["padding"].items()}
    assert norms["behind"] < 1e-6 * norms["masked"]
    assert norms["front"] > 0.1 * norms["masked"]


def test_order_buys_something() -> None:
    assert LENS["windows"]["whole"] > LENS["windows"]["shuffled"]


def test_the_lens_measured_on_enough_real_reviews() -> None:
    assert LENS["edition"] == "full"
    assert LENS["material"]["measured"] >= 500
