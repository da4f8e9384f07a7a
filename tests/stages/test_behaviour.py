"""The behaviour part of the stages `baseline` and `evaluate`."""

import importlib
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from imdb_rnn.config import load_params
from imdb_rnn.data.classes import class_metadata
from imdb_rnn.evaluation.behaviour import OVERALL, cases
from imdb_rnn.io.json_file import read_json
from once import made_once
from stages.small_project import leave_mlflow_out, write_small_project

CAPABILITIES = {OVERALL, *(case.capability for case in cases())}


def run(*stages: str) -> None:
    params = load_params(Path("params.yaml"))
    for name in stages:
        getattr(importlib.import_module(f"imdb_rnn.stages.{name}"), name)(params)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project that has been evaluated; to be read alone."""

    def make(folder: Path) -> None:
        folder.mkdir()
        write_small_project(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            leave_mlflow_out(patch)
            run("download", "prepare", "baseline", "pseudo_label", "ngram_log_odds")
            run("word_vectors", "train", "evaluate")

    return made_once(tmp_path_factory, "behaviour", make)


@pytest.fixture
def reports(project: Path) -> Path:
    return project / "reports"


def test_every_capability_of_both_halves_is_reported(reports: Path) -> None:
    behaviour: dict[str, Any] = read_json(reports / "evaluate.json")["behaviour"]
    linear = read_json(reports / "baseline.json")["behaviour"]
    assert set(behaviour) == {"development", "held_out"}
    for half, capabilities in behaviour.items():
        assert set(capabilities) == CAPABILITIES
        for capability, numbers in capabilities.items():
            assert 0 <= numbers["accuracy_low"] <= numbers["accuracy_high"] <= 1
            assert numbers["baselines"] == {
                name: linear[name][half][capability] for name in ("tfidf", "nb")
            }
    assert (reports / "figures/behaviour.png").exists()


def test_runs_are_compared_by_the_held_out_half(reports: Path) -> None:
    held_out = read_json(reports / "evaluate.json")["behaviour"]["held_out"]
    assert read_json(reports / "metrics.json")["behaviour"] == held_out[OVERALL]["accuracy"]


def test_models_of_other_classes_are_asked_nothing(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(project, tmp_path / "other")
    monkeypatch.chdir(folder)
    leave_mlflow_out(monkeypatch)
    for split in ("train", "test"):
        path = Path(f"data/raw/{split}.parquet")
        table = pq.read_table(path)
        metadata = table.schema.metadata | class_metadata(["ham", "spam"])
        pq.write_table(table.replace_schema_metadata(metadata), path)
    run("baseline", "evaluate")
    for name in ("baseline", "evaluate", "metrics"):
        assert "behaviour" not in read_json(Path(f"reports/{name}.json"))
