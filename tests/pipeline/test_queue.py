"""DVC's queue with two workers at once, on one MLflow store."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest
import yaml

from pipeline.project import Project, run

pytestmark = pytest.mark.timeout(600)
RATES = {"slowly": 0.01, "quickly": 0.03}
ARCHIVE = "data/external/aclImdb_v1.tar.gz"
SECONDS_A_LOOK, LOOKS_A_TRY = 30, 4


@pytest.fixture
def worked_off(project: Project) -> Iterator[Project]:
    """A project whose queue was worked off."""
    for name, rate in RATES.items():
        changes = ["-S", f"train.learning_rate={rate}", "--copy-paths", ARCHIVE, "evaluate"]
        queued = project.dvc("exp", "run", "--queue", "--name", name, *changes)
        assert queued.returncode == 0, queued.stdout + queued.stderr
    try:
        _work_off(project)
        yield project
    finally:
        project.dvc("queue", "stop", "--kill")


def _work_off(project: Project) -> None:
    """Start the workers; a second time if they hang, which is DVC's own trouble."""
    status = ""
    for _ in range(2):
        project.dvc("queue", "start", "--jobs", "2")
        for _ in range(LOOKS_A_TRY):
            give_up = time.monotonic() + SECONDS_A_LOOK
            while time.monotonic() < give_up:
                if all(_references(project.folder, name) for name in RATES):
                    return
                time.sleep(0.5)
            status = project.dvc("queue", "status").stdout  # takes a second
            assert "Failed" not in status, (
                status + project.dvc("queue", "logs", next(iter(RATES))).stdout
            )
    pytest.fail(status)


def _references(folder: Path, name: str) -> list[str]:
    """Where DVC keeps the result of an experiment."""
    found = run(["git", "for-each-ref", "--format=%(refname)", "refs/exps"], folder).stdout
    return [reference for reference in found.splitlines() if reference.endswith(f"/{name}")]


@pytest.mark.fault
def test_no_run_is_lost_and_none_is_mixed_up(worked_off: Project) -> None:
    folder = worked_off.folder
    client = mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("imdb-rnn")
    assert experiment
    filed = client.search_runs([experiment.experiment_id], "attributes.run_name != 'default'")
    runs = {run.data.tags["dvc.experiment"]: run for run in filed}
    assert set(runs) == set(RATES)
    for name, rate in RATES.items():
        tracked, results = runs[name], _results(folder, name)
        assert tracked.info.status == "FINISHED"
        assert tracked.data.params["train.learning_rate"] == str(rate)
        params = yaml.safe_load(_file(folder, name, "params.yaml"))
        assert params["train"]["learning_rate"] == rate
        assert tracked.data.metrics["test/accuracy"] == results["accuracy"]
        assert tracked.data.metrics["test/log_loss"] == results["log_loss"]
        losses = client.get_metric_history(tracked.info.run_id, "epoch/valid_loss")
        assert [point.step for point in losses] == [1, 2]
    assert len({run.data.metrics["test/log_loss"] for run in runs.values()}) == len(RATES)


def _results(folder: Path, name: str) -> dict[str, float]:
    results: dict[str, float] = json.loads(_file(folder, name, "reports/evaluate.json"))
    return results


def _file(folder: Path, name: str, path: str) -> str:
    """A file of an experiment, which DVC keeps as a commit."""
    (reference,) = _references(folder, name)
    return run(["git", "show", f"{reference}:{path}"], folder).stdout
