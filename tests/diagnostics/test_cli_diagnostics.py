import json
import shutil
import sys
from pathlib import Path

import pytest

from imdb_rnn.cli import main
from results import make_project

MEASURED = Path(__file__).parents[2] / "reports/diagnostics.json"


def run(
    monkeypatch: pytest.MonkeyPatch, folder: Path, command: str = "diagnostics"
) -> int | str | None:
    make_project(folder)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["imdb-rnn", command])
    with pytest.raises(SystemExit) as done:
        main()
    return done.value.code


@pytest.mark.parametrize("command", ["diagnostics", "lens"])
def test_the_command_says_what_each_figure_shows(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    (tmp_path / "reports").mkdir()
    shutil.copy(MEASURED, tmp_path / "reports/diagnostics.json")
    assert run(monkeypatch, tmp_path, command) == 0
    printed = capsys.readouterr().out
    for name, sentence in json.loads(MEASURED.read_text(encoding="utf-8"))["findings"].items():
        assert f"reports/diagnostics/{name}.png: {sentence}" in printed


def test_the_command_asks_for_the_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path) == 2
    assert "dvc repro diagnostics" in capsys.readouterr().err


def test_the_command_refuses_what_another_version_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reports").mkdir()
    for content in ('{"variant": "full"}', "[]", '{"findings": 1}'):
        (tmp_path / "reports/diagnostics.json").write_text(content)
        assert run(monkeypatch, tmp_path) == 2
        assert "`dvc repro --force diagnostics` writes it anew" in capsys.readouterr().err
