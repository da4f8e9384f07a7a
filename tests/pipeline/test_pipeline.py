"""The shipped dvc.yaml on a small generated archive: real stages, real DVC, real MLflow."""

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import mlflow
import psutil
import pytest

from imdb_rnn.io.yaml_file import parse_yaml
from pipeline.project import SECONDS_TO_END, Project, below, kill_all, run, started
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
    assert len(numbers.keys() - {"variant"}) <= 12
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
    kill_all(process)


def press_ctrl_c(process: subprocess.Popen[str]) -> None:
    """Interrupt DVC and what it runs, as a terminal does."""
    for each in [process, *below(process)]:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(signal.SIGINT)
    process.communicate(timeout=SECONDS_TO_END)


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
            with started(["dvc", "repro", "train"], project.folder) as process:
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


def test_a_mistake_is_refused_by_the_first_stage_that_reads_it(project: Project) -> None:
    with project.params({"train": {"epcohs": 3}, "evaluate": {"confidence": 7.0}}):
        refused = project.dvc("repro")
    output = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "train.epcohs: unknown parameter; did you mean epochs?" in output
    assert "evaluate.confidence: got 7.0" in output
    assert "exited with 2" in output
    assert "Traceback" not in output
    assert "Running stage 'evaluate'" not in output
    restored = project.dvc("checkout")
    assert restored.returncode == 0, restored.stderr


def test_dvc_sets_numbers_of_any_size(project: Project) -> None:
    meant = {"learning_rate": 1e-05, "momentum": 1e-05, "weight_decay": 2e16, "max_grad_norm": 3}
    written = dict(zip(meant, ("0.00001", "1e-05", "2E16", "3"), strict=True))
    settings = [word for name in written for word in ("-S", f"train.{name}={written[name]}")]
    settings += ["--copy-paths", "data/external/aclImdb_v1.tar.gz"]
    # `download` reads none of them, so that nothing runs.
    done = project.dvc("exp", "run", "--temp", "--name", "sizes", *settings, "download")
    assert done.returncode == 0, done.stdout + done.stderr
    (commit,) = run(
        ["git", "for-each-ref", "--format=%(objectname)", "refs/exps/**/sizes"], project.folder
    ).stdout.split()
    params = run(["git", "show", f"{commit}:params.yaml"], project.folder).stdout
    read = parse_yaml(params, "sizes")["train"]
    assert {name: read[name] for name in meant} == meant


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
