"""Label the unlabelled reviews with a linear model fitted on the labelled training reviews."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from imdb_rnn.config import Params
from imdb_rnn.console import console, progress
from imdb_rnn.data.reviews import read_reviews, variant_of
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.features.ngram_models import fit, nb_model
from imdb_rnn.io.array_file import write_array
from imdb_rnn.io.json_file import write_json
from imdb_rnn.stages import run_stage

RAW = Path("data/raw")
PREPARED = Path("data/prepared")
PROBABILITIES = Path("data/pseudo_labels.npy")
METRICS = Path("reports/pseudo_label.json")
REVIEWS_AT_ONCE = 5000


def pseudo_label(params: Params) -> None:
    """Read `data/raw` and the split, write `data/pseudo_labels.npy` and the teacher's metrics.

    The validation reviews teach nothing here, because they choose the student's best epoch.
    """
    settings = params.pseudo_label.teacher
    variant = variant_of(RAW / "train.parquet")
    unsup = read_reviews(RAW / "unsup.parquet")
    if settings is None or len(unsup) == 0:
        console.print("no pseudo-labels: " + ("no teacher" if settings is None else "no reviews"))
        write_array(PROBABILITIES, np.zeros(0, dtype=np.float32))
        write_json(METRICS, {"variant": variant, "reviews": 0, "teacher_valid_accuracy": None})
        return
    train = read_reviews(RAW / "train.parquet")
    learned, held_out = (_of_split(train, name) for name in ("train", "valid"))
    console.print(f"{len(learned):,} labelled reviews teach the n-gram model")
    texts, labels = learned["text"].to_pylist(), learned["label"].to_numpy()
    teacher = fit(nb_model(settings), texts, labels, "pseudo_label.teacher")
    right = teacher.predict(held_out["text"].to_pylist()) == held_out["label"].to_numpy()
    probabilities = _probabilities(teacher, unsup["text"].to_pylist())
    write_array(PROBABILITIES, probabilities)
    write_json(
        METRICS,
        {
            "variant": variant,
            "reviews": len(probabilities),
            "teacher_valid_accuracy": round(float(right.mean()), 6),
        },
    )


def _of_split(train: pa.Table, name: str) -> pa.Table:
    """The labelled training reviews that `prepare` put into the split."""
    ids = TokenStore.open(PREPARED / name).ids.tolist()
    return train.filter(pc.is_in(train["id"], pa.array(ids)))


def _probabilities(teacher: Pipeline, texts: list[str]) -> NDArray[np.float32]:
    """That each text is positive, float32 [texts]."""
    pieces = []
    with progress("unlabelled reviews", len(texts)) as advance:
        for begin in range(0, len(texts), REVIEWS_AT_ONCE):
            piece = texts[begin : begin + REVIEWS_AT_ONCE]
            pieces.append(teacher.predict_proba(piece)[:, 1].astype(np.float32))
            advance(len(piece))
    return np.concatenate(pieces)


if __name__ == "__main__":
    run_stage(pseudo_label)
