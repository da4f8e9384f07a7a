"""Evaluate the trained classifier on the test reviews, which are read once, here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
from numpy.typing import NDArray
from sklearn.metrics import classification_report

from imdb_rnn.config import Params
from imdb_rnn.console import console, progress
from imdb_rnn.data.classes import SENTIMENT, likeliest, titles_of
from imdb_rnn.data.reviews import classes_of, is_imdb, read_reviews, stream_texts, variant_of
from imdb_rnn.data.statistics import text_digests
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.evaluation import figures
from imdb_rnn.evaluation.all_metrics import comparable_numbers, summarize
from imdb_rnn.evaluation.behaviour import HELD_OUT, sentences, summarize_behaviour
from imdb_rnn.evaluation.calibration import calibration_points
from imdb_rnn.evaluation.curves import (
    confusion_counts,
    precision_recall_points,
    roc_points,
    write_points,
)
from imdb_rnn.evaluation.metrics import probability_of, rounded
from imdb_rnn.evaluation.predictions import (
    MODEL,
    Probabilities,
    read_probabilities,
    require_same_reviews,
    write_predictions,
)
from imdb_rnn.evaluation.result_table import results_table
from imdb_rnn.io.atomic import replacing
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.models.inference import predict_logits
from imdb_rnn.models.predictor import Predictor
from imdb_rnn.models.saved_model import load_model
from imdb_rnn.runtime.machine import prepare
from imdb_rnn.stages import run_stage
from imdb_rnn.tracking.filing import SECONDS_TO_FILE, file_results

TRAIN = Path("data/raw/train.parquet")
TEST = Path("data/raw/test.parquet")
PREPARED = Path("data/prepared/test")
CLASSIFIER = Path("models/rnn")
REPORTS = Path("reports")
BASELINES = REPORTS / "baseline_predictions.parquet"
BASELINE_SCORES = REPORTS / "baseline.json"


def evaluate(params: Params) -> None:
    """Read reviews, model and baseline predictions; write `reports/`, file it in MLflow."""
    variant, test = variant_of(TEST), read_reviews(TEST)
    ids, classes = test["id"].to_pylist(), classes_of(TEST)
    baselines = read_probabilities(BASELINES, ids, "baseline", classes)
    logits = _predict(ids, params)
    probabilities = {MODEL: probability_of(logits), **baselines}
    write_predictions(
        REPORTS / "predictions.parquet",
        test,
        {"logit": logits, "probability": probabilities[MODEL]},
        classes,
    )
    summary = summarize(test, probabilities, _duplicated(), params.evaluate, params.seed)
    results = {"variant": variant, **summary, **_behaviour(params.evaluate.confidence)}
    write_json(REPORTS / "evaluate.json", results)
    train = read_json(REPORTS / "train.json")
    write_json(REPORTS / "metrics.json", comparable_numbers(results, train))
    _draw(test["label"].to_numpy(), probabilities, summary)
    report = _write_report(test["label"].to_numpy(), probabilities[MODEL], classes)
    console.print(report, markup=False)
    console.print(results_table(results))
    file_results(params, SECONDS_TO_FILE)


def _predict(ids: list[str], params: Params) -> NDArray[np.float32]:
    """Logits of the test reviews, in the order of the ids."""
    device = prepare(params.train.threads, params.train.device)
    store = TokenStore.open(PREPARED)
    require_same_reviews(ids, store.ids.tolist(), origin=str(PREPARED), made_by="prepare")
    classifier = load_model(CLASSIFIER).to(device)
    with progress("test texts", len(store)) as advance:
        return predict_logits(classifier, store, params.evaluate.batch_size, advance)


def _behaviour(confidence: float) -> dict[str, Any]:
    """How the models answer short sentences, with a figure; nothing where classes are others."""
    if not is_imdb(variant_of(TEST)) or classes_of(TEST) != SENTIMENT:
        return {}
    predictor = Predictor.load(CLASSIFIER)
    probability = predictor.predict_tokens(predictor.read(sentences()))
    baselines = read_json(BASELINE_SCORES)["behaviour"]
    found = rounded(summarize_behaviour(probability, baselines, confidence))
    drawn = figures.behaviour_figure(found[HELD_OUT])
    figures.write_figure(REPORTS / "figures/behaviour.png", drawn)
    return {"behaviour": found}


def _duplicated() -> NDArray[np.bool_]:
    """Which test reviews also occur in train: bool [reviews]."""
    test, train = (text_digests(stream_texts(table)) for table in (TEST, TRAIN))
    return np.isin(test, train)


def _write_report(
    labels: NDArray[np.int8], probability: NDArray[np.float64], classes: Sequence[str]
) -> str:
    """Write scikit-learn's classification report, and return it."""
    report: str = classification_report(
        labels,
        likeliest(probability),
        labels=np.arange(len(classes)),
        target_names=titles_of(classes),
        digits=4,
        zero_division=0.0,
    )
    with replacing(REPORTS / "classification_report.txt") as unfinished:
        unfinished.write_text(report, encoding="utf-8")
    return report


def _draw(labels: NDArray[np.int8], probabilities: Probabilities, summary: dict[str, Any]) -> None:
    """Write each curve as points for `dvc plots` and as a picture."""
    model, classes = probabilities[MODEL], summary["classes"]
    curves = {
        "roc": (roc_points(labels, probabilities, classes), figures.roc_figure),
        "precision_recall": (
            precision_recall_points(labels, probabilities, classes),
            figures.precision_recall_figure,
        ),
        "calibration": (calibration_points(labels, model), figures.calibration_figure),
        "confusion": (confusion_counts(labels, model, classes), figures.confusion_figure),
    }
    for name, (points, draw) in curves.items():
        write_points(REPORTS / "plots" / f"{name}.csv", points)
        figures.write_figure(REPORTS / "figures" / f"{name}.png", draw(points, classes))
    slices = figures.slices_figure(summary["slices"], summary["accuracy"], classes)
    figures.write_figure(REPORTS / "figures/slices.png", slices)
    history = figures.learning_curve_figure(pyarrow.csv.read_csv(REPORTS / "history.csv"))
    figures.write_figure(REPORTS / "figures/learning_curve.png", history)


if __name__ == "__main__":
    run_stage(evaluate)
