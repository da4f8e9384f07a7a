"""A checkout that is copied, moved, or lies in a folder with an odd name keeps its runs."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pytest

from imdb_rnn.errors import UserError
from imdb_rnn.tracking.connection import open_store
from imdb_rnn.tracking.registry import champion_table
from results import PROJECT, small_params, write_predictions, write_results


class Said(NamedTuple):
    """What a process has printed."""

    out: str
    err: str


FILE = """
import sys
from imdb_rnn.tracking.registry import champion_table, promote, results_of_run
from imdb_rnn.tracking.filing import file_results
from results import small_params
params = small_params().model_copy(update={"seed": int(sys.argv[1])})
run = file_results(params, with_report=True)
promote(run, force=False)
champion_table()
assert results_of_run(run).predictions.ids
"""
SERVE = """
import mlflow
print(mlflow.pyfunc.load_model("models:/imdb-rnn@champion").predict(["a great film"]))
"""


def python(script: str, folder: Path, *arguments: str, **environment: str) -> Said:
    """Run a script in a process of its own, as a command is: MLflow remembers what it opened."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("DVC", "MLFLOW"))}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env=inherited
        | {"PYTHONPATH": f"{PROJECT / 'src'}{os.pathsep}{PROJECT / 'tests'}"}
        | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return Said(done.stdout, done.stderr)


def make_results(folder: Path, empty_store: Path) -> Path:
    folder.mkdir()
    shutil.copyfile(empty_store, folder / "mlflow.db")
    write_results(folder, small_params())
    write_predictions(folder / "reports/predictions.parquet")
    return folder


@pytest.fixture(scope="module")
def filed(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A checkout with a run and a champion."""
    folder = make_results(tmp_path_factory.mktemp("filed") / "checkout", empty_store)
    python(FILE, folder, "1")
    return folder


@pytest.fixture
def checkout(filed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same as if it had been made elsewhere: its database says where it is now."""
    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "checkout"
    shutil.copytree(filed, folder)
    with sqlite3.connect(folder / "mlflow.db") as database:
        for table, column in ADDRESSES:
            change = f"UPDATE {table} SET {column} = replace({column}, ?, ?)"  # noqa: S608 - as below
            database.execute(change, (str(filed), str(folder)))
    return folder


ADDRESSES = [
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
]
"""Tables and columns that say where files lie."""


def addresses(folder: Path) -> set[str]:
    """All that the database says about where files lie."""
    with sqlite3.connect(folder / "mlflow.db") as database:
        return {
            unquote(address)
            for table, column in ADDRESSES
            for (address,) in database.execute(f"SELECT {column} FROM {table}")  # noqa: S608 - names from above
        }


def files_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def served_champion(folder: Path) -> str:
    """What the model that MLflow serves as the champion answers."""
    return python(SERVE, folder, MLFLOW_TRACKING_URI="sqlite:///mlflow.db").out


@pytest.mark.fault
def test_a_copy_works_on_its_own_files_and_leaves_the_original_alone(checkout: Path) -> None:
    copy = checkout.with_name("ümläut with % and ? ' \" # & ; :")
    shutil.copytree(checkout, copy)
    before = files_below(checkout)
    assert str(checkout) in python(FILE, copy, "2").err
    assert files_below(checkout) == before
    assert not [address for address in addresses(copy) if f"{checkout}/" in address]
    answer = served_champion(checkout)
    shutil.rmtree(checkout)
    assert str(checkout) not in python(FILE, copy, "1").err, "said once"
    assert served_champion(copy) == answer
    assert len(list(copy.glob("mlartifacts/*/artifacts/reports"))) == 2


@pytest.mark.fault
def test_a_moved_checkout_finds_its_files_and_its_champion(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = served_champion(checkout)
    moved = checkout.rename(checkout.with_name("moved"))
    monkeypatch.chdir(moved)
    champion_table()
    monkeypatch.undo()
    assert served_champion(moved) == answer


@pytest.mark.fault
def test_artifacts_that_are_kept_elsewhere_stay_there(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(checkout / "mlflow.db") as database:
        database.execute("UPDATE experiments SET artifact_location = 's3://bucket/mlartifacts/x'")
    before = addresses(checkout)
    moved = checkout.rename(checkout.with_name("moved"))
    monkeypatch.chdir(moved)
    open_store()
    assert addresses(moved) == before


@pytest.mark.fault
def test_a_copy_whose_database_cannot_be_changed_is_refused(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = checkout.with_name("copy")
    shutil.copytree(checkout, copy)
    with sqlite3.connect(copy / "mlflow.db") as database:
        database.execute(
            "CREATE TRIGGER sealed BEFORE UPDATE ON runs BEGIN SELECT RAISE(ABORT, 'sealed'); END"
        )
    before = addresses(copy)
    monkeypatch.chdir(copy)
    with pytest.raises(UserError, match=r"mlflow\.db.*sealed"):
        champion_table()
    assert addresses(copy) == before, "all or none"


@pytest.mark.hostile
def test_runs_are_filed_whatever_the_path_of_the_checkout(
    tmp_path: Path, empty_store: Path
) -> None:
    name = "a%41b#c%3F% [x] is it?mode=ro"
    folder = make_results(tmp_path / name, empty_store)
    python(FILE, folder, "1")
    copy = folder / ".dvc/tmp/exps/standalone/tmp1"
    write_results(copy, small_params())
    write_predictions(copy / "reports/predictions.parquet")
    python(FILE, copy, "2", DVC_ROOT=str(folder))
    assert len(list(Path(folder, "mlartifacts").glob("*/artifacts/predictions"))) == 2
    assert not (copy / "mlflow.db").exists()
    assert [path.name for path in tmp_path.iterdir()] == [name], "nothing was made elsewhere"
