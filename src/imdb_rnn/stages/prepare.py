"""From review tables to a vocabulary and memory-mapped token stores."""

from pathlib import Path
from typing import Any

import pyarrow as pa
from tokenizers import Tokenizer

from imdb_rnn.atomic import replacing
from imdb_rnn.console import console
from imdb_rnn.corpus.reviews import read_reviews
from imdb_rnn.corpus.split import hold_out, movies_of
from imdb_rnn.corpus.statistics import shared_reviews, split_statistics
from imdb_rnn.corpus.store import TokenStore, write_store
from imdb_rnn.corpus.vocabulary import build_tokenizer, encode
from imdb_rnn.jsonfile import read_json, write_json
from imdb_rnn.params import Params, Prepare
from imdb_rnn.stages import run_stage

RAW = Path("data/raw")
PREPARED = Path("data/prepared")
REPORT = Path("reports/data.json")


def prepare(params: Params) -> None:
    """Read `data/raw`, write `data/prepared` and `reports/data.json`."""
    raw = {name: read_reviews(RAW / f"{name}.parquet") for name in ("train", "test", "unsup")}
    provenance = read_json(RAW / "provenance.json")
    splits = _split_training(raw, params)
    tokenizer = build_tokenizer(_vocabulary_text(splits, params.prepare), params.prepare)
    PREPARED.mkdir(parents=True, exist_ok=True)
    with replacing(PREPARED / "tokenizer.json") as unfinished:
        unfinished.write_text(tokenizer.to_str(pretty=True), encoding="utf-8")
    stores = {
        name: _encode_split(name, reviews, tokenizer, params.prepare)
        for name, reviews in splits.items()
    }
    write_json(
        PREPARED / "dataset.json",
        {
            # Not where the reviews came from: another source of the same ones changes nothing.
            "edition": provenance["edition"],
            "splits": provenance["splits"],
            "vocabulary_size": tokenizer.get_vocab_size(),
            "max_length": params.prepare.max_length,
            "keep": params.prepare.keep,
        },
    )
    write_json(REPORT, _report(provenance["edition"], tokenizer, splits, stores))


def _split_training(raw: dict[str, pa.Table], params: Params) -> dict[str, pa.Table]:
    train = raw["train"]
    held_out = hold_out(
        train["label"].to_numpy(), movies_of(train), params.prepare.validation_folds, params.seed
    )
    return {
        "train": train.filter(pa.array(~held_out)),
        "valid": train.filter(pa.array(held_out)),
        "test": raw["test"],
        "unsup": raw["unsup"],
    }


def _vocabulary_text(splits: dict[str, pa.Table], params: Prepare) -> list[str]:
    texts: list[str] = splits["train"]["text"].to_pylist()
    if params.vocabulary_from == "train+unsup":
        if not len(splits["unsup"]):
            console.print("no unlabelled reviews: the vocabulary is counted on training text alone")
        texts += splits["unsup"]["text"].to_pylist()
    return texts


def _encode_split(
    name: str, reviews: pa.Table, tokenizer: Tokenizer, params: Prepare
) -> TokenStore:
    console.print(f"{name}: {len(reviews):,} reviews")
    words = encode(tokenizer, reviews["text"].to_pylist(), params.max_length, params.keep)
    labels, ids = reviews["label"].to_pylist(), reviews["id"].to_pylist()
    return write_store(PREPARED / name, words, labels, ids)


def _report(
    edition: str,
    tokenizer: Tokenizer,
    splits: dict[str, pa.Table],
    stores: dict[str, TokenStore],
) -> dict[str, Any]:
    movies = splits["train"]["movie"]
    return {
        "edition": edition,
        "vocabulary_size": tokenizer.get_vocab_size(),
        "validation_by": "id block" if movies.null_count else "movie",
        "splits": {name: split_statistics(store) for name, store in stores.items()},
        **shared_reviews(splits),
    }


if __name__ == "__main__":
    run_stage(prepare)
