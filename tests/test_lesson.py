"""Numbers and claims in the lesson come from files in Git."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pyarrow.csv
import pytest
from benchmarks.document import filled_in
from benchmarks.lesson import LEFT_OUT, STEPS, blocks

from imdb_rnn.diagnostics.summaries import standard_error
from imdb_rnn.diagnostics.windows import PLACES

ROOT = Path(__file__).parents[1]
LESSON = (ROOT / "docs/lesson.md").read_text(encoding="utf-8")
DIAGNOSTICS: dict[str, Any] = json.loads(
    (ROOT / "reports/diagnostics.json").read_text(encoding="utf-8")
)
EXPERIMENTS: list[dict[str, Any]] = json.loads(
    (ROOT / "reports/experiments.json").read_text(encoding="utf-8")
)
PARTS: dict[str, Any] = json.loads((ROOT / "reports/parts.json").read_text(encoding="utf-8"))
TRUNCATION: dict[str, Any] = json.loads((ROOT / "reports/bptt.json").read_text(encoding="utf-8"))


LAST = str(DIAGNOSTICS["material"]["epochs"])


def test_every_number_in_a_block_is_the_measured_one() -> None:
    assert filled_in(LESSON, blocks(DIAGNOSTICS, TRUNCATION, PARTS, EXPERIMENTS)) == LESSON


def test_every_figure_of_the_diagnostics_is_shown_with_its_sentence() -> None:
    for name, sentence in DIAGNOSTICS["findings"].items():
        assert f"](../reports/diagnostics/{name}.png)" in LESSON
        assert sentence in " ".join(LESSON.split())


def test_every_experiment_is_a_step_or_something_left_out() -> None:
    run = {row["name"] for row in EXPERIMENTS} - {"smoke"}
    assert run <= {*STEPS, *LEFT_OUT}


def row(name: str, accuracy: float) -> dict[str, Any]:
    low, high = accuracy - 0.01, accuracy + 0.01
    return {"name": name, "accuracy": accuracy, "accuracy_low": low, "accuracy_high": high}


def test_experiments_that_were_not_run_are_named_as_such() -> None:
    filled = blocks(DIAGNOSTICS, TRUNCATION, PARTS, [row("default", 0.9)])
    said = "| n-grams, pseudo-labels | `dvc repro` | 0.9000 | 0.8900 to 0.9100 |  |"
    assert said in filled["steps"]
    assert "`masked` (padding masked)" in filled["steps"]
    assert "Not run yet: `no-word-vectors`" in filled["left out"]


def test_what_a_step_or_a_part_brings_is_the_difference_of_two_results() -> None:
    accuracies = {"pre-padding": 0.77, "masked": 0.8, "no-ngram-log-odds": 0.915, "default": 0.92}
    rows = [row(name, value) for name, value in accuracies.items()]
    filled = blocks(DIAGNOSTICS, TRUNCATION, PARTS, rows)
    masked = "`imdb-rnn experiment masked` | 0.8000 | 0.7900 to 0.8100 | +3.0 |"
    assert f"| padding masked | {masked}" in filled["steps"]
    assert "| `dvc repro` | 0.9200 | 0.9100 to 0.9300 | +12.0 |" in filled["steps"]
    without = "`imdb-rnn experiment no-ngram-log-odds` | 0.9150 | 0.9050 to 0.9250 | -0.5 |"
    assert f"| n-grams | {without}" in filled["left out"]


@pytest.mark.parametrize("picture", re.findall(r"!\[.*?\]\((.*?)\)", LESSON))
def test_every_picture_is_there(picture: str) -> None:
    assert (ROOT / "docs" / picture).stat().st_size > 1000


@pytest.mark.parametrize("link", re.findall(r"(?<!!)\[[^\]]*\]\((?!https?://)(.*?)\)", LESSON))
def test_every_link_leads_somewhere(link: str) -> None:
    assert (ROOT / "docs" / link.partition("#")[0]).exists()


def test_a_plain_cell_s_gradient_shrinks_by_no_less_than_the_bound() -> None:
    for cell in ("tanh", "relu"):
        for numbers in DIAGNOSTICS["cells"][cell]["epochs"].values():
            assert numbers["factor_per_step"] <= numbers["largest_singular_value"]


def factors(epoch: str) -> dict[str, float]:
    return {
        name: cell["epochs"][epoch]["factor_per_step"]
        for name, cell in DIAGNOSTICS["cells"].items()
    }


def test_gates_start_by_keeping_more_than_plain_cells_and_no_factor_reaches_one() -> None:
    start = factors("0")
    assert min(start["gru"], start["lstm"]) > max(start["tanh"], start["relu"])
    for epoch, numbers in DIAGNOSTICS["cells"]["lstm"]["epochs"].items():
        assert max(factors(epoch).values()) < 1
        assert numbers["memory_factor_per_step"] == pytest.approx(factors(epoch)["lstm"], abs=0.02)


def test_after_training_gradients_come_farther_in_gated_cells() -> None:
    end = factors(LAST)
    assert min(end["gru"], end["lstm"]) > max(end["tanh"], end["relu"])


def test_an_orthogonal_start_keeps_more_than_small_random_entries_and_large_ones_explode() -> None:
    start = {
        name: row["factor_per_step"] for name, row in DIAGNOSTICS["initialization"]["tanh"].items()
    }
    assert start["normal, radius 0.5"] < start["orthogonal"] <= 1 < start["normal, radius 1.5"]


def test_the_more_open_the_forget_gate_the_farther_the_gradient_comes() -> None:
    found = [start["factor_per_step"] for start in DIAGNOSTICS["initialization"]["lstm"].values()]
    assert found == sorted(found)


def test_more_of_the_gradient_arrives_than_the_forget_gate_alone_hands_on() -> None:
    for name, start in DIAGNOSTICS["initialization"]["lstm"].items():
        kept = 1 / (1 + math.exp(-float(name.removeprefix("forget bias "))))
        assert f"{kept:.3g}" in LESSON
        assert start["factor_per_step"] > kept + 0.05
        assert start["memory_factor_per_step"] > kept + 0.05
    assert DIAGNOSTICS["initialization"]["lstm"]["forget bias 3"]["factor_per_step"] > 1


def taught(cell: str) -> dict[str, float]:
    return {
        name: row["taught"]["accuracy"] for name, row in DIAGNOSTICS["initialization"][cell].items()
    }


def test_a_gradient_that_comes_far_is_not_all_that_learning_takes() -> None:
    chance = 4 * standard_error(0.5, DIAGNOSTICS["material"]["validation"])
    tanh, relu, lstm = taught("tanh"), taught("relu"), taught("lstm")
    assert tanh.pop("normal, radius 0.5") >= max(tanh.values()) - chance / 2
    assert lstm["forget bias 3"] < 0.5 + chance / 2
    assert relu.pop("identity") > max(relu.values()) + chance


def test_the_first_figure_s_networks_are_hardly_clipped() -> None:
    for cell in DIAGNOSTICS["cells"].values():
        assert cell["clipped_share"] < 0.1
        assert cell["largest_gradient_norm"] < 2


def test_clipping_saves_plain_descent_and_lets_adam_learn_from_the_identity() -> None:
    for ways in DIAGNOSTICS["explosion"].values():
        assert ways["gradient descent"]["not clipped"]["accuracy"] is None
        assert ways["gradient descent"]["not clipped"]["steps"] == 1
        assert ways["gradient descent"]["clipped"]["accuracy"] is not None
    adam = {start: ways["Adam"] for start, ways in DIAGNOSTICS["explosion"].items()}
    assert adam["identity"]["clipped"]["accuracy"] > 0.7
    assert adam["identity"]["not clipped"]["accuracy"] < 0.6
    assert adam["identity"]["clipped"]["share_above_limit"] > 0.5
    for ways in DIAGNOSTICS["explosion"]["normal, radius 1.5"].values():
        assert ways["clipped"]["accuracy"] < 0.6


def test_truncation_costs_accuracy_and_saves_little_at_this_size() -> None:
    *cut, uncut = TRUNCATION["rows"]
    assert DIAGNOSTICS["truncation"] == TRUNCATION
    accuracies = [row["valid_accuracy"] for row in TRUNCATION["rows"]]
    assert accuracies == sorted(accuracies)
    seconds = {row["bptt_steps"]: row["seconds_an_epoch"] for row in TRUNCATION["rows"]}
    assert max(seconds, key=lambda steps: seconds[steps]) == 1
    assert {steps for steps in seconds if seconds[steps] < seconds[None]} == {20, 50}
    assert min(row["peak_mib"] for row in cut) > 0.8 * uncut["peak_mib"]


def test_the_two_probes_rank_the_cells_differently() -> None:
    held = {
        name: sum(cell["accuracy"].values()) for name, cell in DIAGNOSTICS["delayed_recall"].items()
    }
    missed = {
        name: sum(cell["mean_squared_error"].values())
        for name, cell in DIAGNOSTICS["adding"].items()
    }
    assert max(held, key=held.__getitem__) == "lstm"
    assert min(missed, key=missed.__getitem__) == "gru"


def test_padding_behind_starves_the_words() -> None:
    norms = {name: case["norm_at_last_word"]["0"] for name, case in DIAGNOSTICS["padding"].items()}
    assert norms["behind"] < 1e-6 * norms["masked"]
    assert norms["front"] > 0.1 * norms["masked"]


def test_the_classifier_is_ahead_of_a_bag_of_words_which_is_ahead_of_it_without_order() -> None:
    bag = DIAGNOSTICS["order"]["bag_of_words"]["accuracy"]
    margin = 2 * standard_error(bag, DIAGNOSTICS["material"]["validation"])
    assert DIAGNOSTICS["windows"]["whole"] > bag + margin
    assert DIAGNOSTICS["windows"]["shuffled"] < bag - margin


def test_the_notebook_calls_all_short_reviews_the_same() -> None:
    windows = {value for place in PLACES for value in PARTS["notebook"][place].values()}
    assert len(windows) == 1
    (accuracy,) = windows
    assert accuracy == pytest.approx(
        0.5, abs=standard_error(0.5, DIAGNOSTICS["material"]["validation"])
    )


def test_a_last_state_knows_the_end_and_pooled_ones_make_more_of_any_part() -> None:
    error = standard_error(0.5, DIAGNOSTICS["material"]["validation"])
    for name in ("pre-padding", "masked"):
        parts = PARTS[name]
        assert parts["last"]["100"] == pytest.approx(parts["whole"], abs=error)
        assert parts["first"]["100"] < parts["last"]["100"] - 4 * error
    for name in PARTS.keys() - {"notebook", "pre-padding", "masked"}:
        parts = {place: PARTS[name][place]["100"] for place in PLACES}
        assert min(parts.values()) > max(PARTS["pre-padding"]["whole"], PARTS["masked"]["whole"])


def test_the_default_reads_as_the_diagnostics_say() -> None:
    assert PARTS["default"] == DIAGNOSTICS["windows"]


def test_the_attribution_of_words_adds_up() -> None:
    reading = DIAGNOSTICS["reading"]
    assert reading["longest"] > 2 * DIAGNOSTICS["material"]["words"], "long reviews are among them"
    assert reading["largest_convergence_delta"] < 0.02 * reading["median_difference"]


def test_a_saturated_network_sends_gradients_back_from_its_mistakes_alone() -> None:
    points = pyarrow.csv.read_csv(ROOT / "reports/plots/diagnostics/initialization.csv")
    low, median, high = (
        points[f"relu_normal, radius 1.5_{quantile}"][0].as_py()
        for quantile in ("low", "median", "high")
    )
    assert low is None
    assert median == high


def test_the_diagnostics_measured_on_enough_real_reviews() -> None:
    assert DIAGNOSTICS["variant"] == "full"
    assert DIAGNOSTICS["material"]["measured"] >= 500
