"""How the models of the lesson's steps read parts of reviews: the table and what is kept of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import parts
from imdb_rnn.io.json_file import write_json
from results import small_params


def accuracies(whole: float) -> dict[str, Any]:
    places = {place: {"10": 0.6, "100": 0.7} for place in ("first", "middle", "last")}
    return {"whole": whole, "shuffled": 0.8, **places}


def test_a_row_shows_the_longest_windows() -> None:
    block = parts.lesson_block({"gru": accuracies(0.9)})
    assert "| `gru` | 0.900 | 0.700 | 0.700 | 0.700 | 0.800 |" in block


def test_what_was_not_trained_here_keeps_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    parts.LESSON.write_text("<!-- parts -->\n<!-- /parts -->\n", encoding="utf-8")
    write_json(parts.RESULT, {"gru": accuracies(0.91), "lstm": accuracies(0.92)})
    monkeypatch.setattr(parts, "load_params", small_params)
    trained = {"lstm": accuracies(0.93), "default": accuracies(0.94)}
    monkeypatch.setattr(parts, "_measured", lambda name, _: trained.get(name))
    parts.main()
    rows = json.loads(parts.RESULT.read_text(encoding="utf-8"))
    assert {name: row["whole"] for name, row in rows.items()} == {
        "gru": 0.91,
        "lstm": 0.93,
        "default": 0.94,
    }
    assert parts.lesson_block(rows) in parts.LESSON.read_text(encoding="utf-8")


def test_a_model_of_another_version_keeps_its_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreadable(path: str, commit: str, destination: Path) -> None:  # noqa: ARG001 - as `_get`
        destination.mkdir()
        (destination / "config.json").write_text('{"format": 1}', encoding="utf-8")

    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    parts.LESSON.write_text("<!-- parts -->\n<!-- /parts -->\n", encoding="utf-8")
    write_json(parts.RESULT, {"lstm": accuracies(0.92)})
    monkeypatch.setattr(parts, "load_params", small_params)
    monkeypatch.setattr(parts, "MODELS", ("lstm",))
    monkeypatch.setattr(parts, "kept_experiments", lambda: {"lstm": "0123456"})
    monkeypatch.setattr(parts, "_get", unreadable)
    parts.main()
    assert json.loads(parts.RESULT.read_text(encoding="utf-8")) == {"lstm": accuracies(0.92)}
    assert "lstm keeps its row: " in capsys.readouterr().out
