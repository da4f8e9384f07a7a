"""What a comparison says in words."""

import json
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from imdb_rnn.evaluation.comparison import Comparison, Difference, Flip
from imdb_rnn.evaluation.comparison_report import as_json, flips_table, measures_table, verdict
from imdb_rnn.evaluation.intervals import Interval

FLIPS = [Flip("test/neg/1_2", 0, 0.9, 0.2), Flip("test/pos/3_9", 1, 0.4, 0.6)]


def comparison(only_first: int, only_second: int, p: float) -> Comparison:
    gap = Difference(0.89, 0.89 + (only_second - only_first) / 25_000, Interval(-0.001, 0.005))
    return Comparison(25_000, {"accuracy": gap}, only_first, only_second, p, FLIPS)


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


def test_tables_show_texts_and_names_as_they_are() -> None:
    console = Console(width=150, record=True, file=StringIO())
    console.print(measures_table(comparison(1, 2, 1.0), "[a]", "[b]"))
    console.print(flips_table(comparison(1, 2, 1.0), {"test/neg/1_2": "[bold]so<br />so[/]"}))
    shown = console.export_text()
    assert "[a]" in shown
    assert "[bold]so so[/]" in shown
    assert "test/pos/3_9" in shown


@pytest.mark.parametrize("counts", [(500, 510), (500, 500)])
def test_the_json_is_plain_and_has_every_flip(counts: tuple[int, int]) -> None:
    content = as_json(comparison(*counts, 0.8), {"test/neg/1_2": "so so"})
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["outcome"] == "cannot be told apart"
    assert content["measures"]["accuracy"]["difference_low"] == -0.001
    assert content["measures"]["accuracy"]["difference_high"] == 0.005
    assert [flip["text"] for flip in content["flips"]] == ["so so", None]
    assert np.isclose(content["measures"]["accuracy"]["difference"], np.diff(counts)[0] / 25_000)
