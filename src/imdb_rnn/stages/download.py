"""Stage `download`: the reviews as parquet, and where they came from."""

import shutil
from pathlib import Path
from typing import Final

from imdb_rnn.config import FilesSource, Params
from imdb_rnn.console import console
from imdb_rnn.data.files import OwnDataset, unwatched
from imdb_rnn.data.reviews import StoredReviews, content_digest, write_reviews, write_stored
from imdb_rnn.data.sources import Dataset, find_reviews
from imdb_rnn.io.atomic import replacing
from imdb_rnn.io.json_file import write_json
from imdb_rnn.messages import shortened
from imdb_rnn.repository.dvc import main_checkout
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
    base = main_checkout()
    dataset = find_reviews(params.download, DOWNLOADS, base)
    write_dataset(dataset, RAW)
    if not _is_train_only(dataset):  # else the archive may still arrive, from where it broke off
        shutil.rmtree(DOWNLOADS, ignore_errors=True)
    _announce(dataset)
    for source in params.download.sources:
        if isinstance(dataset, OwnDataset) and isinstance(source, FilesSource):
            _say_what_dvc_overlooks(unwatched(source, base, params.download.watch))
            return


def write_dataset(dataset: Dataset | OwnDataset, folder: Path) -> None:
    """Write all files beside `folder` first, then move them in."""
    with replacing(folder) as unfinished:
        for split, reviews in dataset.splits.items():
            path = unfinished / f"{split}.parquet"
            if isinstance(reviews, StoredReviews):
                write_stored(path, reviews, _variant(dataset, split), dataset.classes)
            else:
                write_reviews(path, reviews, dataset.variant, dataset.classes)
        write_json(unfinished / "provenance.json", _provenance(dataset))


def _variant(dataset: Dataset | OwnDataset, split: str) -> str:
    """What tells a split apart from others of its name.

    Results are compared only on the same test texts, and a file's name does not say which it holds.
    """
    if split != "test":
        return dataset.variant
    return f"{dataset.variant}, test {content_digest(dataset.splits[split])[:8]}"


def _provenance(dataset: Dataset | OwnDataset) -> dict[str, object]:
    return {
        "source": dataset.source,
        "variant": dataset.variant,
        "splits": {
            split: {"reviews": reviews.num_rows, "sha256": content_digest(reviews)}
            for split, reviews in dataset.splits.items()
        },
        **(dataset.record if isinstance(dataset, OwnDataset) else {}),
    }


def _is_train_only(dataset: Dataset | OwnDataset) -> bool:
    return dataset.variant.startswith("train-only")


def _announce(dataset: Dataset | OwnDataset) -> None:
    counts = ", ".join(f"{table.num_rows:,} {split}" for split, table in dataset.splits.items())
    console.print(f"Variant {dataset.variant}, from {dataset.source}: {counts}", markup=False)
    if _is_train_only(dataset):
        console.print(TRAIN_ONLY_WARNING, style="bold yellow")
    if isinstance(dataset, OwnDataset):
        classes = shortened(", ".join(dataset.classes))
        console.print(f"{len(dataset.classes)} classes: {classes}", markup=False)
        for warning in dataset.warnings:
            console.print(warning, style="yellow", markup=False)


def _say_what_dvc_overlooks(places: list[str]) -> None:
    if places:
        console.print(
            f"DVC does not notice when {' or '.join(places)} changes, which is outside "
            "download.watch. Set `download.watch: PATH` to the file or its folder, or run "
            "`dvc repro --force download` then.",
            style="yellow",
            markup=False,
        )


if __name__ == "__main__":
    run_stage(download)
