from pathlib import Path

import pytest
from dvc.utils.serialize import parse_yaml
from hypothesis import given
from hypothesis import strategies as st

from imdb_rnn.errors import UserError
from imdb_rnn.io.yaml_file import MAX_BYTES, read_yaml
from imdb_rnn.io.yaml_file import parse_yaml as parse_text
from limits import on_linux, run_limited

MEBIBYTE = 2**20


def write(folder: Path, content: str | bytes) -> Path:
    file = folder / "some.yaml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def refusal(file: Path) -> str:
    with pytest.raises(UserError) as refused:
        read_yaml(file)
    message = str(refused.value)
    assert message.isprintable(), "one line, and nothing that steers a terminal"
    return message.removeprefix(str(file))


@pytest.mark.parametrize(
    "content",
    [
        "a: 1\nb:\n  - x\n  - {c: 2.5}\n",
        "\ufeffa: 1\nb: [x, {c: 2.5}]\n",
        '{a: 1,\r\n"b": [x, c: 2.5]}',
    ],
    ids=["block", "byte-order mark", "flow"],
)
def test_plain_data_is_read(tmp_path: Path, content: str) -> None:
    assert read_yaml(write(tmp_path, content)) == {"a": 1, "b": ["x", {"c": 2.5}]}


def test_text_in_quotes_may_look_like_anything(tmp_path: Path) -> None:
    assert read_yaml(write(tmp_path, "a: 'yes'\nb: \"010\"\nc: 0\nd: 0.5\ne: -10\n")) == {
        "a": "yes",
        "b": "010",
        "c": 0,
        "d": 0.5,
        "e": -10,
    }


@pytest.mark.parametrize(
    "value",
    [
        "1e-05 1e5 1E+5 1.5e3 -1e-7 .5 -.5e-3 5. 1_000 1_000.5 0x1F 0o17 0b11 -0 .inf -.INF .nan",
        "true False null ~ none yes No on OFF y 1:30 12:30:45.5 0.1.2 2001-01-01 1e 1e_5 e5 . -",
    ],
    ids=["numbers", "others"],
)
def test_plain_values_are_what_they_are_to_dvc(tmp_path: Path, value: str) -> None:
    content = f"a: [{', '.join(value.split(' '))}]\n"
    assert repr(read_yaml(write(tmp_path, content))) == repr(parse_yaml(content, "some.yaml"))


@given(st.text("0123456789+-._eExobXaAfFnNiI:tTrRuUyYsSlLoO~<", min_size=1, max_size=8))
def test_any_plain_value_is_what_it_is_to_dvc_or_refused(value: str) -> None:
    content = f"a: {value}\n"
    try:
        read = parse_text(content, "some.yaml")
    except UserError:
        return
    assert repr(read) == repr(parse_yaml(content, "some.yaml"))


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a: 1\nb:\n  c: 2\n  d: 3\n  c: 4\n", [", line 5", "'c'", "line 3"]),
        ("a: 1\n# a comment\na: 1\n", [", line 3", "'a'", "line 1"]),
        ("- {a: 1, b: 2, a: 3}\n", [", line 1, column 16", "'a'", "line 1"]),
        ("1: one\n0x1: one\n", [", line 2", "1 is already in line 1"]),
        ("<<: {a: 1}\na: 2\n", [", line 2", "'a'", "line 1"]),
        ('"a\\nb": 1\n"a\\nb": 1\n', [", line 2", r"'a\nb'"]),
    ],
)
def test_a_key_that_stands_twice_is_named_with_both_lines(
    tmp_path: Path, content: str, words: list[str]
) -> None:
    message = refusal(write(tmp_path, content))
    for word in words:
        assert word in message


@pytest.mark.hostile
@pytest.mark.parametrize(
    "content",
    [
        "a: &one [1]\nb: 2\n",
        "a: *one\n",
        "&itself [*itself]",
        "a: !!python/object/apply:os.system [echo]\n",
        "a: !!binary aGVsbG8=\n",
        "!!set {a, b}",
        "a: !own 1\n",
    ],
)
def test_references_and_tags_are_refused(tmp_path: Path, content: str) -> None:
    assert "anchors (&), aliases (*) and tags (!)" in refusal(write(tmp_path, content))


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: [1\n", ", line 2, column 1: not valid YAML"),
        ("a: 1\n\tb: 2\n", ", line 2, column 1: not valid YAML"),
        ("a: 1\n---\na: 2\n", ", line 2, column 1: not valid YAML"),
        ("a: 1\nb: \x1b[31m\n", ", line 2: not valid YAML: the control character U+001B"),
        ('a: 1\nb: "\\UFFFFFFFF"\n', ", line 2: not valid YAML: an escape"),
        ('a: 1\nb: "\\ud800"\n', ", line 2, column 4: not valid YAML: an escape"),
        ("a: 1\nb: 2001-13-01\n", ", line 2, column 4: not valid YAML: '2001-13-01' is no"),
        ("a: 0b_\n", ", line 1, column 4: not valid YAML: '0b_' is no number"),
        (f"a: {'9' * 5000}\n", ", line 1, column 4: not valid YAML: a value of more than 1,000"),
        ("a: -_\n", ", line 1, column 4: not valid YAML: '-_' is no"),
        ("a: 010\n", ", line 1, column 4: not valid YAML: '010'"),
        ("? [a]\n: 1\n", ", line 1, column 3: not valid YAML"),
        ("a: 1\n".encode("utf-16"), ": not UTF-8 (byte 0)"),
    ],
)
def test_what_is_not_yaml_is_named_with_its_place(
    tmp_path: Path, content: str | bytes, said: str
) -> None:
    assert refusal(write(tmp_path, content)).startswith(said)


NESTED = {
    "flow": "[" * 60_000,
    "mappings": "{a: " * 15_000,
    "block": "- " * 30_000 + "x",
    "indented": "".join(f"{' ' * i}a:\n" for i in range(300)),
}


@pytest.mark.hostile
@pytest.mark.timeout(10)
@pytest.mark.parametrize("content", NESTED.values(), ids=NESTED.keys())
def test_the_depth_is_bounded(tmp_path: Path, content: str) -> None:
    assert "nested more than 16 deep" in refusal(write(tmp_path, content))


@pytest.mark.hostile
def test_the_size_is_bounded(tmp_path: Path) -> None:
    comment = "a: 1\n#"
    fitting = comment + "x" * (MAX_BYTES - len(comment))
    assert read_yaml(write(tmp_path, fitting)) == {"a": 1}
    assert "larger than 65,536 bytes" in refusal(write(tmp_path, f"{fitting}x"))


@pytest.mark.hostile
@on_linux
def test_a_huge_file_takes_no_memory(tmp_path: Path) -> None:
    write(tmp_path, b"[" * 100_000_000)
    said = run_limited(
        "from pathlib import Path\n"
        "from imdb_rnn.errors import UserError\n"
        "from imdb_rnn.io.yaml_file import read_yaml\n",
        "try:\n    read_yaml(Path('some.yaml'))\nexcept UserError as refusal:\n    print(refusal)",
        tmp_path,
        memory=8 * MEBIBYTE,
    )
    assert "larger than" in said


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    assert "Is a directory" in refusal(tmp_path)
    assert "no such file" in refusal(tmp_path / "absent.yaml")
