"""A user's own files become a dataset."""

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imdb_rnn.config import Download, FilesSource, load_params
from imdb_rnn.data.files import OwnDataset, read_files, short_name, unwatched
from imdb_rnn.data.split import split_off
from imdb_rnn.errors import UserError
from scripted_server import broken_off, serve, whole

SHIPPED = load_params(Path(__file__).parents[2] / "params.yaml").download
CLASSES = ["bad", "fair", "good"]
COLUMNS = {"text": "body", "label": "stars"}
Rows = list[dict[str, Any]]


def generated(count: int, classes: list[Any] = CLASSES, *, first: int = 0) -> Rows:
    return [
        {
            "id": i,
            "body": f'Émile said "{i}",\nand\tleft',
            "stars": classes[i % len(classes)],
            "movie": f"m{i // 6}",
        }
        for i in range(first, first + count)
    ]


def content(rows: Rows, ending: str) -> bytes:
    if ending.endswith(".gz"):
        return gzip.compress(content(rows, ending.removesuffix(".gz")))
    if ending == ".parquet":
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), buffer)
        return buffer.getvalue()
    if ending == ".jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows).encode()
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, rows[0], delimiter="\t" if ending == ".tsv" else ",")
    writer.writeheader()
    writer.writerows(rows)
    return table.getvalue().encode()


def write(path: Path, rows: Rows) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content(rows, "".join(path.suffixes)))
    return path


def source(train: str, columns: dict[str, str] | None = None, **changes: Any) -> FilesSource:
    files = {"train": train} | {
        name: changes.pop(name) for name in ("test", "unlabelled") if name in changes
    }
    return FilesSource.model_validate({"files": files, **(columns or COLUMNS), **changes})


def read(folder: Path, of: FilesSource, **changes: Any) -> OwnDataset:
    values = SHIPPED.model_dump() | {"timeout_seconds": 5.0, "attempts": 1} | changes
    return read_files(of, Download.model_validate(values), folder / "downloads", folder)


def rows_of(dataset: OwnDataset, split: str) -> Rows:
    return [row for batch in dataset.splits[split].batches() for row in batch.to_pylist()]


def everything(dataset: OwnDataset) -> Rows:
    return [row for split in ("train", "test") for row in rows_of(dataset, split)]


ENDINGS = [".csv", ".tsv", ".jsonl", ".parquet", ".csv.gz", ".tsv.gz", ".jsonl.gz"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_kind_of_file_holds_the_same_texts(tmp_path: Path, ending: str) -> None:
    rows = generated(60)
    write(tmp_path / f"reviews{ending}", rows)
    dataset = read(tmp_path, source(f"reviews{ending}"))
    assert dataset.classes == ("bad", "fair", "good")
    got = sorted(everything(dataset), key=lambda row: int(row["id"].rpartition(":")[2]))
    assert [row["id"] for row in got] == [f"reviews{ending}:{i}" for i in range(1, 61)]
    assert [row["text"] for row in got] == [row["body"] for row in rows]
    assert [CLASSES[row["label"]] for row in got] == [row["stars"] for row in rows]
    assert dataset.splits["test"].num_rows == 12
    assert dataset.splits["unsup"].num_rows == 0


def test_digests_do_not_depend_on_what_packs_the_texts(tmp_path: Path) -> None:
    digests = set()
    for ending in ENDINGS:
        write(tmp_path / f"reviews{ending}", generated(30))
        splits = read(tmp_path, source(f"reviews{ending}")).splits
        digests.add((splits["train"].sha256, splits["test"].sha256))
    assert len(digests) == 1


def test_given_files_are_the_splits(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", generated(30))
    write(tmp_path / "b.jsonl", generated(12, first=100))
    write(tmp_path / "c.parquet", [{"body": f"unlabelled {i}"} for i in range(7)])
    of = source("a.csv", test="b.jsonl", unlabelled="c.parquet")
    dataset = read(tmp_path, of)
    assert {split: reviews.num_rows for split, reviews in dataset.splits.items()} == {
        "train": 30,
        "test": 12,
        "unsup": 7,
    }
    assert {row["label"] for row in rows_of(dataset, "unsup")} == {-1}
    assert [file["path"] for file in dataset.record["files"]] == ["a.csv", "b.jsonl", "c.parquet"]
    assert [file["rows"] for file in dataset.record["files"]] == [30, 12, 7]


def test_a_glob_reads_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path / "parts/b.csv", generated(30, first=30))
    write(tmp_path / "parts/a.csv", generated(30))
    dataset = read(tmp_path, source("parts/*.csv"))
    assert {row["id"] for row in everything(dataset)} == {
        f"parts/{name}.csv:{i}" for name in "ab" for i in range(1, 31)
    }
    assert [file["path"] for file in dataset.record["files"]] == ["parts/a.csv", "parts/b.csv"]


def test_a_name_with_the_signs_of_a_glob_is_a_name_where_there_is_such_a_file(
    tmp_path: Path,
) -> None:
    write(tmp_path / "reviews[1].csv", generated(30))
    assert len(everything(read(tmp_path, source("reviews[1].csv")))) == 30


def test_a_folder_has_a_text_a_file(tmp_path: Path) -> None:
    for i in range(30):
        path = tmp_path / "mine" / CLASSES[i % 3] / f"{i}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"text\n{i}", encoding="utf-8")
    (tmp_path / "mine/notes.txt").write_text("no text of a class")
    dataset = read(tmp_path, source("mine"))
    assert dataset.classes == ("bad", "fair", "good")
    got = {row["id"]: row["text"] for row in everything(dataset)}
    assert got == {f"mine/{CLASSES[i % 3]}/{i}.txt": f"text\n{i}" for i in range(30)}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([10, 9, 1], ("1", "9", "10")),
        (["10", "9", "-1"], ("-1", "9", "10")),
        ([10**19, 9, 10**18], ("9", str(10**18), str(10**19))),
        (["b", "10", "9"], ("10", "9", "b")),
        (["01", "1", "2"], ("01", "1", "2")),
        (["x ", " x", "y"], ("x", "y")),
    ],
)
@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_classes_are_sorted(
    tmp_path: Path, ending: str, found: list[Any], expected: tuple[str, ...]
) -> None:
    write(tmp_path / f"r{ending}", generated(60, found))
    assert read(tmp_path, source(f"r{ending}")).classes == expected


