"""What `verify` compares and refuses; tests/pipeline runs it."""

import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from imdb_rnn.errors import UserError
from imdb_rnn.experiments.verify import ChangedNumber, compare_runs, verify
from imdb_rnn.io.json_file import write_json
from results import shipped_params


def lock(*stages: dict[str, str]) -> dict[str, Any]:
    """A `dvc.lock` of stages with these outputs."""
    outs = [[{"path": path, "md5": md5} for path, md5 in stage.items()] for stage in stages]
    return {"stages": {f"stage {i}": {"outs": out, "deps": []} for i, out in enumerate(outs)}}


def test_equal_outputs_of_all_stages_are_equal(tmp_path: Path) -> None:
    recorded = lock({"data/raw": "1.dir"}, {"reports/train.json": "2"})
    verification = compare_runs(recorded, recorded, tmp_path, tmp_path)
    assert all(output.equal for output in verification.outputs)
    assert [output.path for output in verification.outputs] == ["data/raw", "reports/train.json"]


@pytest.mark.parametrize(
    ("recorded", "rerun"),
    [({"a": "1"}, {"a": "2"}), ({"a": "1"}, {}), ({}, {"a": "1"})],
    ids=["other bytes", "missing", "new"],
)
def test_an_output_that_differs_is_named(
    tmp_path: Path, recorded: dict[str, str], rerun: dict[str, str]
) -> None:
    same = {"b": "3"}
    verification = compare_runs(lock(same, recorded), lock(same, rerun), tmp_path, tmp_path)
    assert [output.path for output in verification.outputs if not output.equal] == ["a"]


def test_metrics_say_by_how_much_they_differ(tmp_path: Path) -> None:
    for folder, accuracy in (("ours", 0.75), ("theirs", 0.5)):
        metrics = {"variant": "full", "n": 4, "rnn": {"accuracy": accuracy}, "bins": [accuracy]}
        write_json(tmp_path / folder / "m.json", metrics)
    verification = compare_runs(
        lock({"m.json": "1"}), lock({"m.json": "2"}), tmp_path / "ours", tmp_path / "theirs"
    )
    assert verification.differences == [ChangedNumber("m.json", "rnn.accuracy", 0.75, 0.5)]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed project of one file, with results that belong to it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/code.py").write_text("pass\n")
    (tmp_path / "params.yaml").write_text("seed: 1\nmodel: {cell: gru}\n")
    stage = {
        "outs": [],
        "deps": [{"path": "src/code.py", "md5": hashlib.md5(b"pass\n").hexdigest()}],  # noqa: S324
        "params": {"params.yaml": {"seed": 1, "model.cell": "gru"}},
    }
    written = {"cmd": "true", "deps": ["src/code.py"], "params": ["seed", "model.cell"]}
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": written}}))
    (tmp_path / "dvc.lock").write_text(
        yaml.safe_dump({"schema": "2.0", "stages": {"train": {"cmd": "true", **stage}}})
    )
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (
        [*git, "init", "-q"],
        ["dvc", "init", "-q"],
        [*git, "add", "-A"],
        [*git, "commit", "-qm", "start"],
    ):
        subprocess.run(command, check=True)
    return tmp_path


@pytest.mark.parametrize("same", [True, False])
def test_the_lock_file_itself_is_compared(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, *, same: bool
) -> None:
    def rerun(copy: Path) -> None:
        """Write the same outputs, but for the dependencies perhaps."""
        if not same:
            lock = yaml.safe_load((copy / "dvc.lock").read_text(encoding="utf-8"))
            lock["stages"]["train"]["deps"] = []
            (copy / "dvc.lock").write_text(yaml.safe_dump(lock), encoding="utf-8")

    monkeypatch.setattr("imdb_rnn.experiments.verify.load_params", shipped_params)
    monkeypatch.setattr("imdb_rnn.experiments.verify._rerun", rerun)
    verification = verify()
    assert [(each.path, each.equal) for each in verification.outputs] == [("dvc.lock", same)]
    assert (checkout / "dvc.lock").exists()


def commit_all() -> None:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "change"]
    subprocess.run(command, check=True)


@pytest.mark.parametrize(
    ("file", "content"),
    [("src/code.py", "fail\n"), ("src/new.py", ""), ("params.yaml", "seed: 2\n")],
)
def test_changes_that_are_not_committed_are_refused(
    checkout: Path, file: str, content: str
) -> None:
    (checkout / file).write_text(content)
    with pytest.raises(UserError, match="not committed"):
        verify()


@pytest.mark.parametrize(
    ("file", "content", "named"),
    [
        ("src/code.py", "fail\n", r"src/code\.py"),
        ("params.yaml", "seed: 2\nmodel: {cell: gru}\n", "parameters: seed"),
        ("params.yaml", "seed: 1\nmodel: {cell: rnn}\n", r"model\.cell"),
    ],
)
def test_results_of_other_code_or_parameters_are_refused(
    checkout: Path, file: str, content: str, named: str
) -> None:
    (checkout / file).write_text(content)
    commit_all()
    with pytest.raises(UserError, match=rf"{named}.*dvc repro"):
        verify()


def test_without_results_there_is_nothing_to_compare(checkout: Path) -> None:
    (checkout / "dvc.lock").unlink()
    with pytest.raises(UserError, match=r"dvc\.lock: no results"):
        verify()


def test_outside_of_git_there_is_nothing_to_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match="no Git commit"):
        verify()


@pytest.mark.fault
def test_a_project_in_a_folder_of_its_repository_is_refused(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    (checkout / "project").mkdir()
    for file in ("params.yaml", "dvc.lock", "src"):
        (checkout / file).rename(checkout / "project" / file)
    subprocess.run(["git", "add", "-A"], check=True)
    commit_all()
    monkeypatch.chdir(checkout / "project")
    with pytest.raises(UserError, match="below the top"):
        verify()


@pytest.mark.hostile
def test_a_lock_file_with_marks_of_a_conflict_is_refused(checkout: Path) -> None:
    (checkout / "dvc.lock").write_text("<<<<<<< HEAD\nstages: {}\n=======\n")
    with pytest.raises(UserError, match=r"^dvc\.lock.*git checkout"):
        verify()
