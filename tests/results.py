"""Small but real outputs of the pipeline, for tests of what reads them."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from imdb_rnn.config import Params, load_params
from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.data.tokenizer import Tokenizer
from imdb_rnn.io.json_file import write_json
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.saved_model import save_model

PROJECT = Path(__file__).parents[1]

TEXTS = [
    "a great great film",
    "dull",
    "",
    "the best of all films, and the cast is great",
    "a bad film . dull and long , long and dull , with a cast that cannot act",
]


def shipped_params() -> Params:
    return load_params(PROJECT / "params.yaml")


def small_params(**model: object) -> Params:
    """The shipped parameters with a classifier that trains and predicts in no time."""
    values = shipped_params().model_dump()
    values["model"] |= {"hidden_size": 4, "embedding_size": 4} | model
    return Params.model_validate(values)


def write_model(
    folder: Path,
    params: Params,
    max_length: int = 12,
    seed: int = 1,
    classes: Sequence[str] = SENTIMENT,
) -> Classifier:
    """Write an untrained classifier over the words of `TEXTS`."""
    prepare = params.prepare.model_copy(update={"max_length": max_length})
    tokenizer = Tokenizer.train(TEXTS * 2, prepare)
    folder.mkdir(parents=True)
    classifier = Classifier(
        tokenizer.vocabulary_size, max_length, params.model, seed, classes=len(classes)
    )
    save_model(folder, classifier.eval(), tokenizer, classes)
    return classifier


def make_project(folder: Path) -> None:
    """Lay down what tells that the folder is a project."""
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(PROJECT / name, folder)


def write_results(folder: Path, params: Params) -> None:
    """Write the outputs of all stages into a working folder."""
    reports = folder / "reports"
    for name in ("figures", "plots"):
        (reports / name).mkdir(parents=True)
    write_model(folder / "models" / "rnn", params)
    write_dataset_facts(folder)
    write_json(
        reports / "train.json",
        {
            "variant": "full",
            "best_epoch": 2,
            "epochs": 3,
            "valid_accuracy": 0.9,
            "valid_loss": 0.25,
            "parameters": 321,
            "tokens": 6543,
        },
    )
    write_json(
        reports / "evaluate.json",
        {
            "variant": "full",
            "n_test": 25000,
            "accuracy": 0.9104,
            "accuracy_low": 0.9068,
            "accuracy_high": 0.9139,
            "baselines": {"nb": {"accuracy": 0.918, "difference": -0.0076}},
            "slices": {"length": {">= 400": {"n": 3000, "accuracy": 0.88}}},
        },
    )
    write_json(
        reports / "baseline.json", {"variant": "full", "models": {"nb": {"accuracy": 0.918}}}
    )
    (reports / "history.csv").write_text(
        "epoch,train_loss,train_accuracy,valid_loss,valid_accuracy,learning_rate\n"
        "1,0.51,0.74,0.34,0.86,0.002\n"
        "2,0.31,0.87,0.25,0.90,0.001\n"
        "3,0.22,0.91,0.26,0.89,0.0\n"
    )
    (reports / "figures" / "roc.png").write_bytes(b"\x89PNG")
    (reports / "plots" / "roc.csv").write_text("fpr,tpr\n0,0\n1,1\n")


def write_predictions(path: Path) -> None:
    """Write what `evaluate` writes about four reviews."""
    table = {"id": ["a", "b", "c", "d"], "label": pa.array([0, 0, 1, 1], pa.int8())}
    pq.write_table(pa.table(table | {"probability": [0.1, 0.6, 0.7, 0.8]}), path)


def write_dataset_facts(folder: Path) -> None:
    splits = {
        name: {"reviews": reviews, "sha256": digest * 64}
        for name, reviews, digest in [
            ("train", 25000, "a"),
            ("test", 25000, "b"),
            ("unsup", 9, "c"),
        ]
    }
    write_json(
        folder / "data" / "raw" / "provenance.json",
        {"variant": "full", "splits": splits},
    )
