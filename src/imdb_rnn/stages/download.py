"""Stage `download`: the reviews as parquet, and where they came from."""

import shutil
from pathlib import Path
from typing import Final

from imdb_rnn.config import Params
from imdb_rnn.console import console
from imdb_rnn.data.reviews import content_digest, write_reviews
from imdb_rnn.data.sources import Dataset, find_reviews
from imdb_rnn.io.atomic import replacing
from imdb_rnn.io.json_file import write_json
from imdb_rnn.stages import run_stage

RAW: Final = Path("data/raw")
DOWNLOADS: Final = Path(".cache/downloads")
TRAIN_ONLY_WARNING: Final = """\
The full dataset was not within reach. These are its labelled TRAINING reviews only: numbers below
10,000 of each class are used as train, the others as test. There are no official test reviews, no
unlabelled ones, no ratings and no movies. Scores are not comparable with those of the full variant.
To get that, put aclImdb_v1.tar.gz into data/external/ and run again; or connect to the internet and
run `dvc repro --force download` first."""


def download(params: Params) -> None:
    """Write the review tables and their provenance to `data/raw`, all of them or none."""
    dataset = find_reviews(params.download, DOWNLOADS)
    write_dataset(dataset, RAW)
    if not _is_train_only(dataset):  # else the archive may still arrive, from where it broke off
        shutil.rmtree(DOWNLOADS, ignore_errors=True)
    _announce(dataset)


def write_dataset(dataset: Dataset, folder: Path) -> None:
    """Write all files beside `folder` first, then move them in."""
    with replacing(folder) as unfinished:
        for split, reviews in dataset.splits.items():
            path = unfinished / f"{split}.parquet"
            write_reviews(path, reviews, dataset.variant, dataset.classes)
        write_json(unfinished / "provenance.json", _provenance(dataset))


def _provenance(dataset: Dataset) -> dict[str, object]:
    return {
        "source": dataset.source,
        "variant": dataset.variant,
        "splits": {
            split: {"reviews": reviews.num_rows, "sha256": content_digest(reviews)}
            for split, reviews in dataset.splits.items()
        },
    }


def _is_train_only(dataset: Dataset) -> bool:
    return dataset.variant.startswith("train-only")


def _announce(dataset: Dataset) -> None:
    counts = ", ".join(f"{table.num_rows:,} {split}" for split, table in dataset.splits.items())
    console.print(f"Variant {dataset.variant}, from {dataset.source}: {counts}", markup=False)
    if _is_train_only(dataset):
        console.print(TRAIN_ONLY_WARNING, style="bold yellow")


if __name__ == "__main__":
    run_stage(download)
