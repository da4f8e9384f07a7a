"""The review table: one parquet file a split, in the order of the official ids."""

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from imdb_rnn.atomic import replacing
from imdb_rnn.errors import InputRefusedError

NO_LABEL: Final = -1
NEGATIVE: Final = 0
POSITIVE: Final = 1

SCHEMA: Final = pa.schema(
    [
        # e.g. train/neg/0_3; without the rating (train/neg/0) where a source does not know it
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("label", pa.int8(), nullable=False),  # 0, 1, or -1 for unlabelled
        pa.field("rating", pa.int8()),  # 1 to 10 stars; null where unknown
        pa.field("movie", pa.string()),  # title id such as tt0064354; null where unknown
    ]
)


def write_reviews(path: Path, reviews: pa.Table, edition: str) -> None:
    """Write a review table; equal tables make equal bytes.

    Args:
        path: Parquet file to write.
        reviews: Rows of `SCHEMA`.
        edition: Which reviews the dataset holds (`full`, `train-only`, ...); travels with the
            table, so that no later number is read without it.
    """
    labelled = reviews.cast(SCHEMA).replace_schema_metadata({"edition": edition})
    with replacing(path) as unfinished:
        pq.write_table(labelled, unfinished, compression="zstd")


def read_reviews(path: Path) -> pa.Table:
    """Read a review table written by `write_reviews`.

    Raises:
        InputRefusedError: The file is missing or damaged, or holds another table.
    """
    try:
        reviews = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise _unusable(path, error) from None
    if not reviews.schema.equals(SCHEMA):
        raise _unusable(path, "its columns are not those of a review table")
    return reviews


def edition_of(path: Path) -> str:
    """The edition that a review table belongs to.

    Raises:
        InputRefusedError: The file is missing or damaged, or does not say.
    """
    try:
        metadata: dict[bytes, bytes] = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException) as error:
        raise _unusable(path, error) from None
    if b"edition" not in metadata:
        raise _unusable(path, "it does not say which edition it belongs to")
    return metadata[b"edition"].decode()


def _unusable(path: Path, what: object) -> InputRefusedError:
    return InputRefusedError(
        f"{path}: these reviews cannot be read: {what}. `dvc repro download` writes them anew."
    )
