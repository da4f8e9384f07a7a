"""Texts out of files: every row with its number, and a reason for each that cannot be used."""

import csv
import gzip
import io
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imdb_rnn.data import rows as module
from imdb_rnn.errors import UserError
from imdb_rnn.serving.texts import Row, file_texts, open_texts, streamed_texts, taken_for_text
from limits import on_linux, run_limited

MEBIBYTE = 2**20
REVIEWS = ["A great film.", 'He said "no", twice,\nand left', "", "Émile \U0001f3ac"]


def write(path: Path, reviews: list[str]) -> Path:
    if path.suffix == ".txt":
        path.write_text("".join(text.replace("\n", " ") + "\n" for text in reviews), "utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps({"id": 1, "text": t}) + "\n" for t in reviews), "utf-8")
    elif path.suffix in {".csv", ".CSV"}:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["id", "text"], *(["1", text] for text in reviews)])
    else:
        pq.write_table(pa.table({"id": [1] * len(reviews), "text": reviews}), path)
    return path


def read(path: Path, column: str = "text") -> list[Row]:
    with file_texts(path, column) as texts:
        return list(texts.rows)


def refusal(path: Path, column: str = "text") -> str:
    with pytest.raises(UserError) as refused:
        read(path, column)
    message = str(refused.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.mark.parametrize("kind", [".txt", ".jsonl", ".csv", ".parquet", ".CSV"])
def test_texts_come_back_with_their_numbers(tmp_path: Path, kind: str) -> None:
    rows = read(write(tmp_path / f"reviews{kind}", REVIEWS))
    expected = [text.replace("\n", " ") if kind == ".txt" else text for text in REVIEWS]
    assert [row.text for row in rows] == expected
    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert not any(row.problem for row in rows)


@pytest.mark.parametrize("kind", [".txt", ".jsonl", ".csv"])
def test_texts_packed_by_gzip_come_back(tmp_path: Path, kind: str) -> None:
    plain = write(tmp_path / f"reviews{kind}", REVIEWS)
    packed = tmp_path / f"reviews{kind}.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    with file_texts(packed, "text") as texts:
        rows = list(texts.rows)
    assert [row[:3] for row in rows] == [row[:3] for row in read(plain)]
    assert rows[-1].end == texts.total


def test_tabs_separate_the_values_of_a_tsv_file(tmp_path: Path) -> None:
    (tmp_path / "r.tsv").write_text('id\ttext\n1\tgreat, really\n2\t"so\n""dull"""\n')
    assert [row.text for row in read(tmp_path / "r.tsv")] == ["great, really", 'so\n"dull"']


@pytest.mark.parametrize("kind", [".txt", ".jsonl", ".csv", ".parquet"])
def test_the_last_row_ends_where_the_file_does(tmp_path: Path, kind: str) -> None:
    with file_texts(write(tmp_path / f"reviews{kind}", REVIEWS), "text") as texts:
        ends = [row.end for row in texts.rows]
    assert ends == sorted(ends)
    assert ends[-1] == texts.total


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_csv_of_any_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, reviews: list[str]
) -> None:
    path = write(tmp_path_factory.mktemp("any") / "reviews.csv", reviews)
    assert [row.text for row in read(path)] == reviews


def test_more_parquet_rows_than_are_read_at_once(tmp_path: Path) -> None:
    reviews = [f"text {i}" for i in range(200)]
    rows = read(write(tmp_path / "reviews.parquet", reviews))
    assert [row.text for row in rows] == reviews


@pytest.mark.parametrize("kind", [".txt", ".jsonl", ".csv"])
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / f"reviews{kind}", ["great"])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [row.text for row in read(path, "id" if kind == ".csv" else "text")] in (
        ["great"],
        ["1"],
    )


@pytest.mark.hostile
@pytest.mark.parametrize("kind", [".txt", ".jsonl", ".csv"])
def test_bytes_that_are_not_utf8_spoil_one_row(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / f"reviews{kind}", ["great", "caf@", "dull"])
    path.write_bytes(path.read_bytes().replace(b"@", b"\xe9"))
    rows = read(path)
    assert [row.text for row in rows] == ["great", "", "dull"]
    assert "not UTF-8" in rows[1].problem


