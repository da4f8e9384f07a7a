"""The shipped dvc.yaml on a small generated archive: real stages, real DVC, real MLflow."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import mlflow
import psutil
import pytest

from imdb_rnn.io.yaml_file import parse_yaml
from pipeline.project import Project, run, start
from reliability import Reliability

pytestmark = pytest.mark.timeout(600)


def test_the_pipeline_learns_and_reports(project: Project) -> None:
    results = project.json("evaluate.json")
    assert results["variant"] == project.json("train.json")["variant"] == "full"
    assert results["n_test"] == 120
    assert results["accuracy_low"] <= results["accuracy"] <= results["accuracy_high"]
    assert results["accuracy"] > 0.7
    assert set(results["baselines"]) == {"tfidf", "nb"}


def test_the_page_and_the_card_tell_of_this_run(project: Project) -> None:
    accuracy = f"{project.json('evaluate.json')['accuracy']:.4f}"
    page = (project.folder / "reports/report.html").read_text(encoding="utf-8")
    card = (project.folder / "models/rnn/README.md").read_text(encoding="utf-8")
    assert f"<strong>{accuracy}</strong>" in page
    assert f"| accuracy | {accuracy} " in card


def test_runs_are_compared_by_a_dozen_numbers(project: Project) -> None:
    shown = json.loads(project.dvc("metrics", "show", "--json").stdout)[""]["data"]
    assert list(shown) == ["reports/metrics.json"]
    numbers = shown["reports/metrics.json"]["data"]
    assert numbers == project.json("metrics.json")
    assert len(numbers) <= 12
    assert numbers["accuracy"] == project.json("evaluate.json")["accuracy"]


def test_a_second_repro_has_nothing_to_do(project: Project) -> None:
    done = project.dvc("repro")
    assert "Running stage" not in done.stdout
    assert "up to date" in done.stdout + done.stderr


def test_an_evaluate_parameter_retrains_nothing_and_comes_back_from_the_cache(
    project: Project,
) -> None:
    lock = project.lock
    with project.params({"evaluate": {"resamples": 300}}):
        changed = project.dvc("repro", "evaluate")
        assert "Running stage 'evaluate'" in changed.stdout
        for stage in ("download", "prepare", "baseline", "pseudo_label", "train"):
            assert f"Running stage '{stage}'" not in changed.stdout
    restored = project.dvc("repro")
    for stage in ("evaluate", "report"):
        assert f"Running stage '{stage}'" not in restored.stdout
    assert project.lock == lock


def cut_the_power(process: subprocess.Popen[str]) -> None:
    """End all at once, so that nothing sees the others die.

    DVC, when its stage dies before it, rewrites its list of locks in place; killed in that moment,
    it leaves half a list.
    """
    stages = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    for stage in stages:
        with suppress(psutil.NoSuchProcess):
            stage.kill()
    process.communicate()


def press_ctrl_c(process: subprocess.Popen[str]) -> None:
    """Interrupt DVC and what it runs, as a terminal does."""
    for each in [process, *psutil.Process(process.pid).children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(signal.SIGINT)
    process.communicate()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Processes inherit what is ignored, and a background job may ignore SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_a_repro_stopped_twice_goes_on_to_the_same_bytes(
    project: Project, reliability: Reliability
) -> None:
    stops = (cut_the_power, press_ctrl_c)
    with project.params({"train": {"epochs": 20}}):  # the stops come after the first and the second
        for stop in stops:
            before = checkpoints(project)
            process = start(["dvc", "repro", "train"], project.folder)
            while process.poll() is None and checkpoints(project) == before:
                time.sleep(0.005)
            stop(process)
            assert checkpoints(project) != before
            assert not (project.folder / "models/rnn/model.safetensors").exists()
        done = project.dvc("repro", "train")
        assert "an earlier training goes on after step" in done.stdout, done.stderr
        stopped = project.lock
        project.dvc("repro", "--force", "--no-run-cache", "--single-item", "train")
        for _ in stops:
            reliability.count_kill(identical=project.lock == stopped)
        assert project.lock == stopped
    restored = project.dvc("repro")
    assert restored.returncode == 0, restored.stderr


def checkpoints(project: Project) -> list[tuple[Path, int]]:
    """Each with the moment of its writing."""
    found = (project.folder / ".cache/train").glob("[!.]*.checkpoint")
    return [(file, file.stat().st_mtime_ns) for file in found]


def test_a_mistake_is_refused_before_the_first_stage(project: Project) -> None:
    with project.params({"train": {"epcohs": 3}, "evaluate": {"confidence": 7.0}}):
        refused = project.dvc("repro")
    output = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "train.epcohs: unknown parameter; did you mean epochs?" in output
    assert "evaluate.confidence: got 7.0" in output
    assert "Traceback" not in output
    assert "Running stage 'train'" not in output
    corrected = project.dvc("repro", "check")
    assert corrected.returncode == 0, corrected.stderr


@pytest.mark.parametrize(
    ("value", "meant"), [("0.00001", 1e-05), ("1e-05", 1e-05), ("2E16", 2e16), ("3", 3)]
)
def test_dvc_sets_numbers_of_any_size(project: Project, value: str, meant: float) -> None:
    name = f"decay-{meant:.0e}-{len(value)}"
    setting = f"train.weight_decay={value}"
    done = project.dvc("exp", "run", "--temp", "--name", name, "-S", setting, "check")
    assert done.returncode == 0, done.stdout + done.stderr
    commit = run(
        ["git", "for-each-ref", "--format=%(objectname)", f"refs/exps/**/{name}"], project.folder
    ).stdout.split()
    written = run(["git", "show", f"{commit[0]}:params.yaml"], project.folder).stdout
    assert parse_yaml(written, name)["train"]["weight_decay"] == meant


def test_a_stage_refuses_with_exit_code_2(project: Project) -> None:
    with project.params({"train": {"epcohs": 3}}):
        refused = run([sys.executable, "-m", "imdb_rnn.stages.train"], project.folder)
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


def test_mlflow_has_the_run_with_curves_results_and_model(project: Project) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{project.folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("imdb-rnn")
    assert experiment is not None
    state = "params.`evaluate.resamples` = '200' and params.`train.epochs` = '2'"
    runs = client.search_runs([experiment.experiment_id], state)
    assert len(runs) == 1, "one run for one state, however often it is rerun"
    (run,) = runs
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test/accuracy"] == project.json("evaluate.json")["accuracy"]
    losses = client.get_metric_history(run.info.run_id, "epoch/valid_loss")
    assert [point.step for point in losses] == [1, 2]
    assert (
        run.data.metrics["diagnostics/windows/whole"]
        == project.json("diagnostics.json")["windows"]["whole"]
    )
    folders = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert folders >= {"figures", "reports", "diagnostics"}
    reports = client.list_artifacts(run.info.run_id, "reports")
    assert "reports/report.html" in {file.path for file in reports}
