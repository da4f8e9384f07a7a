"""What of a user's own files cannot be used: one sentence that names file and row."""

import gzip
import os
import socket
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imdb_rnn.config import Download, FilesSource, load_params
from imdb_rnn.data import own_texts, places, rows
from imdb_rnn.data.files import read_files
from imdb_rnn.errors import UserError
from limits import on_linux, run_limited
from scripted_server import failure, serve

PROJECT = Path(__file__).parents[2]
SHIPPED = load_params(PROJECT / "params.yaml").download
GOOD = "".join(f"text number {i},{'good' if i % 2 else 'bad'}\n" for i in range(20)).encode()
HEADER = b"text,label\n"
PACKED = gzip.compress(HEADER + GOOD)

pytestmark = pytest.mark.hostile


def refusal(folder: Path, train: str = "r.csv", changes: Any = None, **files: str) -> str:
    source = FilesSource.model_validate({"files": {"train": train, **files}, **(changes or {})})
    settings = SHIPPED.model_copy(update={"timeout_seconds": 2.0, "attempts": 1})
    with pytest.raises(UserError) as caught:
        read_files(source, Download.model_validate(settings.model_dump()), folder / "d", folder)
    message = str(caught.value)
    assert "\n" not in message
    assert message.isprintable()
    assert not list((folder / "d").rglob("*.arrow"))
    return message


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "empty", id="empty file"),
        pytest.param(HEADER, "no texts", id="header alone"),
        pytest.param(b"body,label\na,b\n", "one column text is needed", id="missing column"),
        pytest.param(b"texts,label\na,b\n", "is it texts?", id="nearest name"),
        pytest.param(b"text,stars\na,b\n", "one column label is needed", id="missing label"),
        pytest.param(b"text,text,label\na,b,c\n", "column text", id="column twice"),
        pytest.param(b"text;label\na;b\n", "semicolons", id="other separator"),
        pytest.param(HEADER + b"a,good\nb,good\n", "all texts are good", id="one class"),
        pytest.param(
            HEADER + b"".join(b"t,class%d\n" % i for i in range(200)),
            "row 101: class100",
            id="many",
        ),
        pytest.param(HEADER + b"a,1.5\nb,2\n", "row 1: the label 1.5 is a fraction", id="fraction"),
        pytest.param(HEADER + b"a,2\nb,1.0\n", "row 2: the label 1.0 is a fraction", id="point"),
        pytest.param(
            HEADER + b"".join(b"t,%d.5\n" % i for i in range(200)),
            "row 1: the label 0.5",
            id="score",
        ),
        pytest.param(HEADER + b'a,"[1, 2]"\nb,c\n', "row 1: the label [1, 2] is a list", id="list"),
        pytest.param(HEADER + b"a,good\nb,\n", "row 2: there is no label", id="no label"),
        pytest.param(
            HEADER + GOOD + b',good\n" ",bad\n', "row 21: the text is empty (2", id="text"
        ),
        pytest.param(HEADER + GOOD + b"a,b,c\n", "row 21: 3 values", id="width"),
        pytest.param(HEADER + b"a\0b,good\n", "row 1: the text has a NUL byte", id="NUL"),
        pytest.param(HEADER + b"a,go\0od\n", "row 1: the label has a NUL byte", id="NUL label"),
        pytest.param(HEADER + b"a,good\nb,caf\xe9\n", "row 2: the label", id="Latin-1 label"),
        pytest.param(HEADER + b"a,good\ncaf\xe9,bad\n", "row 2: not UTF-8", id="Latin-1"),
        pytest.param(HEADER + b"a,good\ncaf\xe9,bad\n", "(Latin-1)", id="Latin-1 by name"),
        pytest.param(
            HEADER + "café,good\n".encode() + b"caf\xe9,bad\n", "row 2: mixed encodings", id="mixed"
        ),
        pytest.param((HEADER + GOOD).decode().encode("utf-16"), "this is UTF-16", id="UTF-16"),
        pytest.param(
            (HEADER + GOOD).decode().encode("utf-16-le"), "this is UTF-16LE", id="without mark"
        ),
        pytest.param(
            HEADER + GOOD + b'"open,good\n' + GOOD,
            "(row 21 begins in line 22)",
            id="a quote that never closes",
        ),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "r.csv").write_bytes(content)
    message = refusal(tmp_path)
    assert message.startswith("r.csv")
    assert said in message


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("1.5", "a fraction"),
        ("1.0", "a fraction"),
        ("[1]", "a list"),
        ('{"a": 1}', "an object"),
        ("true", "true or false"),
        ("null", "there is no label"),
        ('" "', "there is no label"),
        (r'"\ud800"', "UTF-8"),
    ],
)
def test_a_label_that_is_none(tmp_path: Path, label: str, said: str) -> None:
    lines = ['{"text": "a", "label": 1}', f'{{"text": "b", "label": {label}}}']
    (tmp_path / "r.jsonl").write_text("\n".join(lines))
    message = refusal(tmp_path, "r.jsonl")
    assert message.startswith("r.jsonl, row 2: ")
    assert said in message