@pytest.mark.hostile
def test_parquet_text_that_is_not_utf8_spoils_one_row(tmp_path: Path) -> None:
    column = pa.array([b"great", b"caf\xe9", None]).view(pa.string())
    pq.write_table(pa.table({"text": column}), tmp_path / "reviews.parquet")
    first, second, third = read(tmp_path / "reviews.parquet")
    assert first.text == "great"
    assert "not UTF-8" in second.problem
    assert third.problem == "there is no text"


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"text": "great"', "not JSON: .* at character"),
        ("[" * 100_000, "JSON"),
        ('{"text": ' + "9" * 5000 + "}", "JSON"),
        ('{"texts": "great"}', '"text"'),
        ('{"text": null}', '"text"'),
        ('"great"', '"text"'),
    ],
)
def test_a_broken_line_of_json_is_one_row_without_text(
    tmp_path: Path, line: str, problem: str
) -> None:
    good = '{"text": "dull"}'
    (tmp_path / "r.jsonl").write_text(f"{good}\n\n{line}\n{good}\n\n", "utf-8")
    rows = read(tmp_path / "r.jsonl")
    assert [row.number for row in rows] == [1, 3, 4]
    assert [bool(row.problem) for row in rows] == [False, True, False]
    assert re.search(problem, rows[1].problem)


@pytest.mark.hostile
def test_a_record_of_another_width_spoils_one_row(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("id,text\n1,good, really good\n2,dull\n", "utf-8")
    first, second = read(tmp_path / "r.csv")
    assert "3 values where the header has 2" in first.problem
    assert second.text == "dull"


def test_a_quote_without_an_end_is_refused_after_the_rows_before_it(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text('text\ngreat\n"dull\nlong\n', "utf-8")
    with file_texts(tmp_path / "r.csv", "text") as texts:
        assert next(texts.rows).text == "great"
        with pytest.raises(UserError, match=r"line 4: not CSV"):
            next(texts.rows)


@pytest.mark.parametrize("kind", [".csv", ".parquet"])
def test_a_missing_column_is_refused_with_those_that_there_are(tmp_path: Path, kind: str) -> None:
    message = refusal(write(tmp_path / f"reviews{kind}", REVIEWS), "review")
    assert "review" in message
    assert "id, text" in message
    assert "--column" in message


def test_the_nearest_column_is_named(tmp_path: Path) -> None:
    assert "is it text?" in refusal(write(tmp_path / "r.csv", REVIEWS), "texts")
    (row, *_) = read(write(tmp_path / "r.jsonl", REVIEWS), "Text")
    assert "id, text" in row.problem
    assert "is it text?" in row.problem


@pytest.mark.hostile
@pytest.mark.parametrize(("sign", "name"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_file_with_other_separators_is_refused_by_their_name(
    tmp_path: Path, sign: str, name: str
) -> None:
    (tmp_path / "r.csv").write_text(f"id{sign}text\n1{sign}great\n", encoding="utf-8")
    assert name in refusal(tmp_path / "r.csv")


@pytest.mark.hostile
@pytest.mark.parametrize("kind", [".txt", ".jsonl", ".csv"])
@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32"])
def test_a_wide_encoding_is_named_with_its_cure(tmp_path: Path, kind: str, encoding: str) -> None:
    path = write(tmp_path / f"reviews{kind}", REVIEWS)
    path.write_bytes(path.read_text("utf-8").encode(encoding))
    message = refusal(path)
    command = re.findall(r"`(iconv .*) > NEW", message)[0]
    done = subprocess.run(shlex.split(command), capture_output=True, check=True)
    path.write_bytes(done.stdout)
    assert read(path)[0].text == REVIEWS[0]


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("encoding", "text"), [("ISO-8859-1", "Émile, café"), ("WINDOWS-1252", "“Émile”")]
)
@pytest.mark.parametrize("kind", [".txt", ".csv"])
def test_a_narrow_encoding_is_guessed(tmp_path: Path, kind: str, encoding: str, text: str) -> None:
    path = write(tmp_path / f"reviews{kind}", ["great", text])
    path.write_bytes(path.read_text("utf-8").encode(encoding))
    first, second = read(path)
    assert first.text == "great"
    assert f"iconv -f {encoding}" in second.problem


@pytest.mark.hostile
@pytest.mark.parametrize("encoding", ["UTF-16", "UTF-16LE"])
def test_a_stream_in_a_wide_encoding_is_named(encoding: str) -> None:
    (first, *_) = streamed_texts(io.BytesIO("great film\n".encode(encoding))).rows
    assert f"iconv -f {encoding}" in first.problem


def test_a_column_name_that_is_no_text_spoils_no_message(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(b"caf\xe9,\x1b[2J\n1,2\n")
    assert refusal(tmp_path / "r.csv").isprintable()


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"great\ndull\n")))
    with open_texts(None, Path("-"), "text") as texts:
        assert [row.text for row in texts.rows] == ["great", "dull"]
    with pytest.raises(UserError, match="one or the other"):
        open_texts(["great"], Path("-"), "text")


def test_the_name_of_a_file_is_told_from_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("my reviews.csv"), REVIEWS)
    Path("notes").touch()
    assert "--file 'my reviews.csv'" in taken_for_text("my reviews.csv", Path())
    assert "--file 'my reviews.csv'" in taken_for_text("my reviews.csv", Path(), "explain {}")
    assert "predict < notes" in taken_for_text("notes", Path())
    assert "explain notes" in taken_for_text("notes", Path(), "explain {}")
    assert "--file absent.jsonl" in taken_for_text("absent.jsonl", Path())
    for text in ("", "great", "x" * 5000, "a\0b", "I saw it in reviews.csv", ".", "No.Just no."):
        assert taken_for_text(text, Path()) == ""


