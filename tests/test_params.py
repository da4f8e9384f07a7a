import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imdb_rnn.errors import InputRefusedError
from imdb_rnn.params import json_schema, load_params, parse_params

ROOT = Path(__file__).parents[1]
SHIPPED: dict[str, Any] = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def _refusal(values: dict[str, Any]) -> str:
    with pytest.raises(InputRefusedError) as refused:
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


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("train.epcohs", 2, ["train.epcohs", "unknown", "epochs"]),
        ("model.cell", "gur", ["model.cell", '"gur"', "rnn, gru, lstm", "mean gru"]),
        ("train.epochs", 0, ["train.epochs", "got 0", "integer, at least 1"]),
        ("prepare.validation_folds", 1, ["integer, at least 2, at most 100"]),
        ("train.clip_norm", -1.0, ["number, more than 0, or null"]),
        ("train.epochs", "3", ["train.epochs", '"3"', "integer", "write 3"]),
        ("train.epochs", True, ["train.epochs", "true", "integer"]),
        ("train.learning_rate", "1e-3", ['got "1e-3"', "text", "0.001"]),
        (
            "train.learning_rate",
            float("nan"),
            ["train.learning_rate", "NaN", "number, more than 0"],
        ),
        ("model.mask_padding", "yes", ["model.mask_padding", "boolean"]),
        ("download.sources", [{"uri": "x"}], ["download.sources.0", "url"]),
        ("download.sources", [], ["download.sources", "length at least 1"]),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_is_allowed(
    path: str, value: object, words: list[str]
) -> None:
    message = _refusal(_changed(path, value))
    assert message.startswith("params.yaml: 1 problem\n")
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["mapping"]),
        (b"- 1\n", ["mapping"]),
        (b"seed: [1\n", ["line", "YAML"]),
        (b"\xff\xfe\x00", ["UTF-8"]),
    ],
)
def test_a_file_that_is_no_parameter_file_is_refused(
    tmp_path: Path, content: bytes, words: list[str]
) -> None:
    file = tmp_path / "params.yaml"
    file.write_bytes(content)
    with pytest.raises(InputRefusedError) as refused:
        load_params(file)
    for word in words:
        assert word in str(refused.value)


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


@given(st.sampled_from(_LEAVES), _VALUES)
def test_any_value_is_accepted_as_it_is_or_refused_by_path(
    leaf: tuple[str, str], value: object
) -> None:
    path = ".".join(leaf)
    try:
        params = parse_params(_changed(path, value), "params.yaml")
    except InputRefusedError as refusal:
        message = str(refusal)
        params = None
    if params is None:
        assert path in message
    else:
        assert getattr(getattr(params, leaf[0]), leaf[1]) == value
