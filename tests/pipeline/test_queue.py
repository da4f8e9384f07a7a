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
SEEDS = [11, 12]
SECONDS_A_TRY = 240


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project after its queue was worked off."""
    project = Project(tmp_path_factory.mktemp("queue"))
    for seed in SEEDS:
        archive = "data/external/aclImdb_v1.tar.gz"
        changes = ["--name", f"seed-{seed}", "-S", f"seed={seed}", "--copy-paths", archive]
        queued = project.dvc("exp", "run", "--queue", *changes)
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
        give_up = time.monotonic() + SECONDS_A_TRY
        while time.monotonic() < give_up:
            status = project.dvc("queue", "status").stdout
            if status.count("Success") == len(SEEDS):
                return
            assert "Failed" not in status, status + project.dvc("queue", "logs", "seed-11").stdout
            time.sleep(1)
    pytest.fail(status)


@pytest.mark.fault
def test_no_run_is_lost_and_none_is_mixed_up(project: Project) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{project.folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("imdb-rnn")
    assert experiment
    runs = {
        run.data.tags["dvc.experiment"]: run
        for run in client.search_runs([experiment.experiment_id])
    }
    assert set(runs) == {f"seed-{seed}" for seed in SEEDS}
    for seed in SEEDS:
        name = f"seed-{seed}"
        tracked, results = runs[name], _results(project.folder, name)
        assert tracked.info.status == "FINISHED"
        assert tracked.data.params["seed"] == str(seed)
        assert yaml.safe_load(_file(project.folder, name, "params.yaml"))["seed"] == seed
        assert tracked.data.metrics["test/accuracy"] == results["accuracy"]
        assert tracked.data.metrics["test/log_loss"] == results["log_loss"]
        losses = client.get_metric_history(tracked.info.run_id, "epoch/valid_loss")
        assert [point.step for point in losses] == [1, 2]
    assert len({run.data.metrics["test/log_loss"] for run in runs.values()}) == len(SEEDS)


def _results(folder: Path, name: str) -> dict[str, float]:
    results: dict[str, float] = json.loads(_file(folder, name, "reports/evaluate.json"))
    return results


def _file(folder: Path, name: str, path: str) -> str:
    """A file of an experiment, which DVC keeps as a commit."""
    references = run(["git", "for-each-ref", "--format=%(refname)", "refs/exps"], folder).stdout
    (reference,) = (found for found in references.splitlines() if found.endswith(f"/{name}"))
    return run(["git", "show", f"{reference}:{path}"], folder).stdout
