"""Fit the linear models on all labelled training reviews and predict the test reviews.

They select nothing, so they need no validation reviews; that makes them the harder opponent.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from imdb_rnn.config import Params
from imdb_rnn.console import console
from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.data.reviews import (
    classes_of,
    is_imdb,
    read_reviews,
    stream_texts,
    variant_of,
)
from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.behaviour import sentences, shares_passed
from imdb_rnn.evaluation.metrics import absolute_errors, classification_metrics, rounded
from imdb_rnn.evaluation.predictions import write_predictions
from imdb_rnn.features.ngram_models import fit, nb_model, predict_probabilities, tfidf_model
from imdb_rnn.io.json_file import write_json
from imdb_rnn.stages import run_stage

TRAIN = Path("data/raw/train.parquet")
TEST = Path("data/raw/test.parquet")
METRICS = Path("reports/baseline.json")
PREDICTIONS = Path("reports/baseline_predictions.parquet")


def baseline(params: Params) -> None:
    """Read `data/raw`, write `reports/baseline.json` and the predictions."""
    train, test = (read_reviews(table, ("id", "label")) for table in (TRAIN, TEST))
    classes, variant = classes_of(TRAIN), variant_of(TEST)
    _require_two_classes(test, classes)
    models = {
        "tfidf": tfidf_model(params.baseline.tfidf),
        "nb": nb_model(params.baseline.nb, len(classes)),
    }
    scores, predictions, behaviour = {}, {}, {}
    for name in list(models):
        console.print(f"{name}: fitting on {len(train):,} texts")
        model = models.pop(name)  # one fitted model in memory at a time
        fit(model, stream_texts(TRAIN), train["label"].to_numpy(), f"baseline.{name}")
        probability = predict_probabilities(model, stream_texts(TEST))
        scores[name] = _score(model, test, probability, classes)
        if is_imdb(variant) and classes == SENTIMENT:
            behaviour[name] = shares_passed(predict_probabilities(model, sentences()))
        # Rounded to single precision, which hides how processors differ in the last digits.
        predictions[name] = probability.astype(np.float32)
        console.print(f"{name}: accuracy {scores[name]['accuracy']:.4f} on {len(test):,} texts")
    write_predictions(PREDICTIONS, test, predictions, classes)
    sizes = {"variant": variant, "n_train": len(train), "n_test": len(test)}
    results = {**sizes, "models": scores}
    write_json(METRICS, results | ({"behaviour": rounded(behaviour)} if behaviour else {}))


def _require_two_classes(test: pa.Table, classes: Sequence[str]) -> None:
    """Refuse test reviews on which no model can be told from a guess."""
    occurring = test["label"].unique().to_pylist()
    if len(occurring) > 1:
        return
    what = f"all are of the class {classes[occurring[0]]}" if occurring else "there are none"
    raise UserError(
        f"{TEST}: the test texts cannot be evaluated on: {what}, and two classes are needed. "
        f"See download in params.yaml."
    )


def _score(
    model: Pipeline, test: pa.Table, probability: NDArray[np.float64], classes: Sequence[str]
) -> dict[str, float | int]:
    labels = test["label"].to_numpy()
    metrics = classification_metrics(labels, probability)
    reported = {name: metrics[name] for name in ("accuracy", "log_loss", "roc_auc", "macro_f1")}
    errors = absolute_errors(labels, probability, classes)
    if errors is not None:
        reported["mean_absolute_error"] = float(errors.mean())
    return {**rounded(reported), "features": model[-1].n_features_in_}


if __name__ == "__main__":
    run_stage(baseline)
