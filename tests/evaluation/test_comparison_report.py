"""What a comparison says in words."""

import json
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from imdb_rnn.evaluation.comparison import Comparison, Difference, Disagreement
from imdb_rnn.evaluation.comparison_report import (
    as_json,
    disagreements_table,
    measures_table,
    seeds_sentence,
    verdict,
)
from imdb_rnn.evaluation.intervals import Interval
from imdb_rnn.evaluation.seed_variance import seed_variance

DISAGREEMENTS = [
    Disagreement("test/neg/1_2", 0, 0.9, 0.2, 1, 0),
    Disagreement("test/pos/3_9", 1, 0.4, 0.6, 0, 1),
]


def comparison(only_first: int, only_second: int, p: float) -> Comparison:
    gap = Difference(0.89, 0.89 + (only_second - only_first) / 25_000, Interval(-0.001, 0.005))
    return Comparison(25_000, {"accuracy": gap}, only_first, only_second, p, DISAGREEMENTS)


def test_a_clear_difference_names_its_size_and_its_certainty() -> None:
    said = verdict(comparison(400, 500, 0.0009), "HEAD", "gru")
    assert said.startswith("gru is better than HEAD: +0.40 points of accuracy")
    assert "-0.10 to +0.50" in said
    assert "one comparison in 1,100" in said


def test_an_unclear_difference_says_what_it_would_take() -> None:
    said = verdict(comparison(500, 510, 0.77), "HEAD", "gru")
    assert said.startswith("gru cannot be told apart from HEAD")
    assert "77% of the comparisons" in said
    assert "25,000 reviews show a difference of 0.36 points" in said
    # The measured 0.04 points are a ninth of that, and reviews grow with the square.
    assert "about 2,000,000 more" in said


def test_the_reviews_that_it_would_take_come_on_top_of_those_that_there_are() -> None:
    # 57,800 show a difference of 0.24 points at this disagreement; 25,000 are there.
    assert "about 33,000 more" in verdict(comparison(500, 560, 0.069), "HEAD", "gru")


def test_rare_chances_are_one_in_so_many() -> None:
    assert "one comparison in 200" in verdict(comparison(400, 480, 0.005), "HEAD", "gru")


def test_no_measured_difference_asks_for_no_reviews() -> None:
    assert "more" not in verdict(comparison(500, 500, 1.0), "HEAD", "gru")


def test_models_that_are_right_on_the_same_reviews() -> None:
    assert "same reviews" in verdict(comparison(0, 0, 1.0), "HEAD", "gru")


def test_seeds_of_both_models_give_their_means_an_interval() -> None:
    variance = seed_variance([0.89, 0.892, 0.888], [0.898, 0.896])
    assert variance
    said = seeds_sentence(variance, comparison(400, 500, 0.0009), "HEAD", "gru")
    assert said.startswith("Over 3 and 2 seeds the mean accuracies differ by +0.70 points (Welch")
    assert "by 0.24 points by their seeds" in said
    # sqrt(900 / 25,000 - 0.004^2) / sqrt(25,000), and 0.4 over sqrt(0.24^2 + 0.12^2)
    assert "by 0.12 by the choice of test reviews" in said
    assert "is 1.5 times both together" in said


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ([0.89, 0.892], None, "Over 2 seeds the accuracy has a standard deviation of 0.14 points"),
        (None, [0.89, 0.892], "of 0.14 points for gru; if the other varies as much, two"),
        ([0.89, 0.892], [0.89, 0.892], "Over 2 and 2 seeds"),
    ],
)
def test_seeds_of_one_set_of_parameters_give_no_difference_of_means(
    first: list[float] | None, second: list[float] | None, told: str
) -> None:
    variance = seed_variance(first, second)
    assert variance
    said = seeds_sentence(variance, comparison(400, 500, 0.0009), "HEAD", "gru")
    assert told in said
    assert "Welch" not in said
    assert "two single runs differ by 0.20 points by their seeds" in said


def test_models_that_nothing_tells_apart_are_not_divided_by_nothing() -> None:
    variance = seed_variance([0.9, 0.9], None)
    assert variance
    assert "times" not in seeds_sentence(variance, comparison(0, 0, 1.0), "HEAD", "gru")


def test_tables_show_texts_and_names_as_they_are() -> None:
    console = Console(width=150, record=True, file=StringIO())
    console.print(measures_table(comparison(1, 2, 1.0), "[a]", "[b]"))
    console.print(
        disagreements_table(comparison(1, 2, 1.0), {"test/neg/1_2": "[bold]so<br />so[/]"})
    )
    shown = console.export_text()
    assert "[a]" in shown
    assert "[bold]so so[/]" in shown
    assert "test/pos/3_9" in shown


def test_the_json_tells_of_the_seeds() -> None:
    variance = seed_variance([0.89, 0.892], [0.9, 0.902])
    seeds = as_json(comparison(1, 2, 1.0), {}, variance)["seeds"]
    assert seeds["b"] == {
        "n": 2,
        "mean": pytest.approx(0.901),
        "sd": pytest.approx(0.00141, abs=1e-5),
    }
    assert seeds["difference_low"] < seeds["difference"] < seeds["difference_high"]
    alone = as_json(comparison(1, 2, 1.0), {}, seed_variance(None, [0.9, 0.902]))["seeds"]
    assert alone["a"] is None
    assert alone["difference"] is None


@pytest.mark.parametrize("counts", [(500, 510), (500, 500)])
def test_the_json_is_plain_and_has_every_disagreement(counts: tuple[int, int]) -> None:
    content = as_json(comparison(*counts, 0.8), {"test/neg/1_2": "so so"})
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["outcome"] == "cannot be told apart"
    assert content["measures"]["accuracy"]["difference_low"] == -0.001
    assert content["measures"]["accuracy"]["difference_high"] == 0.005
    assert [review["text"] for review in content["disagreements"]] == ["so so", None]
    assert content["seeds"] is None
    assert np.isclose(content["measures"]["accuracy"]["difference"], np.diff(counts)[0] / 25_000)


def of_three() -> Comparison:
    said = [Disagreement("test/1", 2, 0.61, 0.55, 0, 2)]
    return replace(
        comparison(1, 2, 1.0), disagreements=said, classes=("[bold]bad", "so so", "good")
    )


def test_of_more_classes_the_table_names_each_answer() -> None:
    console = Console(width=150, record=True, file=StringIO())
    console.print(disagreements_table(of_three(), {}))
    (row,) = [line.split() for line in console.export_text().splitlines() if "test/1" in line]
    assert row == ["test/1", "good", "[bold]bad", "0.610", "good", "0.550"]


def test_the_json_has_the_answers_as_places_among_the_classes() -> None:
    content = as_json(of_three(), {})
    (review,) = content["disagreements"]
    answers = [content["classes"][review[key]] for key in ("label", "a_label", "b_label")]
    assert answers == ["good", "[bold]bad", "good"]
    assert (review["a"], review["b"]) == (0.61, 0.55)
