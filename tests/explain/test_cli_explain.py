"""The command line: exit codes, and sentences instead of tracebacks."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from imdb_rnn.cli import main
from imdb_rnn.config import Params
from imdb_rnn.data.token_store import write_store
from results import make_project, small_params, write_model


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_model(tmp_path / "models" / "rnn", small_params())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["imdb-rnn", *arguments])
    with pytest.raises(SystemExit) as done:
        main()
    return done.value.code


def test_explain_prints_the_words_and_writes_the_page(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for method in ("gradients", "occlusion"):
        page = folder / f"{method}.html"
        code = run(
            monkeypatch, "explain", "a [red]great[/] film", "--html", page.name, "--method", method
        )
        printed = capsys.readouterr().out
        assert code == 0
        assert "probability of positive" in printed
        assert "great" in printed
        assert "red" in printed
        assert "great" in page.read_text(encoding="utf-8")


def test_explain_explains_the_class_that_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    classes = ["bad", "so-so", "good"]
    write_model(folder / "three", small_params(), classes=classes)
    for name in classes:
        assert run(monkeypatch, "explain", "great", "--model", "three", "--class", name) == 0
        assert f"probability of {name}" in capsys.readouterr().out
    assert run(monkeypatch, "explain", "great", "--model", "three", "--class", "pos") == 2
    assert "bad, so-so, good" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "  "])
def test_explain_refuses_a_text_without_words(
    folder: Path,  # noqa: ARG001 - the command runs in it
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
) -> None:
    assert run(monkeypatch, "explain", text) == 2
    assert "no word" in capsys.readouterr().err


def test_explain_asks_for_a_trained_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "explain", "a great film") == 2
    refusal = capsys.readouterr().err
    assert "models/rnn" in refusal
    assert "dvc repro" in refusal


def test_explain_takes_a_model_of_another_cell(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = small_params().model_dump()
    values["model"] |= {"cell": "gru", "pooling": "last"}
    write_model(folder / "models/other", Params.model_validate(values))
    assert run(monkeypatch, "explain", "great") == 0
    own = capsys.readouterr().out
    assert run(monkeypatch, "explain", "great", "--model", "models/other") == 0
    assert capsys.readouterr().out != own


@pytest.mark.parametrize("place", ["models", "nowhere", "file"])
def test_a_folder_that_is_no_model_is_refused_with_a_sentence(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    (folder / "file").write_text("no model")
    assert run(monkeypatch, "explain", "great", "--model", place) == 2
    assert f"{place}: no trained model is there" in " ".join(capsys.readouterr().err.split())


def write_prepared(folder: Path) -> Path:
    """Validation reviews in the words of the trained model."""
    prepared = folder / "data/prepared"
    reviews = [np.array([2, 3, number % 5 + 2], dtype=np.int32) for number in range(8)]
    write_store(prepared / "valid", reviews, [0, 1] * 4, list(map(str, range(8))))
    shutil.copy(folder / "models/rnn/tokenizer.json", prepared)
    return prepared


def test_explain_shows_units_on_request(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_prepared(folder)
    assert run(monkeypatch, "explain", "great", "--units", "--html", "page.html") == 0
    assert "correlation" in capsys.readouterr().out
    assert "correlation" in (folder / "page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("missing", "sentence"), [(True, "which are not there"), (False, "other tokens than")]
)
def test_units_are_refused_without_reviews_in_the_model_s_words(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sentence: str,
    *,
    missing: bool,
) -> None:
    if not missing:
        (write_prepared(folder) / "tokenizer.json").write_text("{}")
    assert run(monkeypatch, "explain", "great", "--units") == 2
    refusal = capsys.readouterr().err
    assert sentence in refusal
    assert "dvc repro" in refusal


def test_a_page_in_a_folder_that_is_not_there_is_refused_before_anything_is_computed(
    folder: Path,  # noqa: ARG001 - the command runs in it
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "explain", "great", "--html", "nowhere/page.html") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "nowhere/page.html: there is no folder nowhere to write the page to.\n"