def test_a_parquet_column_of_numbers_is_refused(tmp_path: Path) -> None:
    assert "int64" in refusal(write(tmp_path / "reviews.parquet", REVIEWS), "id")


def test_a_parquet_column_of_categories_is_text(tmp_path: Path) -> None:
    column = pa.array(["great", "dull", "great"]).dictionary_encode()
    pq.write_table(pa.table({"text": column}), tmp_path / "reviews.parquet")
    assert [row.text for row in read(tmp_path / "reviews.parquet")] == ["great", "dull", "great"]


@pytest.mark.hostile
@pytest.mark.parametrize("kind", [".txt", ".jsonl", ".csv", ".parquet"])
def test_an_empty_file_is_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / f"reviews{kind}").touch()
    assert "empty" in refusal(tmp_path / f"reviews{kind}")


@pytest.mark.hostile
def test_what_is_no_file_of_texts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    for noise in (b"PAR1 and then nothing of the kind", b"PAR1" + bytes(100) + b"PAR1"):
        (tmp_path / "noise.parquet").write_bytes(noise)
        assert "not a whole parquet file" in refusal(tmp_path / "noise.parquet")
    assert "No such file" in refusal(tmp_path / "missing.csv")
    assert "Is a directory" in refusal(tmp_path / "folder.txt")
    for name in ("reviews.xlsx", "reviews"):
        assert "No such file" in refusal(tmp_path / name)
        (tmp_path / name).write_bytes(b"great")
        assert ".jsonl" in refusal(tmp_path / name)
    (tmp_path / "folder").mkdir()
    assert "Is a directory" in refusal(tmp_path / "folder")


def test_a_file_without_line_ends_is_refused_instead_of_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_ROW", 1000)
    (tmp_path / "r.txt").write_bytes(b"fine\n" + b"x" * 2000)
    assert "line 2: longer than 1,000 bytes" in refusal(tmp_path / "r.txt")


def test_a_parquet_text_that_is_too_long_spoils_one_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_ROW", 1000)
    pq.write_table(pa.table({"text": ["fine", "x" * 2000, "fine"]}), tmp_path / "r.parquet")
    first, second, third = read(tmp_path / "r.parquet")
    assert first.text == third.text == "fine"
    assert second.problem == "longer than 1,000 bytes"


@on_linux
def test_a_long_parquet_text_that_stands_many_times_takes_memory_once(tmp_path: Path) -> None:
    text = "word " * (4 * MEBIBYTE)
    pq.write_table(pa.table({"text": [text] * 60}), tmp_path / "r.parquet")
    assert (tmp_path / "r.parquet").stat().st_size < MEBIBYTE
    imports = "from pathlib import Path\nfrom imdb_rnn.serving.texts import file_texts"
    code = (
        "with file_texts(Path('r.parquet'), 'text') as texts:\n"
        "    print(sum(1 for _ in texts.rows))"
    )
    assert run_limited(imports, code, tmp_path, memory=600 * MEBIBYTE) == "60\n"


def test_a_stream_is_read_as_far_as_it_is_asked_for() -> None:
    stream = io.BytesIO(b"great\r\ndull\nlong")
    texts = streamed_texts(stream)
    assert next(texts.rows).text == "great"
    assert stream.tell() == 7
    assert [row.text for row in texts.rows] == ["dull", "long"]


def test_a_byte_order_mark_further_on_is_text() -> None:
    rows = streamed_texts(io.BytesIO(b"great\n\xef\xbb\xbfdull\n")).rows
    assert [row.text for row in rows] == ["great", "\ufeffdull"]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("text,text\ngreat,dull\n")
    assert "column text" in refusal(tmp_path / "r.csv")


def test_texts_and_a_file_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="one or the other"):
        open_texts(["great"], write(tmp_path / "r.txt", REVIEWS), "text")
