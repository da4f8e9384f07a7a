"""From review tables to a vocabulary and memory-mapped token stores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imdb_rnn.config import Params, Prepare
from imdb_rnn.console import console
from imdb_rnn.data.reviews import classes_of, read_reviews, stream_texts
from imdb_rnn.data.split import groups_of, hold_out, split_by
from imdb_rnn.data.statistics import shared_reviews, split_statistics
from imdb_rnn.data.token_store import write_store
from imdb_rnn.data.tokenizer import Tokenizer
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.stages import run_stage

RAW: Final = Path("data/raw")
PREPARED: Final = Path("data/prepared")
REPORT: Final = Path("reports/data.json")
FACTS: Final = ("id", "label", "movie")


@dataclass(frozen=True)
class Split:
    """The reviews of one split, whose texts stay on disk until they are read."""

    table: Path
    chosen: NDArray[np.bool_]
    """bool [reviews of the table], which of them are of this split."""
    facts: pa.Table
    """The `FACTS` of each."""

    def texts(self) -> Iterator[str]:
        """One after the other."""
        return compress(stream_texts(self.table), self.chosen)


def prepare(params: Params) -> None:
    """Read `data/raw`, write `data/prepared` and `reports/data.json`.

    Texts are read several times and never kept, so that memory does not grow with them.
    """
    splits = _splits(params)
    provenance = read_json(RAW / "provenance.json")
    classes = classes_of(RAW / "train.parquet")
    tokenizer = Tokenizer.train(_vocabulary_text(splits, params.prepare), params.prepare)
    PREPARED.mkdir(parents=True, exist_ok=True)
    tokenizer.save(PREPARED / "tokenizer.json")
    statistics = {
        name: _encode_split(name, split, tokenizer, classes) for name, split in splits.items()
    }
    write_json(
        PREPARED / "dataset.json",
        {
            # What training depends on. Not where the reviews came from, nor what the test reviews
            # are: other ones of these train nothing anew.
            "variant": provenance["variant"],
            "classes": classes,
            "vocabulary_size": tokenizer.vocabulary_size,
            "max_length": tokenizer.max_length,
            "truncation": tokenizer.truncation,
        },
    )
    write_json(
        REPORT,
        {
            "variant": provenance["variant"],
            "vocabulary_size": tokenizer.vocabulary_size,
            "classes": classes,
            "validation_by": split_by(splits["train"].facts),
            "splits": statistics,
            **_shared_reviews(splits),
        },
    )


def _splits(params: Params) -> dict[str, Split]:
    tables = {name: RAW / f"{name}.parquet" for name in ("train", "test", "unsup")}
    facts = {name: read_reviews(table, FACTS) for name, table in tables.items()}
    held_out = hold_out(
        facts["train"]["label"].to_numpy(),
        groups_of(facts["train"]),
        params.prepare.validation_folds,
        params.seed,
    )

    def split(name: str, chosen: NDArray[np.bool_]) -> Split:
        return Split(tables[name], chosen, facts[name].filter(pa.array(chosen)))

    return {
        "train": split("train", ~held_out),
        "valid": split("train", held_out),
        "test": split("test", np.ones(len(facts["test"]), dtype=np.bool_)),
        "unsup": split("unsup", np.ones(len(facts["unsup"]), dtype=np.bool_)),
    }


def _vocabulary_text(splits: dict[str, Split], params: Prepare) -> Iterator[str]:
    if params.vocabulary_from == "train":
        return splits["train"].texts()
    if not len(splits["unsup"].facts):
        console.print("no unlabelled reviews: the vocabulary is counted on training text alone")
    return chain(splits["train"].texts(), splits["unsup"].texts())


def _encode_split(
    name: str, split: Split, tokenizer: Tokenizer, classes: Sequence[str]
) -> dict[str, Any]:
    """Write the split's token store, and say what is in it."""
    console.print(f"{name}: {len(split.facts):,} reviews")
    labels, ids = split.facts["label"].to_pylist(), split.facts["id"].to_pylist()
    store = write_store(PREPARED / name, tokenizer.encode(split.texts()), labels, ids)
    return split_statistics(store, classes)


def _shared_reviews(splits: dict[str, Split]) -> dict[str, Any]:
    return shared_reviews(
        {name: split.texts() for name, split in splits.items()},
        {name: set(split.facts["movie"].to_pylist()) - {None} for name, split in splits.items()},
    )


if __name__ == "__main__":
    run_stage(prepare)
