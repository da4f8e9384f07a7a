from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imdb_rnn.data.reviews import SCHEMA, read_reviews, stream_texts, write_reviews
from imdb_rnn.errors import UserError

COUNT = 2500
REVIEWS = pa.table(
    {
        "id": [f"train/neg/{i}" for i in range(COUNT)],
        "text": [f"film {i} é" for i in range(COUNT)],
        "label": [0] * COUNT,
        "rating": [None] * COUNT,
        "movie": [None] * COUNT,
    },
    schema=SCHEMA,
)


@pytest.mark.parametrize("count", [0, 1, COUNT])
def test_texts_come_in_the_order_of_the_table(tmp_path: Path, count: int) -> None:
    write_reviews(tmp_path / "train.parquet", REVIEWS[:count], "full")
    assert list(stream_texts(tmp_path / "train.parquet")) == REVIEWS["text"].to_pylist()[:count]


def test_a_table_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    texts = [random.bytes(1000).hex() for _ in range(10 * COUNT)]
    table = pa.concat_tables([REVIEWS] * 10).set_column(1, SCHEMA.field("text"), pa.array(texts))
    write_reviews(tmp_path / "train.parquet", table, "full")
    del table
    before = pa.total_allocated_bytes()
    most = max(
        pa.total_allocated_bytes() - before for _ in stream_texts(tmp_path / "train.parquet")
    )
    assert most < sum(map(len, texts)) / 2


def test_only_the_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    write_reviews(tmp_path / "train.parquet", REVIEWS, "full")
    assert read_reviews(tmp_path / "train.parquet", ("label", "id")).column_names == ["label", "id"]


@pytest.mark.fault
@pytest.mark.parametrize("damage", ["missing", "truncated", "another table", "not UTF-8"])
def test_texts_that_cannot_be_read_are_refused_by_name(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "train.parquet"
    if damage == "another table":
        pq.write_table(REVIEWS.select(["text"]), path)
    elif damage == "not UTF-8":
        texts = pa.array([b"\xff"] * COUNT).cast(pa.binary()).view(pa.string())
        pq.write_table(REVIEWS.set_column(1, SCHEMA.field("text"), texts), path)
    elif damage == "truncated":
        write_reviews(path, REVIEWS, "full")
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"train\.parquet: .*`dvc repro download`"):
        next(stream_texts(path))
