import pytest

from example_results import EXPERIMENTS, SEEDS, TEST, example_results
from imdb_rnn.evaluation.evaluated_model import seeds_of
from imdb_rnn.report.inputs import ladder


def test_this_run_takes_its_place_on_the_ladder() -> None:
    rows = ladder(EXPERIMENTS, TEST)
    assert [row["name"] for row in rows] == ["notebook", "gru", "this run", "better"]
    assert [row["name"] for row in rows if row["this"]] == ["this run"]


def test_a_recorded_run_is_not_listed_twice() -> None:
    recorded = {key: TEST[key] for key in ("accuracy", "accuracy_low", "accuracy_high", "variant")}
    rows = ladder([*EXPERIMENTS, {"name": "default", **recorded}], TEST)
    assert [row["name"] for row in rows if row["this"]] == ["default"]
    assert len(rows) == 4


def test_experiments_on_other_reviews_are_not_on_the_ladder() -> None:
    rows = ladder(EXPERIMENTS, TEST | {"variant": "full, stars"})
    assert [row["name"] for row in rows] == ["this run"]


@pytest.mark.parametrize("variant", ["full", "full, stars", "own"])
def test_a_whole_dataset_is_no_part(variant: str) -> None:
    assert not example_results(test=TEST | {"variant": variant}).is_part


@pytest.mark.parametrize("variant", ["train-only", "full, 1000 per class"])
def test_parts_of_a_dataset_are_told_apart(variant: str) -> None:
    assert example_results(test=TEST | {"variant": variant}).is_part


def test_many_classes_are_counted_in_the_question() -> None:
    classes = [f"class {number}" for number in range(30)]
    results = example_results(test=TEST | {"variant": "own", "classes": classes})
    assert "30" in results.question
    assert "class 1" not in results.question


def test_without_a_record_the_ladder_has_this_run_alone() -> None:
    assert [row["name"] for row in ladder([], TEST)] == ["this run"]


def test_seeds_are_shown_if_this_run_is_one_of_them() -> None:
    assert seeds_of(SEEDS, TEST) == SEEDS
    assert seeds_of(SEEDS, TEST | {"accuracy": 0.5}) is None
    assert seeds_of(SEEDS, TEST | {"variant": "train-only"}) is None
    assert seeds_of(None, TEST) is None


def test_equal_accuracy_alone_does_not_make_a_run_one_of_the_seeds() -> None:
    other = {"accuracy": TEST["accuracy"], "accuracy_low": 0.1, "accuracy_high": 0.9}
    assert seeds_of({"variant": TEST["variant"], "runs": [other]}, TEST) is None
