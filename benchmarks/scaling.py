"""How time, memory and accuracy follow the amount of data."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from benchmarks.catalogue import CATALOGUE
from benchmarks.pipeline import Pipeline, experiment_params, measure_pipeline
from benchmarks.reviews import RAW, Reviews
from imdb_rnn.data.reviews import read_reviews, variant_of, write_reviews
from imdb_rnn.experiments.named import merged

SIZES: Final = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
LABELS: Final = (100, 1_000, 5_000, 25_000)
LABEL_EXPERIMENT: Final = "gru"
"""The network whose accuracy follows the number of labels: it has no other examples."""

# With few labels the network takes few steps, and averaged weights would lag behind its own.
_NO_AVERAGING: Final[dict[str, Any]] = {"train": {"ema_decay": 0.0}}

# Growth is that of the code, not of the network: a small one shows it in a fraction of the time.
_ONE_SHORT_EPOCH: Final[dict[str, Any]] = {
    "pseudo_label": {"teacher": None},
    "ngram_log_odds": {"max_ngram": 0},
    "word_vectors": {"window": 0},
    "prepare": {"max_length": 200},
    "model": {"hidden_size": 32, "embedding_size": 64},
    "train": {"epochs": 1},
}


def measure_growth(size: float, raw: Path = RAW) -> dict[str, Any]:
    """Time and memory of `prepare`, and of one epoch of `train`, on more or fewer reviews.

    Args:
        size: Share of the reviews; above 1, reviews are repeated under new ids.
        raw: Folder of the review tables.
    """
    params = merged(experiment_params("default"), _ONE_SHORT_EPOCH)
    with tempfile.TemporaryDirectory() as folder:
        _copy(raw, Path(folder), lambda table: resized(table, size))
        with Pipeline.scratch(params, Path(folder)) as pipeline:
            prepare = pipeline.run("prepare")
            for stage in ("pseudo_label", "ngram_log_odds", "word_vectors"):
                pipeline.run(stage)
            train = pipeline.run("train", module="benchmarks.observed_training")
            paused = pipeline.observed()["paused"]
    return {
        "prepare_seconds": prepare.seconds,
        "prepare_peak_mb": prepare.peak_mb,
        "train_seconds": train.seconds - paused,
        "train_peak_mb": train.peak_mb,
    }


def measure_labels(number: int, model: str, raw: Path = RAW) -> dict[str, Any]:
    """Test accuracy after learning from so many labelled reviews.

    Args:
        number: Labelled training reviews, as many of each class; the network holds a tenth of
            them out for validation.
        model: `nb` or an experiment.
        raw: Folder of the review tables.
    """
    test = Reviews.read("test", raw)
    with tempfile.TemporaryDirectory() as folder:
        _copy(raw, Path(folder), lambda table: labelled(table, number), splits=("train",))
        for split in ("test", "unsup"):
            (Path(folder) / f"{split}.parquet").symlink_to((raw / f"{split}.parquet").resolve())
        if model == "nb":
            row = CATALOGUE["nb"].measure(Reviews.read("train", Path(folder)), test, 1)
        else:
            params = merged(experiment_params(model), _NO_AVERAGING)
            row = measure_pipeline(params, test, Path(folder))
    return {"accuracy": row["accuracy"], "train_seconds": row["train_seconds"]}


def resized(table: pa.Table, size: float) -> pa.Table:
    """Every so manieth review, or all of them several times under new ids."""
    if size < 1:
        return table.take(np.arange(0, len(table), round(1 / size)))
    ids = table.schema.get_field_index("id")
    copies = []
    for copy in range(round(size)):
        names = [f"{name}-{copy}" if copy else name for name in table["id"].to_pylist()]
        copies.append(table.set_column(ids, table.schema.field(ids), pa.array(names)))
    return pa.concat_tables(copies)


def labelled(table: pa.Table, number: int) -> pa.Table:
    """So many reviews, as many of each class, spread evenly over the table."""
    labels = table["label"].to_numpy()
    chosen = []
    for label in (0, 1):
        places = np.flatnonzero(labels == label)
        chosen.append(places[np.linspace(0, len(places) - 1, number // 2).round().astype(int)])
    return table.take(np.sort(np.concatenate(chosen)))


def _copy(
    raw: Path,
    folder: Path,
    change: Callable[[pa.Table], pa.Table],
    splits: tuple[str, ...] = ("train", "test", "unsup"),
) -> None:
    (folder / "provenance.json").write_bytes((raw / "provenance.json").read_bytes())
    for split in splits:
        path = raw / f"{split}.parquet"
        write_reviews(folder / path.name, change(read_reviews(path)), variant_of(path))
