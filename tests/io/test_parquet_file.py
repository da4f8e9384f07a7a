"""Tables are read whole, and leave nothing behind."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imdb_rnn.io.parquet_file import read_table

THREADS_LEFT = """
import os, sys
from pathlib import Path
from imdb_rnn.io.parquet_file import read_table
before = set(os.listdir("/proc/self/task"))
with Path(sys.argv[1]).open("rb") as file:
    read_table(file)
read_table(Path(sys.argv[1]), ["text"])
print(len(set(os.listdir("/proc/self/task")) - before))
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    columns = {"id": list(range(1000)), "text": ["a film"] * 1000, "label": [0, 1] * 500}
    pq.write_table(pa.table(columns), tmp_path / "table.parquet", row_group_size=100)
    return tmp_path / "table.parquet"


def test_columns_come_in_the_order_asked_for(table: Path) -> None:
    assert read_table(table, ["text", "id"]).column_names == ["text", "id"]
    assert read_table(table) == pq.read_table(table)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are listed on Linux")
def test_reading_leaves_no_thread_that_could_abort_the_program_at_its_end(table: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", THREADS_LEFT, str(table)], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "0"
