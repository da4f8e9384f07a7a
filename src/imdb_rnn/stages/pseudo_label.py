"""Label the unlabelled reviews with a linear model fitted on the labelled training reviews."""

from collections.abc import Iterator
from itertools import compress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from imdb_rnn.config import Params
from imdb_rnn.console import console, progress
from imdb_rnn.data.classes import likeliest, targets_of
from imdb_rnn.data.reviews import classes_of, read_reviews, stream_texts, variant_of
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.features.ngram_models import fit, nb_model, predict_probabilities
from imdb_rnn.io.array_file import write_array
from imdb_rnn.io.json_file import write_json
from imdb_rnn.stages import run_stage

RAW = Path("data/raw")
PREPARED = Path("data/prepared")
PROBABILITIES = Path("data/pseudo_labels.npy")
METRICS = Path("reports/pseudo_label.json")


def pseudo_label(params: Params) -> None:
    """Read `data/raw` and the split, write `data/pseudo_labels.npy` and the teacher's metrics.

    The validation reviews teach nothing here, because they choose the student's best epoch.
    """
    settings = params.pseudo_label.teacher
    variant = variant_of(RAW / "train.parquet")
    classes = classes_of(RAW / "train.parquet")
    unlabelled = len(read_reviews(RAW / "unsup.parquet", ("id",)))
    if settings is None or unlabelled == 0:
        console.print("no pseudo-labels: " + ("no teacher" if settings is None else "no texts"))
        write_array(PROBABILITIES, targets_of(np.zeros(0, dtype=np.int8), len(classes)))
        write_json(METRICS, {"variant": variant, "reviews": 0, "teacher_valid_accuracy": None})
        return
    labels = read_reviews(RAW / "train.parquet", ("label",))["label"].to_numpy()
    learned, held_out = (_of_split(name) for name in ("train", "valid"))
    console.print(f"{learned.sum():,} labelled texts teach the n-gram model")
    model = nb_model(settings, len(classes))
    teacher = fit(model, _texts(learned), labels[learned], "pseudo_label.teacher")
    right = likeliest(predict_probabilities(teacher, _texts(held_out))) == labels[held_out]
    probabilities = _probabilities(teacher, unlabelled)
    write_array(PROBABILITIES, probabilities)
    write_json(
        METRICS,
        {
            "variant": variant,
            "reviews": len(probabilities),
            "teacher_valid_accuracy": round(float(right.mean()), 6),
        },
    )


def _of_split(name: str) -> NDArray[np.bool_]:
    """Which labelled training reviews `prepare` put into the split: bool [reviews]."""
    ids = read_reviews(RAW / "train.parquet", ("id",))["id"]
    chosen = pc.is_in(ids, pa.array(TokenStore.open(PREPARED / name).ids.tolist()))
    mask: NDArray[np.bool_] = chosen.to_numpy()
    return mask


def _texts(chosen: NDArray[np.bool_]) -> Iterator[str]:
    return compress(stream_texts(RAW / "train.parquet"), chosen)


def _probabilities(teacher: Pipeline, texts: int) -> NDArray[np.float32]:
    """Of each unlabelled text, as `predict_probabilities` returns them."""
    with progress("unlabelled texts", texts) as advance:

        def read() -> Iterator[str]:
            for text in stream_texts(RAW / "unsup.parquet"):
                yield text
                advance()

        return predict_probabilities(teacher, read()).astype(np.float32)


if __name__ == "__main__":
    run_stage(pseudo_label)
