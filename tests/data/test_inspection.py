"""What is said of a user's own files before anything runs."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from imdb_rnn.config import Download, FilesSource, load_params
from imdb_rnn.console import console
from imdb_rnn.data.files import read_files
from imdb_rnn.data.inspection import facts_table, findings, inspect_files, settings_to_paste
from imdb_rnn.errors import UserError

SHIPPED = load_params(Path(__file__).parents[2] / "params.yaml").download
TRAIN = [("One two three.", "good", "a"), ("one, TWO three", "bad", "a"), ("", "bad", "b")]
TRAIN += [(f"text {i}", "bad", "b") for i in range(11)]
TEST = [("text 3!", "bad", "b"), ("something else", "good", "c")]


def write(path: Path, rows: list[tuple[str, str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f'"{text}",{label},{group}\n' for text, label, group in rows]
    path.write_text("body,stars,author\n" + "".join(lines))


def source(**changes: Any) -> FilesSource:
    values = {"files": {"train": "r.csv", "test": "t.csv"}, "text": "body", "label": "stars"}
    return FilesSource.model_validate(values | changes)


@pytest.fixture
def facts(tmp_path: Path) -> dict[str, Any]:
    write(tmp_path / "r.csv", TRAIN)
    write(tmp_path / "t.csv", TEST)
    return inspect_files(source(group="author"), SHIPPED, tmp_path / "d", tmp_path)


def test_counts_are_those_of_the_files(facts: dict[str, Any]) -> None:
    train, test = facts["files"]["train"], facts["files"]["test"]
    assert (train["rows"], train["texts"], train["empty_texts"]) == (14, 13, 1)
    assert train["texts_of_class"] == {"bad": 12, "good": 1}
    assert train["repeated_texts"] == train["texts_with_several_labels"] == 1
    assert (train["median_words"], train["longest_words"]) == (2, 3)
    assert (test["rows"], test["repeated_texts"]) == (2, 0)
    assert facts["classes"] == ["bad", "good"]
    assert facts["classes_of_few_texts"] == {"good": 1}
    assert facts["shared_texts"] == {"test in train": 1}
    assert facts["shared_groups"] == {"groups": 1, "test_texts": 1}
    assert facts["classes_without_test_texts"] == []
    assert facts["split_off"] is None


def test_each_fact_that_deserves_a_look_is_told_once(facts: dict[str, Any]) -> None:
    assert facts["files"]["train"]["first_empty"] == "r.csv, row 3"
    train = {"empty_texts": 0, "texts_with_several_labels": 0}
    fine = {"classes_of_few_texts": {}, "shared_texts": {}, "shared_groups": None}
    for key, value in train.items():
        before = len(list(findings(facts)))
        facts["files"]["train"][key] = value
        assert len(list(findings(facts))) == before - 1
    for key, none in fine.items():
        before = len(list(findings(facts)))
        facts[key] = none
        assert len(list(findings(facts))) == before - 1
    assert not list(findings(facts))


def test_what_the_pipeline_would_split_off_is_told(tmp_path: Path) -> None:
    rows = [(f"text {i}", "good" if i % 3 else "bad", "a") for i in range(30)]
    rows += [(f"text {i}", "good" if i % 2 else "bad", f"b{i // 4}") for i in range(30, 60)]
    write(tmp_path / "r.csv", rows)
    of = source(files={"train": "r.csv"}, group="author")
    facts = inspect_files(of, SHIPPED, tmp_path / "d", tmp_path)
    dataset = read_files(of, SHIPPED, tmp_path / "d", tmp_path)
    assert facts["split_off"] == dataset.record["split_off"]
    assert facts["split_off"]["achieved_share"] > 1.5 * SHIPPED.test_share
    assert list(findings(facts)) == list(dataset.warnings)


def test_a_class_of_the_training_file_alone_is_told(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", [(f"text {i}", "good" if i % 2 else "bad", "a") for i in range(30)])
    write(tmp_path / "t.csv", [("another", "good", "b")])
    facts = inspect_files(source(), SHIPPED, tmp_path / "d", tmp_path)
    assert facts["classes_without_test_texts"] == ["bad"]
    (finding,) = findings(facts)
    assert "bad" in finding


def test_the_table_names_each_file_and_its_role(
    facts: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    console.print(facts_table(facts))
    _, roles, paths, *_ = capsys.readouterr().out.splitlines()
    assert re.findall(r"[\w.]+", roles) == ["train", "test"]
    assert re.findall(r"[\w.]+", paths) == ["r.csv", "t.csv"]


def test_what_looks_like_markup_is_shown_as_it_is(
    facts: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    facts["files"]["train"] |= {"path": "[red]r.csv", "texts_of_class": {"[/b]": 3}}
    facts["classes"] = ["[/b]"]
    console.print(facts_table(facts))
    shown = capsys.readouterr().out
    assert "[red]r.csv" in shown
    assert "class [/b]" in shown


def test_nothing_is_left_behind(tmp_path: Path, facts: dict[str, Any]) -> None:
    assert facts
    assert not (tmp_path / "d").exists()


def test_what_the_pipeline_refuses_is_refused_with_the_option_to_give(tmp_path: Path) -> None:
    write(tmp_path / "r.csv", TRAIN)
    of = source(files={"train": "r.csv"}, text="boddy")
    with pytest.raises(UserError, match=r"body, stars, author \(is it body\?\).*--text"):
        inspect_files(of, SHIPPED, tmp_path / "d", tmp_path)


def test_no_secret_of_an_address_is_in_the_lines_to_paste(tmp_path: Path) -> None:
    of = source(files={"train": "https://ann:s3cret@example.org/r.csv?Signature=s3cret"})
    lines = settings_to_paste(of, SHIPPED, tmp_path)
    assert "s3cret" not in lines
    assert lines.startswith("#")
    assert "example.org/r.csv" in yaml.safe_load(lines)["download"]["sources"][0]["files"]["train"]


@pytest.mark.parametrize("group", [None, "author"])
def test_texts_of_which_none_can_be_split_off_are_refused(
    tmp_path: Path, group: str | None
) -> None:
    write(tmp_path / "r.csv", [("one", "good", "a"), *([("two", "bad", "b")] * 9)])
    of = source(files={"train": "r.csv"}, group=group)
    with pytest.raises(UserError, match=r"download\.test_share"):
        inspect_files(of, SHIPPED, tmp_path / "d", tmp_path)


@pytest.mark.parametrize(
    ("files", "watch"),
    [
        ({"train": "data/external/r.csv", "test": "data/external/t.csv"}, None),
        ({"train": "r.csv"}, "r.csv"),
        ({"train": "mine/r.csv", "test": "mine/t.csv"}, "mine"),
        ({"train": "mine/*.csv"}, "mine"),
        ({"train": "mine/parts/*/*.csv"}, "mine/parts"),
        ({"train": "data/raw.csv", "test": "data/t.csv"}, None),
        ({"train": "r.csv", "test": "t.csv"}, None),
        ({"train": "https://example.org/r.csv"}, None),
        ({"train": "r.csv", "test": "s3://bucket/t.csv"}, "r.csv"),
    ],
)
def test_the_lines_to_paste_are_the_source_and_what_to_watch(
    tmp_path: Path, files: dict[str, str], watch: str | None
) -> None:
    (tmp_path / "mine/parts").mkdir(parents=True)
    of = source(files=files, group="author")
    pasted = yaml.safe_load(settings_to_paste(of, SHIPPED, tmp_path))["download"]
    assert pasted.get("watch") == watch
    settings = Download.model_validate(SHIPPED.model_dump() | pasted)
    assert settings.sources == [of]