@pytest.mark.parametrize(
    "labels",
    [
        pa.array([1.0, 2.0]),
        pa.array([[1], [2]]),
        pa.array([True, False]),
        pa.array([None, 1]),
        pa.array([b"good", b"bad"]),
    ],
)
def test_a_parquet_column_that_holds_no_labels(tmp_path: Path, labels: pa.Array) -> None:
    pq.write_table(pa.table({"text": ["a", "b"], "label": labels}), tmp_path / "r.parquet")
    assert refusal(tmp_path, "r.parquet").startswith("r.parquet, row 1: ")


def test_a_label_of_the_test_texts_that_no_training_text_has(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(HEADER + GOOD)
    (tmp_path / "t.csv").write_bytes(HEADER + b"a,good\nb,goood\n")
    message = refusal(tmp_path, test="t.csv")
    assert message.startswith("t.csv, row 2: ")
    assert "is it good?" in message


def test_classes_that_do_not_fit_the_labels(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(HEADER + GOOD)
    assert "row 1" in refusal(tmp_path, changes={"classes": ["good", "dull"]})
    assert "no text is dull" in refusal(tmp_path, changes={"classes": ["good", "bad", "dull"]})
    assert "twice" in refusal(tmp_path, changes={"classes": ["good", "good"]})
    assert "twice" in refusal(tmp_path, changes={"text": "label"})


def test_a_group_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(b"text,label,author\na,good,ann\nb,bad,\n")
    message = refusal(tmp_path, changes={"group": "author"})
    assert message.startswith("r.csv, row 2: there is no group")


@pytest.mark.parametrize("group", [b"caf\xe9", b"an\0n"])
def test_a_group_that_is_no_text(tmp_path: Path, group: bytes) -> None:
    (tmp_path / "r.csv").write_bytes(b"text,label,author\na,good,ann\nb,bad," + group + b"\n")
    message = refusal(tmp_path, changes={"group": "author"})
    assert message.startswith("r.csv, row 2: the group")


def test_a_file_of_any_file_system_that_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "MAX_BYTES", len(HEADER + GOOD) - 1)
    memory = fsspec.filesystem("memory")
    memory.pipe("/large.csv", HEADER + GOOD)
    try:
        assert refusal(tmp_path, "memory://large.csv").startswith("memory://large.csv: ")
    finally:
        memory.rm("/large.csv")


def test_texts_that_cannot_be_split(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(HEADER + b"a,good\nb,bad\n" * 2)
    assert "download.test_share" in refusal(tmp_path)
    (tmp_path / "r.csv").write_bytes(HEADER + GOOD + b"a,so-so\n")
    message = refusal(tmp_path)
    assert "download.test_share" in message
    assert "so-so (1)" in message


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("absent.csv", "no such file"),
        ("~nobody-of-this-name/r.csv", "no such file"),
        ("*.tsv", "no file matches"),
        ("folder", "LABEL/*.txt"),
        ("r.xlsx", "its ending"),
        ("r.parquet.gz", "its ending"),
        ("lines.txt", "no labels"),
        ("nowhere://x/r.csv", "nowhere"),
    ],
)
def test_a_place_where_nothing_can_be_read(tmp_path: Path, place: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/r.csv").write_bytes(HEADER + GOOD)
    for name in ("r.xlsx", "r.parquet.gz", "lines.txt"):
        (tmp_path / name).write_bytes(b"something")
    message = refusal(tmp_path, place)
    assert message.startswith(place)
    assert said in message


def test_a_folder_with_a_text_that_is_none(tmp_path: Path) -> None:
    for label, content in {"good": b"fine", "bad": b"caf\xe9"}.items():
        (tmp_path / "mine" / label).mkdir(parents=True)
        (tmp_path / "mine" / label / "1.txt").write_bytes(content)
    assert refusal(tmp_path, "mine").startswith("mine/bad/1.txt: not UTF-8")


def test_a_folder_of_texts_has_no_groups(tmp_path: Path) -> None:
    for label in ("good", "bad"):
        (tmp_path / "mine" / label).mkdir(parents=True)
        (tmp_path / "mine" / label / "1.txt").write_text("fine")
    assert "`group`" in refusal(tmp_path, "mine", {"group": "author"})


def test_an_address_that_does_not_answer(tmp_path: Path) -> None:
    with serve(failure(404)) as server:
        assert "404" in refusal(tmp_path, server.url.replace(".tar.gz", ".csv"))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://ann:s3cret@127.0.0.1:{unused.getsockname()[1]}/r.csv"
        message = refusal(tmp_path, address)
    assert "no connection" in message
    assert "s3cret" not in message


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(PACKED[:-20], id="truncated"),
        pytest.param(PACKED[:30], id="after the header"),
        pytest.param(HEADER + GOOD, id="no gzip"),
        pytest.param(PACKED[:40] + b"\xff" * 20 + PACKED[60:], id="damaged"),
    ],
)
def test_a_gzip_file_that_is_not_whole(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.csv.gz").write_bytes(content)
    message = refusal(tmp_path, "r.csv.gz")
    assert message.startswith("r.csv.gz: not a whole gzip file")


def test_a_gzip_file_that_unpacks_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "LONGEST_ROW", 2**20)
    (tmp_path / "r.csv.gz").write_bytes(gzip.compress(HEADER + b"same,good\n" * 2**19))
    assert "unpacks to more than" in refusal(tmp_path, "r.csv.gz")


