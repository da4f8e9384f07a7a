"""From review tables to a vocabulary and memory-mapped token stores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imdb_rnn.config import Params, Prepare
from imdb_rnn.console import console, counted
from imdb_rnn.data.reviews import classes_of, read_reviews, stream_texts
from imdb_rnn.data.split import groups_of, hold_out, split_by
from imdb_rnn.data.statistics import (
    TextDigests,
    conflicting_texts,
    few_of_class,
    shared_reviews,
    shared_texts,
    split_statistics,
    text_digests,
    texts_of_class,
)
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

    def texts(self, task: str) -> Iterator[str]:
        """One after the other, while it is shown how far the task has come."""
        chosen = compress(stream_texts(self.table), self.chosen)
        return counted(chosen, task, len(self.facts))

    def movies(self) -> set[str]:
        """Those that are known."""
        return set(self.facts["movie"].to_pylist()) - {None}


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
    digests = {
        name: text_digests(split.texts(f"Comparing {name}")) for name, split in splits.items()
    }
    shared = shared_reviews(digests, {name: split.movies() for name, split in splits.items()})
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
            **shared,
            **_own_facts(provenance, splits, digests, classes),
        },
    )
    if "files" in provenance:
        learned = np.concatenate([digests["train"], digests["valid"]])
        _warn(shared_texts(digests["test"], learned))


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
    task = "Counting tokens"
    if params.vocabulary_from == "train":
        return splits["train"].texts(task)
    if not len(splits["unsup"].facts):
        console.print("no unlabelled texts: the vocabulary is counted on training text alone")
    return chain(splits["train"].texts(task), splits["unsup"].texts(task))


def _encode_split(
    name: str, split: Split, tokenizer: Tokenizer, classes: Sequence[str]
) -> dict[str, Any]:
    """Write the split's token store, and say what is in it."""
    console.print(f"{name}: {len(split.facts):,} texts")
    labels, ids = split.facts["label"].to_pylist(), split.facts["id"].to_pylist()
    tokens = tokenizer.encode(split.texts(f"Encoding {name}"))
    store = write_store(PREPARED / name, tokens, labels, ids)
    return split_statistics(store, classes)


def _own_facts(
    provenance: Mapping[str, Any],
    splits: Mapping[str, Split],
    digests: Mapping[str, TextDigests],
    classes: Sequence[str],
) -> dict[str, Any]:
    """What else there is to know of a user's own files; nothing of IMDB."""
    if "files" not in provenance:
        return {}
    labelled = [name for name in splits if name != "unsup"]
    labels = np.concatenate([splits[name].facts["label"].to_numpy() for name in labelled])
    learned = splits["train"].facts["label"].to_numpy()
    return {
        "own_files": {
            "empty_texts_dropped": provenance["dropped"],
            "texts_with_several_labels": conflicting_texts(
                np.concatenate([digests[name] for name in labelled]), labels
            ),
            "classes_of_few_texts": few_of_class(texts_of_class(learned, classes)),
            "classes_without_test_texts": provenance["classes_without_test_texts"],
            "split_off": provenance["split_off"],
            "shared_groups": provenance["shared_groups"],
        }
    }


def _warn(shared: int) -> None:
    """Say what makes scores on a user's own texts too high."""
    if shared:
        console.print(
            f"{shared:,} test texts are among the training texts too, compared by their words: "
            "scores may be too high.",
            style="yellow",
        )


if __name__ == "__main__":
    run_stage(prepare)
