"""The review table: one parquet file a split, in the order of the official ids."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from imdb_rnn.console import progress
from imdb_rnn.data.classes import SENTIMENT, class_metadata, classes_in
from imdb_rnn.errors import UserError
from imdb_rnn.io.atomic import replacing
from imdb_rnn.io.parquet_file import read_table

NO_LABEL: Final = -1
NEGATIVE: Final = 0
POSITIVE: Final = 1
LABELS: Final = {"neg": NEGATIVE, "pos": POSITIVE, "unsup": NO_LABEL}
STARS: Final = (1, 2, 3, 4, 7, 8, 9, 10)
"""That labelled reviews give; the others were left out by the authors of the dataset."""

SCHEMA: Final = pa.schema(
    [
        # e.g. train/neg/0_3; without the rating (train/neg/0) where a source does not know it
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("label", pa.int8(), nullable=False),  # place among the classes, -1 for unlabelled
        pa.field("rating", pa.int8()),  # 1 to 10 stars; null where unknown
        pa.field("movie", pa.string()),  # title id such as tt0064354; null where unknown
    ]
)

_TEXTS_AT_ONCE: Final = 1000
_BYTES_AT_ONCE: Final = 2**20


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
    """The text of the file as it is."""
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


@dataclass(frozen=True)
class StoredReviews:
    """Rows of `SCHEMA` that are on disk, too many for memory."""

    num_rows: int
    sha256: str
    """Their `content_digest`."""
    batches: Callable[[], Iterator[pa.RecordBatch]]
    """Reads them anew, some at a time."""


def first_of_each_class(reviews: pa.Table, count: int) -> pa.Table:
    """Keep the first `count` reviews of each label."""
    labels = reviews["label"]
    found = sorted(pc.unique(labels).to_pylist(), key=lambda label: (label == NO_LABEL, label))
    classes = [reviews.filter(pc.equal(labels, label)) for label in found] or [reviews]
    return pa.concat_tables([of_class.slice(0, count) for of_class in classes]).combine_chunks()


def content_digest(reviews: pa.Table | StoredReviews) -> str:
    """SHA-256 over the reviews themselves, whatever packed them.

    For every review, in the byte order of the paths: its path (`train/neg/0_3.txt`), NUL, its
    text in UTF-8, NUL. For texts of a user's own files see `rows_digest`.
    """
    if isinstance(reviews, StoredReviews):
        return reviews.sha256
    paths = [f"{review_id}.txt".encode() for review_id in reviews["id"].to_pylist()]
    digest = hashlib.sha256()
    for path, text in sorted(zip(paths, reviews["text"].to_pylist(), strict=True)):
        digest.update(b"%b\0%b\0" % (path, text.encode()))
    return digest.hexdigest()


def rows_digest(batches: Iterable[pa.RecordBatch], classes: Sequence[str]) -> str:
    """SHA-256 over the texts of a user's own files, whatever packed them.

    For every row, in their order: its class (nothing if unlabelled), NUL, its group (nothing if
    there is none), NUL, its text, NUL; all in UTF-8.

    Args:
        batches: Rows of `SCHEMA`.
        classes: Their names, in the order of the labels.
    """
    digest = hashlib.sha256()
    names = {label: name.encode() for label, name in enumerate(classes)} | {NO_LABEL: b""}
    for batch in batches:
        columns = (batch[name].to_pylist() for name in ("label", "movie", "text"))
        for label, group, text in zip(*columns, strict=True):
            digest.update(b"%b\0%b\0%b\0" % (names[label], (group or "").encode(), text.encode()))
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


def label_by_stars(reviews: pa.Table) -> pa.Table:
    """The same reviews with the place of their rating among `STARS` as label.

    Raises:
        UserError: A labelled review has no rating, or another one.
    """
    labelled = pc.not_equal(reviews["label"], NO_LABEL)
    places = pc.index_in(reviews["rating"], pa.array(STARS, pa.int8()))
    labels = pc.if_else(labelled, places.cast(pa.int8()), pa.scalar(NO_LABEL, pa.int8()))
    if labels.null_count:
        raise UserError(
            f"download.target: stars, and {labels.null_count:,} reviews of this source have none. "
            "Only the official archive has them; or set it to sentiment."
        )
    return reviews.set_column(reviews.column_names.index("label"), SCHEMA.field("label"), labels)


def write_reviews(
    path: Path, reviews: pa.Table, variant: str, classes: Sequence[str] = SENTIMENT
) -> None:
    """Write a review table; equal tables make equal bytes.

    Args:
        path: Parquet file to write.
        reviews: Rows of `SCHEMA`.
        variant: Which reviews the dataset holds (`full`, `train-only`, ...); travels with the
            table, so that no later number is read without it.
        classes: Their names.
    """
    labelled = reviews.cast(SCHEMA).replace_schema_metadata(table_metadata(variant, classes))
    with replacing(path) as unfinished:
        pq.write_table(labelled, unfinished, compression="zstd")


def write_stored(path: Path, reviews: StoredReviews, variant: str, classes: Sequence[str]) -> None:
    """As `write_reviews`, of reviews that are not in memory."""
    schema = SCHEMA.with_metadata(table_metadata(variant, classes))
    with (
        replacing(path) as unfinished,
        pq.ParquetWriter(unfinished, schema, compression="zstd") as file,
        progress(f"Writing {path.stem}", reviews.num_rows) as advance,
    ):
        for batch in reviews.batches():
            file.write_batch(batch.replace_schema_metadata(schema.metadata))
            advance(len(batch))


def table_metadata(variant: str, classes: Sequence[str]) -> dict[str, str]:
    """What the schema of a review table carries: its variant and, but for IMDB's, its classes."""
    return {"edition": variant, **class_metadata(classes)}


