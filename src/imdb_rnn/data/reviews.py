"""The review table: one parquet file a split, in the order of the official ids."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from imdb_rnn.errors import UserError
from imdb_rnn.io.atomic import replacing

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

_TEXTS_AT_ONCE: Final = 1000
_BYTES_AT_ONCE: Final = 2**20


def write_reviews(path: Path, reviews: pa.Table, variant: str) -> None:
    """Write a review table; equal tables make equal bytes.

    Args:
        path: Parquet file to write.
        reviews: Rows of `SCHEMA`.
        variant: Which reviews the dataset holds (`full`, `train-only`, ...); travels with the
            table, so that no later number is read without it.
    """
    labelled = reviews.cast(SCHEMA).replace_schema_metadata({"edition": variant})
    with replacing(path) as unfinished:
        pq.write_table(labelled, unfinished, compression="zstd")


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
        return pq.read_table(path, columns=list(columns))
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


def _unusable(path: Path, what: object) -> UserError:
    return UserError(
        f"{path}: these reviews cannot be read: {what}. `dvc repro download` writes them anew."
    )