@on_linux
@pytest.mark.parametrize("name", ["line.csv", "line.jsonl", "line.csv.gz", "quote.csv"])
def test_a_line_of_a_gibibyte_takes_little_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith(".gz"):
        with gzip.open(path, "wb", 1) as packed:
            packed.write(HEADER)
            for _ in range(80):
                packed.write(b"x" * 2**20)
    elif name == "quote.csv":
        path.write_bytes(HEADER + b'"open\n' + (b"x" * 1023 + b"\n") * 2**17)
    else:
        with path.open("wb") as file:
            file.write(HEADER)
            file.truncate(2**30)
    imports = (
        "from pathlib import Path\nfrom imdb_rnn.data.rows import Column, open_rows\n"
        "from imdb_rnn.errors import UserError"
    )
    code = (
        f"try:\n    with open_rows(Path({name!r}), [Column('text')]) as opened:\n"
        "        for row in opened.rows: pass\n"
        "except UserError as refused: print(refused)"
    )
    assert "line 2" in run_limited(imports, code, tmp_path, memory=800 * 2**20)


def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(HEADER + GOOD)
    opened = own_texts.open_rows

    def open_and_change(*arguments: Any, **named: Any) -> Any:
        with path.open("ab") as file:
            file.write(b"one more,good\n")
        return opened(*arguments, **named)

    monkeypatch.setattr(own_texts, "open_rows", open_and_change)
    assert refusal(tmp_path).startswith("r.csv: the file changed while it was read")


def test_a_file_that_is_replaced_by_one_as_large_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "r.csv"
    path.write_bytes(HEADER + GOOD)
    times = path.stat()
    opened = own_texts.open_rows

    def open_and_replace(*arguments: Any, **named: Any) -> Any:
        (tmp_path / "new").write_bytes(HEADER + GOOD[::-1])
        os.utime(tmp_path / "new", ns=(times.st_atime_ns, times.st_mtime_ns))
        (tmp_path / "new").replace(path)
        path.write_bytes(HEADER + GOOD)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        return opened(*arguments, **named)

    monkeypatch.setattr(own_texts, "open_rows", open_and_replace)
    assert "changed while it was read" in refusal(tmp_path)
