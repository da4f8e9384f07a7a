"""What the stages need to run within seconds, in the process of the test."""

import shutil
from pathlib import Path

import pytest
import yaml

from archives import write_archive
from imdb_rnn.experiments.named import merged
from results import PROJECT, shipped_params

SMALL = {
    "baseline": {"tfidf": {"max_ngram": 1}, "nb": {"max_ngram": 1}},
    "prepare": {"vocabulary_size": 100, "max_length": 60, "validation_folds": 2},
    "ngram_log_odds": {"max_ngram": 1, "min_df": 2},
    "model": {"embedding_size": 4, "hidden_size": 4},
    "train": {"epochs": 1, "min_steps": 0, "threads": 1, "device": "cpu"},
    "evaluate": {"resamples": 100},
    "diagnostics": {
        "reviews": 8,
        "measured_reviews": 4,
        "words": 50,
        "hidden_size": 4,
        "epochs": 1,
        "longest_delay": 4,
        "probe_steps": 1,
    },
}


def write_small_project(folder: Path) -> None:
    """Write an archive of 280 reviews and the `params.yaml` that goes with it."""
    measured = Path("reports/bptt.json")  # an input of the stage `diagnostics` that Git has
    (folder / "reports").mkdir()
    shutil.copyfile(PROJECT / measured, folder / measured)
    digests = write_archive(folder / "data/external/aclImdb_v1.tar.gz", 40)
    params = merged(shipped_params().model_dump(mode="json"), SMALL)
    (folder / "params.yaml").write_text(
        yaml.safe_dump(merged(params, {"download": {"digests": digests}})), encoding="utf-8"
    )


def leave_mlflow_out(patch: pytest.MonkeyPatch) -> None:
    """Name a server's address where nobody listens."""
    patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
