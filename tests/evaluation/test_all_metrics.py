import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from imdb_rnn.config import Evaluate
from imdb_rnn.data.classes import class_metadata
from imdb_rnn.evaluation.all_metrics import comparable_numbers, summarize
from imdb_rnn.evaluation.intervals import mean_interval

SETTINGS = Evaluate(confidence=0.95, resamples=200, batch_size=8)
N = 60
LABELS = np.arange(N) % 2
RIGHT = np.arange(N) >= 6  # the network errs on the first six reviews, the baseline on twelve more
THEIRS = RIGHT & (np.arange(N) < 48)

DUPLICATED = np.arange(N) < 10


def confident(right: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(right == (LABELS == 1), 0.9, 0.1)


def summary_of(seed: int = 1, duplicated: NDArray[np.bool_] = DUPLICATED) -> dict[str, Any]:
    reviews = pa.table(
        {
            "text": ["good film"] * N,
            "label": pa.array(LABELS, pa.int8()),
            "rating": pa.array([None] * N, pa.int8()),
        }
    )
    probabilities = {"rnn": confident(RIGHT), "nb": confident(THEIRS)}
    return summarize(reviews, probabilities, duplicated, SETTINGS, seed)


def test_metrics_and_duplicates_agree_with_counting() -> None:
    summary = summary_of()
    assert summary["n_test"] == 60
    assert summary["accuracy"] == pytest.approx(54 / 60)
    assert summary["accuracy_low"] < summary["accuracy"] < summary["accuracy_high"]
    assert summary["accuracy_without_duplicates"] == 1.0
    assert summary["without_duplicates"]["n_test"] == 50


def test_the_accuracy_without_duplicates_has_an_interval_of_its_own() -> None:
    duplicated = np.arange(N) >= 30
    summary = summary_of(duplicated=duplicated)
    unseen = summary["without_duplicates"]
    assert unseen["accuracy"] == summary["accuracy_without_duplicates"] == pytest.approx(24 / 30)
    low, high = mean_interval(RIGHT[~duplicated].astype(float), 0.95, 200, seed=1)
    assert (unseen["accuracy_low"], unseen["accuracy_high"]) == pytest.approx((low, high), 1e-5)
    assert unseen["accuracy_high"] < summary["accuracy_high"]


def test_difference_to_a_baseline_is_paired() -> None:
    compared = summary_of()["baselines"]["nb"]
    assert compared["accuracy"] == pytest.approx(42 / 60)
    assert compared["difference"] == pytest.approx(12 / 60)
    assert 0 < compared["difference_low"] < 12 / 60 < compared["difference_high"]
    assert compared["mcnemar_p"] == pytest.approx(2 / 2**12, abs=1e-6)


def test_slices_add_up_and_unknown_ratings_have_none() -> None:
    slices = summary_of()["slices"]
    assert list(slices) == ["length", "negation"]
    for groups in slices.values():
        assert sum(group["n"] for group in groups.values()) == 60


def test_summary_is_json_and_follows_from_the_seed() -> None:
    assert json.dumps(summary_of()) == json.dumps(summary_of())
    assert summary_of(seed=2)["accuracy"] == summary_of()["accuracy"]


STARS = ("1", "2", "5")
OF_STARS = np.resize([0, 1, 2], N)


def summary_of_stars(
    classes: tuple[str, ...] = STARS, duplicated: NDArray[np.bool_] = DUPLICATED
) -> dict[str, Any]:
    """The network takes six 5s for 2s, and the baseline six 5s for 1s."""
    reviews = pa.table(
        {
            "text": ["not a good film"] * N,
            "label": pa.array(OF_STARS, pa.int8()),
            "rating": pa.array(OF_STARS, pa.int8()),
        }
    ).replace_schema_metadata(class_metadata(classes))
    wrong = (OF_STARS == 2) & (np.arange(N) < 18)
    sure = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    probabilities = {
        "rnn": sure[np.where(wrong, 1, OF_STARS)],
        "nb": sure[np.where(wrong, 0, OF_STARS)],
    }
    return summarize(reviews, probabilities, duplicated, SETTINGS, seed=1)


def test_stars_have_an_error_beside_those_of_the_baselines() -> None:
    summary = summary_of_stars()
    assert summary["classes"] == list(STARS)
    assert summary["mean_absolute_error"] == pytest.approx(6 * 3 / N)
    assert summary["mean_absolute_error_low"] < 0.3 < summary["mean_absolute_error_high"]
    compared = summary["baselines"]["nb"]
    assert compared["difference"] == 0.0
    assert compared["mcnemar_p"] == 1.0
    assert compared["mean_absolute_error"] == pytest.approx(6 * 4 / N)
    gap = compared["mean_absolute_error_difference"]
    assert gap == pytest.approx(-6 / N)
    low, high = (compared[f"mean_absolute_error_difference_{end}"] for end in ("low", "high"))
    assert low < gap < high < 0
    json.dumps(summary, allow_nan=False)


def test_other_classes_have_none() -> None:
    summary = summary_of_stars(("bad", "so so", "good"))
    assert "mean_absolute_error" not in summary
    assert list(summary["baselines"]["nb"]) == list(summary_of()["baselines"]["nb"])


def test_slices_of_sentiment_are_not_made_of_other_classes() -> None:
    assert list(summary_of_stars()["slices"]) == ["length"]


@pytest.mark.parametrize("kept", [0, 1, 5])
def test_too_few_new_reviews_leave_nothing_to_evaluate(kept: int) -> None:
    duplicated = np.ones(N, dtype=np.bool_)
    duplicated[np.flatnonzero(LABELS == 1)[:kept]] = False  # all of one class
    summary = summary_of(duplicated=duplicated)
    assert summary["without_duplicates"] is None
    assert summary["accuracy_without_duplicates"] is None


def test_runs_on_stars_are_compared_by_their_error_too() -> None:
    train = dict.fromkeys(("valid_accuracy", "valid_loss", "best_epoch", "parameters"), 1)
    shown = comparable_numbers({"variant": "own", **summary_of_stars()}, train)
    assert {"mean_absolute_error", "macro_f1"} <= shown.keys()
    assert shown.keys() - {"mean_absolute_error", "macro_f1"} == (
        comparable_numbers({"variant": "full", **summary_of()}, train).keys()
    )