def test_classes_stand_in_the_order_given(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", generated(30))
    dataset = read(tmp_path, source("r.csv", classes=["good", "fair", "bad"]))
    assert dataset.classes == ("good", "fair", "bad")
    row = next(row for row in everything(dataset) if row["id"] == "r.csv:1")
    assert row["label"] == 2


def test_a_test_share_is_stratified_and_depends_on_its_seed_alone(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", generated(300))
    of = source("r.csv")
    first = read(tmp_path, of, test_share=0.3)
    labels = [row["label"] for row in rows_of(first, "test")]
    assert np.bincount(labels).tolist() == [30, 30, 30]
    again = read(tmp_path, of, test_share=0.3)
    other = read(tmp_path, of, test_share=0.3, test_seed=2)
    assert again.splits["test"].sha256 == first.splits["test"].sha256
    assert other.splits["test"].sha256 != first.splits["test"].sha256


@pytest.mark.parametrize("share", [0.03, 0.2, 0.25, 0.37, 0.97])
def test_a_group_is_not_split(share: float) -> None:
    labels = np.arange(6000, dtype=np.int8) % 3
    groups = np.arange(6000, dtype=np.int32) // 6
    mask = split_off(labels, groups, CLASSES, share, seed=1)
    assert not set(groups[mask]) & set(groups[~mask])
    assert mask.mean() == pytest.approx(share, abs=0.025)
    assert np.bincount(labels[mask]) == pytest.approx(np.full(3, mask.sum() / 3), rel=0.1)


def test_groups_become_the_column_movie(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", generated(120))
    dataset = read(tmp_path, source("r.csv", group="movie"))
    movies = [{row["movie"] for row in rows_of(dataset, split)} for split in ("train", "test")]
    assert not movies[0] & movies[1]
    assert movies[0] | movies[1] == {f"m{i}" for i in range(20)}


def test_groups_in_both_files_are_told_and_recorded(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", generated(60))
    write(tmp_path / "b.csv", generated(18, first=54))
    write(tmp_path / "c.csv", generated(18, first=60))
    dataset = read(tmp_path, source("a.csv", test="b.csv", group="movie"))
    assert dataset.record["shared_groups"] == {"groups": 1, "test_texts": 6}
    assert len(dataset.warnings) == 1
    dataset = read(tmp_path, source("a.csv", test="c.csv", group="movie"))
    assert dataset.record["shared_groups"] == {"groups": 0, "test_texts": 0}
    assert not dataset.warnings


@pytest.mark.parametrize(("large", "warned"), [(180, True), (6, False)])
def test_the_share_that_groups_allow_is_recorded_and_told_where_it_is_another(
    tmp_path: Path, large: int, *, warned: bool
) -> None:
    rows = generated(large + 60)
    for row in rows[:large]:
        row["movie"] = "large"
    write(tmp_path / "r.csv", rows)
    dataset = read(tmp_path, source("r.csv", group="movie"))
    record, splits = dataset.record["split_off"], dataset.splits
    assert record["share"] == 0.2
    assert record["achieved_share"] == pytest.approx(splits["test"].num_rows / len(rows), abs=1e-6)
    assert (not 0.2 / 1.5 < record["achieved_share"] < 0.2 * 1.5) == warned
    told = [f"{record['achieved_share']:.1%}" in warning for warning in dataset.warnings]
    assert told == [True] * warned


def test_a_class_without_test_texts_is_told_and_recorded(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", generated(60))
    write(tmp_path / "b.csv", generated(12, ["good", "bad"]))
    dataset = read(tmp_path, source("a.csv", test="b.csv"))
    assert dataset.record["classes_without_test_texts"] == ["fair"]
    assert dataset.record["split_off"] is None
    (warning,) = dataset.warnings
    assert "fair" in warning
    assert "good" not in warning


def test_empty_texts_are_left_out_on_demand_and_counted(tmp_path: Path) -> None:
    rows = generated(60)
    rows[3]["body"], rows[7]["body"] = "", " \n"
    write(tmp_path / "r.csv", rows)
    dataset = read(tmp_path, source("r.csv"), empty_texts="drop")
    assert len(everything(dataset)) == 58
    assert dataset.record["dropped"] == {"train": 2}
    assert any("r.csv, row 4" in warning for warning in dataset.warnings)


def test_a_limit_keeps_the_first_of_each_class_and_the_digests_of_all(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", generated(60))
    write(tmp_path / "b.csv", generated(45, first=60))
    of = source("a.csv", test="b.csv")
    whole_train = read(tmp_path, of).splits["train"].sha256
    limited = read(
        tmp_path,
        of.model_copy(update={"digests": source("a", digests={"train": whole_train}).digests}),
        reviews_per_class=10,
    )
    assert [row["id"] for row in rows_of(limited, "train")] == [f"a.csv:{i}" for i in range(1, 31)]
    assert limited.variant.endswith(", 10 per class")
    assert limited.splits["train"].sha256 != whole_train


def test_other_texts_than_the_digests_say_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", generated(60))
    dataset = read(tmp_path, source("r.csv"))
    digests = {"train": dataset.splits["train"].sha256, "test": dataset.splits["test"].sha256}
    read(tmp_path, source("r.csv", digests=digests))
    rows = generated(60)
    rows[0]["stars"] = "good"
    write(tmp_path / "r.csv", rows)
    with pytest.raises(UserError, match=digests["train"]):
        read(tmp_path, source("r.csv", digests=digests))


def test_a_file_on_a_server_is_read(tmp_path: Path) -> None:
    body = content(generated(60), ".csv.gz")
    with serve(broken_off(body, 100), whole(body)) as server:
        address = server.url.replace("reviews.tar.gz", "reviews.csv.gz?token=s3cret")
        dataset = read(tmp_path, source(address), attempts=2)
    assert len(everything(dataset)) == 60
    assert "s3cret" not in json.dumps(dataset.record) + dataset.source + dataset.variant
    assert "s3cret" not in everything(dataset)[0]["id"]


def test_files_of_any_file_system_are_read(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/own/a.csv", content(generated(30), ".csv"))
    memory.pipe("/own/b.csv", content(generated(30, first=30), ".csv"))
    try:
        assert len(everything(read(tmp_path, source("memory://own/*.csv")))) == 60
        assert len(everything(read(tmp_path, source("memory://own/a.csv")))) == 30
    finally:
        memory.rm("/own", recursive=True)


def test_what_dvc_does_not_watch_is_known(tmp_path: Path) -> None:
    of = source("data/external/a.csv", test=str(tmp_path / "b.csv"), unlabelled="s3://b/c.csv")
    assert unwatched(of, tmp_path, "data/external") == [str(tmp_path / "b.csv")]
    assert unwatched(of, tmp_path, str(tmp_path)) == []


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("data/a.csv", "data/a.csv"),
        ("/home/ann/a.csv", "a.csv"),
        ("https://ann:s3cret@example.org/x/a.csv?token=s3cret", "a.csv?***"),
    ],
)
def test_a_short_name_tells_no_secrets_and_no_home(place: str, name: str) -> None:
    assert short_name(place) == name
