"""Tables in parquet files."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq


def read_table(source: Path | BinaryIO, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table whole, in this thread.

    `pyarrow.parquet.read_table` leaves threads behind that, now and then, abort a program which
    ends soon after: https://github.com/apache/arrow/issues/34314.

    Args:
        source: The file.
        columns: What is wanted of it, in this order; None for all.

    Raises:
        OSError: The file cannot be read.
        pyarrow.ArrowException: It is no parquet file, or lacks a column.
    """
    with pq.ParquetFile(source, pre_buffer=False) as file:
        table = file.read(columns, use_threads=False)
    return table if columns is None else table.select(columns)
