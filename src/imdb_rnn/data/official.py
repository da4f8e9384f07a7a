"""What identifies an official review: its folder, its number, and a digest over the texts."""

import hashlib
from collections.abc import Iterable
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from imdb_rnn.data.reviews import NEGATIVE, NO_LABEL, POSITIVE, SCHEMA

LABELS: Final = {"neg": NEGATIVE, "pos": POSITIVE, "unsup": NO_LABEL}


class WrongReviewsError(Exception):
    """A source holds something else than the official reviews; the message says what, in a line."""


class OfficialReview(NamedTuple):
    """One review as its authors filed it."""

    folder: str
    """`train/neg`, `train/pos`, `train/unsup`, `test/neg` or `test/pos`."""
    number: int
    """Official number, from 0 in each folder."""
    name: str
    """File name without its ending: `0_3`, or `0` where the source does not know the rating."""
    text: str
    """The text as it stands in the file."""
    rating: int | None = None
    """1 to 10 stars."""
    movie: str | None = None
    """Title id such as tt0064354."""


def review_table(reviews: Iterable[OfficialReview]) -> pa.Table:
    """Make a review table, sorted by folder and then by number, whatever order they come in."""
    ordered = sorted(reviews, key=lambda review: (review.folder, review.number))
    columns = {
        "id": [f"{review.folder}/{review.name}" for review in ordered],
        "text": [review.text for review in ordered],
        "label": [LABELS[review.folder.rpartition("/")[2]] for review in ordered],
        "rating": [review.rating for review in ordered],
        "movie": [review.movie for review in ordered],
    }
    return pa.table(columns, schema=SCHEMA)


def first_of_each_class(reviews: pa.Table, count: int) -> pa.Table:
    """Keep the `count` lowest official numbers of each label of a `review_table`."""
    labels = reviews["label"]
    classes = [reviews.filter(pc.equal(labels, label)) for label in LABELS.values()]
    return pa.concat_tables([of_class.slice(0, count) for of_class in classes]).combine_chunks()


def content_digest(reviews: pa.Table) -> str:
    """SHA-256 over the reviews themselves, whatever packed them.

    For every review, in the byte order of the paths: its path (`train/neg/0_3.txt`), NUL, its
    text in UTF-8, NUL.
    """
    paths = [f"{review_id}.txt".encode() for review_id in reviews["id"].to_pylist()]
    digest = hashlib.sha256()
    for path, text in sorted(zip(paths, reviews["text"].to_pylist(), strict=True)):
        digest.update(b"%b\0%b\0" % (path, text.encode()))
    return digest.hexdigest()


def digest_difference(name: str, reviews: pa.Table, expected: str) -> str | None:
    """How reviews differ from what they must hash to, with both digests; None if they do not."""
    got = content_digest(reviews)
    if got == expected:
        return None
    return (
        f"the {name} reviews are not the expected ones: SHA-256 over the texts is {got}, "
        f"download.digests.{name} says {expected}"
    )
