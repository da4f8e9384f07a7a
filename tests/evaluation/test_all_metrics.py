import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from imdb_rnn.config import Evaluate
from imdb_rnn.evaluation.all_metrics import summarize
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