def read_reviews(path: Path, columns: Sequence[str] = tuple(SCHEMA.names)) -> pa.Table:
    """Read a review table written by `write_reviews`.

    Args:
        path: Its parquet file.
        columns: What is wanted of it, in this order.

    Raises:
        UserError: The file is missing or damaged, or holds another table.
    """
    try:
        _require_schema(path)
        return read_table(path, columns)
    except (OSError, pa.ArrowException) as error:
        raise _unusable(path, error) from None


def stream_texts(path: Path) -> Iterator[str]:
    """The texts of a review table, in order and never all in memory.

    Raises:
        UserError: The file is missing or damaged, or holds another table.
    """
    try:
        _require_schema(path)
        # Without `pre_buffer`, which reads the whole column at once.
        with pq.ParquetFile(path, buffer_size=_BYTES_AT_ONCE, pre_buffer=False) as table:
            for batch in table.iter_batches(_TEXTS_AT_ONCE, columns=["text"]):
                yield from batch["text"].to_pylist()
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise _unusable(path, error) from None


def _require_schema(path: Path) -> None:
    if not pq.read_schema(path).equals(SCHEMA):
        raise _unusable(path, "its columns are not those of a review table")


def variant_of(path: Path) -> str:
    """The variant that a review table belongs to.

    Raises:
        UserError: The file is missing or damaged, or does not say.
    """
    try:
        metadata: dict[bytes, bytes] = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise _unusable(path, error) from None
    if b"edition" not in metadata:
        raise _unusable(path, "it does not say which variant it belongs to")
    return metadata[b"edition"].decode()


def is_imdb(variant: str) -> bool:
    """Whether a variant is one of IMDB's, and not of files of one's own."""
    return variant.startswith(("full", "train-only"))


def classes_of(path: Path) -> tuple[str, ...]:
    """Names of the classes of a review table, in the order of their labels.

    Raises:
        UserError: The file is missing or damaged.
    """
    try:
        return classes_in(pq.read_schema(path).metadata)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unusable(path, error) from None


def _unusable(path: Path, what: object) -> UserError:
    return UserError(
        f"{path}: these reviews cannot be read: {what}. `dvc repro download` writes them anew."
    )
