"""The record of runs, on real SQLite stores."""

import json
import os
import pickle
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pytest
import yaml
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from imdb_rnn.config import WordVectors
from imdb_rnn.errors import UserError
from imdb_rnn.io.json_file import write_json
from imdb_rnn.tracking.connection import EXPERIMENT, PROCESS_TAG, open_store, store_uri
from imdb_rnn.tracking.filing import file_results
from imdb_rnn.tracking.live import training_run
from imdb_rnn.tracking.registry import promote
from imdb_rnn.tracking.seed_runs import file_seeds
from imdb_rnn.tracking.ui import serve_ui
from results import (
    PROJECT,
    make_project,
    small_params,
    write_dataset_facts,
    write_predictions,
    write_results,
)
from test_pickle import Trap

PARAMS = small_params()


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without a store; logging a model sets MLflow's address for the process."""
    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def folder(empty_folder: Path, empty_store: Path) -> Path:
    """A working folder with downloaded reviews and an empty store."""
    write_dataset_facts(empty_folder)
    shutil.copyfile(empty_store, empty_folder / "mlflow.db")
    return empty_folder


def test_a_training_leaves_its_parameters_curves_and_status(folder: Path) -> None:
    with training_run(PARAMS) as run:
        run.log_step(1, {"loss": 0.7})
        run.log_step(2, {"loss": 0.6})
        run.log_epoch(1, {"train_loss": 0.65, "valid_loss": 0.5})
    (found,) = _runs(folder)
    assert found.info.status == "FINISHED"
    assert found.info.run_name == "lstm-4x1-bi seed 1"
    assert found.data.params["model.hidden_size"] == "4"
    assert found.data.params["train.patience"] == "null"
    assert found.data.tags["variant"] == "full"
    assert _curve(folder, found, "step/loss") == [(1, 0.7), (2, 0.6)]
    assert _curve(folder, found, "epoch/valid_loss") == [(1, 0.5)]


def test_curves_appear_while_the_training_goes_on(folder: Path) -> None:
    with training_run(PARAMS) as run:
        run.log_step(1, {"loss": 0.7})
        run.log_epoch(1, {"valid_loss": 0.5})
        for _ in range(600):
            time.sleep(0.1)
            found = _runs(folder)
            if found and _curve(folder, found[0], "step/loss") == [(1, 0.7)]:
                break
        assert found[0].info.status == "RUNNING"
        assert _curve(folder, found[0], "step/loss") == [(1, 0.7)]


def test_more_points_than_mlflow_takes_at_once(folder: Path) -> None:
    with training_run(PARAMS) as run:
        for step in range(1, 2502):
            run.log_step(step, {"loss": 1 / step})
    (found,) = _runs(folder)
    assert len(_curve(folder, found, "step/loss")) == 2501


@pytest.mark.parametrize(
    ("end", "status"),
    [(KeyboardInterrupt(), "KILLED"), (SystemExit(143), "KILLED"), (ValueError(), "FAILED")],
)
def test_a_training_that_breaks_off_says_so_and_keeps_its_points(
    folder: Path, end: BaseException, status: str
) -> None:
    with pytest.raises(type(end)):
        _train_one_step_until(end)
    (found,) = _runs(folder)
    assert found.info.status == status
    assert _curve(folder, found, "step/loss") == [(1, 0.7)]


def test_a_second_attempt_continues_the_run_without_repeating_points(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _train_one_step_until(KeyboardInterrupt())
    with training_run(PARAMS) as run:
        run.log_step(1, {"loss": 0.7})
        run.log_step(2, {"loss": 0.6})
    (found,) = _runs(folder)
    assert found.info.status == "FINISHED"
    assert _curve(folder, found, "step/loss") == [(1, 0.7), (2, 0.6)]


def test_a_run_whose_process_was_killed_is_not_shown_as_running(folder: Path) -> None:
    script = (
        "import os, signal, time\n"
        "import mlflow\n"
        "from imdb_rnn.tracking.live import training_run\n"
        "from results import small_params\n"
        "with training_run(small_params()) as run:\n"
        "    run.log_epoch(1, {'valid_loss': 0.5})\n"
        "    while not mlflow.search_runs(search_all_experiments=True, output_format='list'):\n"
        "        time.sleep(0.05)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    paths = [PROJECT / "src", PROJECT / "tests"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}
    subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert [run.info.status for run in _runs(folder)] == ["RUNNING"]
    with training_run(small_params(hidden_size=5)):
        pass
    assert sorted(run.info.status for run in _runs(folder)) == ["FINISHED", "KILLED"]


def test_a_run_that_ends_while_another_looks_for_abandoned_ones_stays_finished(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with training_run(PARAMS):
        pass
    (run,) = _runs(folder)
    nobody = f"{socket.gethostname()}/0@0"
    _client(folder).set_tag(run.info.run_id, PROCESS_TAG, nobody)
    _client(folder).update_run(run.info.run_id, "RUNNING")
    look = mlflow.MlflowClient.search_runs

    def look_and_end(client: mlflow.MlflowClient, *args: object, **options: object) -> list[Run]:
        found = list(look(client, *args, **options))
        client.set_terminated(run.info.run_id, "FINISHED")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(mlflow.MlflowClient, "search_runs", look_and_end)
        open_store()
    assert _client(folder).get_run(run.info.run_id).info.status == "FINISHED"


def test_other_parameters_make_another_run(folder: Path) -> None:
    for seed in (1, 2):
        with training_run(PARAMS.model_copy(update={"seed": seed})):
            pass
    assert {run.info.run_name for run in _runs(folder)} == {
        "lstm-4x1-bi seed 1",
        "lstm-4x1-bi seed 2",
    }


def test_a_dvc_experiment_gives_the_run_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_EXP_NAME", "pre-padding")
    with training_run(PARAMS):
        pass
    (found,) = _runs(folder)
    assert found.info.run_name == found.data.tags["dvc.experiment"] == "pre-padding"


def test_the_name_of_a_run_says_what_was_changed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments], check=True)

    (folder / "params.yaml").write_text(json.dumps(PARAMS.model_dump(mode="json")))
    git("init", "--quiet")
    git("add", "params.yaml")
    git("commit", "--quiet", "--message", "start")
    other = PARAMS.model_copy(update={"seed": 2})
    with training_run(PARAMS):
        pass
    with training_run(other):
        pass
    monkeypatch.setenv("DVC_EXP_NAME", "larky-bott")
    with training_run(other.model_copy(update={"seed": 3})):
        pass
    names = {run.info.run_name for run in _runs(folder)}
    assert names == {"default", "seed=2", "larky-bott: seed=3"}


def test_a_copied_folder_files_into_the_main_checkout(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = folder / ".dvc/tmp/exps/standalone/tmp1"
    copy.mkdir(parents=True)
    write_results(copy, PARAMS)
    monkeypatch.setenv("DVC_ROOT", str(folder))
    monkeypatch.chdir(copy)
    assert file_results(PARAMS, with_report=True)
    assert len(_runs(folder)) == 1
    assert (folder / "mlartifacts").is_dir()
    assert not (copy / "mlflow.db").exists()


def test_a_stage_of_another_project_leaves_nothing_there(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path_factory.mktemp("foreign")
    for name, value in {
        "DVC_ROOT": str(foreign),
        "DVC_STAGE": "theirs",
        "DVC_EXP_NAME": "theirs",
        "MLFLOW_RUN_ID": "0" * 32,
        "MLFLOW_EXPERIMENT_NAME": "theirs",
        "MLFLOW_REGISTRY_URI": f"sqlite:///{foreign}/registry.db",
    }.items():
        monkeypatch.setenv(name, value)
    write_results(folder, PARAMS)
    write_predictions(folder / "reports/predictions.parquet")
    with training_run(PARAMS) as live:
        live.log_epoch(1, {"valid_loss": 0.34})
    run = file_results(PARAMS, with_report=True)
    assert run
    assert promote(run, force=False).done
    assert list(foreign.iterdir()) == []
    (found,) = _runs(folder)
    assert found.info.run_name == "lstm-4x1-bi seed 1"
    assert "dvc.experiment" not in found.data.tags
    monkeypatch.delenv("MLFLOW_REGISTRY_URI")
    assert len(_client(folder).search_model_versions("name = 'imdb-rnn'")) == 1


@pytest.mark.fault
def test_a_deleted_experiment_is_said_to_be_in_the_trash(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_results(folder, PARAMS)
    assert file_results(PARAMS)
    experiment = _client(folder).get_experiment_by_name(EXPERIMENT)
    assert experiment
    _client(folder).delete_experiment(experiment.experiment_id)
    assert file_results(PARAMS) is None
    said = capsys.readouterr().err
    assert "did not answer" not in said
    remedy = f"mlflow experiments restore --experiment-id {experiment.experiment_id}"
    assert remedy in said
    assert "imdb-rnn track" not in said, "which is what was called"
    with training_run(PARAMS) as live:
        live.log_epoch(1, {"valid_loss": 0.34})
    said = capsys.readouterr().err
    assert remedy in said
    assert "imdb-rnn track" in said
    with pytest.raises(UserError, match=remedy):
        promote("0" * 32, force=False)
    _client(folder).restore_experiment(experiment.experiment_id)
    assert file_results(PARAMS)


SECRET = "s3cret-of-ann"  # noqa: S105 - of nothing


@pytest.mark.hostile
@pytest.mark.parametrize(
    "address",
    [f"http://ann:{SECRET}@127.0.0.1:1", f"http://{SECRET}@127.0.0.1:1", "http://127.0.0.1:1"],
)
@pytest.mark.parametrize(
    "command", [["track"], ["promote", "0" * 32], ["champion"], ["ui"], ["compare", "0" * 32, "x"]]
)
def test_no_command_prints_the_password_of_a_server(
    folder: Path, address: str, command: list[str]
) -> None:
    write_results(folder, PARAMS)
    make_project(folder)
    # `track` asks DVC first, which has nothing to say here.
    (folder / "bin").mkdir()
    (folder / "bin/dvc").write_text("#!/bin/sh\necho {}\n")  # nothing has changed
    (folder / "bin/dvc").chmod(0o755)
    script = (
        "from imdb_rnn import cli; from imdb_rnn.experiments import named as experiments\n"
        "import os; experiments.environment = lambda: os.environ\n"
        "cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *command],
        env=os.environ
        | {
            "PYTHONPATH": str(PROJECT / "src"),
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "MLFLOW_TRACKING_URI": address,
            "MLFLOW_TRACKING_TOKEN": f"{SECRET}\n",  # requests repeats it where it refuses it
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == (0 if command == ["ui"] else 1 if command == ["track"] else 2), said
    assert "127.0.0.1:1" in said
    assert SECRET not in said
    assert "Traceback" not in said


class TestFiling:
    """All results of one pipeline state, filed from its output files."""

    @pytest.fixture
    def results(self, empty_folder: Path, empty_store: Path) -> Path:
        write_results(empty_folder, PARAMS)
        shutil.copyfile(empty_store, empty_folder / "mlflow.db")
        return empty_folder

    def test_what_the_lens_found_goes_into_the_same_run(self, results: Path) -> None:
        write_json(
            results / "reports/diagnostics.json", {"windows": {"whole": 0.9, "last": {"10": 0.7}}}
        )
        (results / "reports/diagnostics").mkdir()
        (results / "reports/diagnostics/delayed_recall.png").write_bytes(b"\x89PNG")
        assert file_results(PARAMS, with_report=True)
        (run,) = _runs(results)
        assert run.data.metrics["diagnostics/windows/last/10"] == 0.7
        assert run.data.metrics["test/accuracy"] == 0.9104
        filed = {
            entry.path for entry in _client(results).list_artifacts(run.info.run_id, "diagnostics")
        }
        assert filed == {"diagnostics/diagnostics.json", "diagnostics/delayed_recall.png"}

    def test_what_the_last_stages_have_not_made_yet_is_left_out(self, results: Path) -> None:
        write_json(results / "reports/diagnostics.json", {"windows": {"whole": 0.9}})
        (results / "reports/report.html").write_text("of another state")
        (results / "reports/plots/diagnostics").mkdir()
        (results / "reports/plots/diagnostics/delayed_recall.csv").write_text(
            '"delay","tanh"\n5,1\n'
        )
        assert file_results(PARAMS)
        (run,) = _runs(results)
        assert run.data.metrics["test/accuracy"] == 0.9104
        assert not [name for name in run.data.metrics if name.startswith("diagnostics")]
        filed = {entry.path for entry in _client(results).list_artifacts(run.info.run_id)}
        assert "diagnostics" not in filed
        reports = _client(results).list_artifacts(run.info.run_id, "reports")
        assert "reports/report.html" not in {entry.path for entry in reports}

    def test_the_lines_of_the_lens_are_curves(self, results: Path) -> None:
        points = results / "reports/plots/diagnostics"
        points.mkdir()
        (points / "delayed_recall.csv").write_text('"delay","tanh","gru"\n5,1,0.9\n10,0.5,0.8\n')
        rows = "".join(f"{step},0.1,{0.2 / (step + 1)},0.3\n" for step in range(99))
        header = '"distance","relu_0_low","relu_0_median","relu_0_high"\n'
        (points / "gradients.csv").write_text(f"{header}{rows}99,,,\n")
        for _ in range(2):
            assert file_results(PARAMS, with_report=True)
        (run,) = _runs(results)
        assert _curve(results, run, "diagnostics/curves/delayed_recall gru") == [
            (5, 0.9),
            (10, 0.8),
        ]
        gradients = _curve(results, run, "diagnostics/curves/gradients relu_0")
        assert gradients == [(step, 0.2 / (step + 1)) for step in range(0, 99, 5)]
        curves = {name for name in run.data.metrics if name.startswith("diagnostics/curves")}
        assert len(curves) == 3

    def test_no_step_of_clipping_and_no_start_is_left_out(self, results: Path) -> None:
        points = results / "reports/plots/diagnostics"
        points.mkdir()
        rows = "".join(f"{step},{9 if step == 41 else 0.5}\n" for step in range(1, 127))
        (points / "clipping.csv").write_text(f'"step","tanh_before"\n{rows}')
        (points / "initialization.csv").write_text(
            '"distance","relu_normal, radius 1.5_median"\n0,0.5\n'
        )
        assert file_results(PARAMS, with_report=True)
        (run,) = _runs(results)
        clipped = _curve(results, run, "diagnostics/curves/clipping tanh_before")
        assert len(clipped) == 126
        assert max(clipped, key=lambda point: point[1]) == (41, 9)
        starts = _curve(results, run, "diagnostics/curves/initialization relu_normal_ radius 1.5")
        assert starts == [(0, 0.5)]

    def test_a_run_that_dvc_restored_holds_everything(self, results: Path) -> None:
        assert file_results(PARAMS, with_report=True)
        (run,) = _runs(results)
        assert run.info.status == "FINISHED"
        metrics = run.data.metrics
        assert metrics["test/accuracy"] == 0.9104
        assert metrics["valid/accuracy"] == 0.9
        assert metrics["baseline/nb/accuracy"] == 0.918
        assert metrics["test/slices/length/__ 400/accuracy"] == 0.88
        assert _curve(results, run, "epoch/valid_loss") == [(1, 0.34), (2, 0.25), (3, 0.26)]
        assert "0.9104** [0.9068, 0.9139]" in run.data.tags["mlflow.note.content"]
        datasets = {given.dataset.name: given.dataset for given in run.inputs.dataset_inputs}
        assert datasets["IMDB test, full"].digest == "b" * 16
        assert "b" * 64 in datasets["IMDB test, full"].source
        folders = {entry.path for entry in _client(results).list_artifacts(run.info.run_id)}
        assert folders == {"figures", "plots", "reports"}

    def test_reports_of_all_stages_go_with_the_run(self, results: Path) -> None:
        write_json(results / "reports/metrics.json", {"accuracy": 0.9104})
        _let_a_teacher_judge(results, reviews=9)
        assert file_results(PARAMS)
        (run,) = _runs(results)
        filed = _client(results).list_artifacts(run.info.run_id, "reports")
        assert {entry.path for entry in filed} == {
            f"reports/{path.name}" for path in (results / "reports").iterdir() if path.is_file()
        }
        assert run.data.metrics["pseudo_label/teacher_valid_accuracy"] == 0.92

    @pytest.mark.parametrize(
        ("judged", "window", "expected"),
        [
            (9, 0, {"unsup": "pseudo-labelled training"}),
            (9, 5, {"unsup": "pseudo-labelled training, word vectors"}),
            (0, 5, {"unsup": "word vectors"}),
            (0, 0, {}),
        ],
    )
    def test_what_the_unlabelled_reviews_taught_is_named(
        self, results: Path, judged: int, window: int, expected: dict[str, str]
    ) -> None:
        expected |= {"train": "training", "test": "testing"}
        _let_a_teacher_judge(results, judged)
        params = PARAMS.model_copy(update={"word_vectors": WordVectors(window=window)})
        for _ in range(2):
            assert file_results(params, with_report=True)
        (run,) = _runs(results)
        contexts = {
            given.dataset.name: tag.value
            for given in run.inputs.dataset_inputs
            for tag in given.tags
            if tag.key == "mlflow.data.context"
        }
        assert contexts == {f"IMDB {split}, full": use for split, use in expected.items()}
        assert len(run.inputs.dataset_inputs) == len(expected)

    @pytest.mark.parametrize(("seconds_of_a_stage", "tagged"), [(None, True), (100, False)])
    def test_only_a_finished_lock_file_is_vouched_for(
        self,
        results: Path,
        monkeypatch: pytest.MonkeyPatch,
        seconds_of_a_stage: float | None,
        *,
        tagged: bool,
    ) -> None:
        (results / "dvc.lock").write_text("schema: '2.0'\n")
        monkeypatch.setenv("DVC_STAGE", "of another project, where a command of this one is called")
        assert file_results(PARAMS, seconds_of_a_stage, with_report=True)
        (run,) = _runs(results)
        assert ("dvc.lock_sha256" in run.data.tags) is tagged

    def test_filing_joins_the_run_of_the_training(self, results: Path) -> None:
        with training_run(PARAMS) as live:
            live.log_epoch(1, {"valid_loss": 0.34})
        assert file_results(PARAMS, with_report=True)
        (run,) = _runs(results)
        assert _curve(results, run, "epoch/valid_loss") == [(1, 0.34), (2, 0.25), (3, 0.26)]

    def test_a_run_that_gets_its_model_is_not_taken_for_abandoned(
        self, results: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with training_run(PARAMS):
            pass
        (run,) = _runs(results)
        nobody = f"{socket.gethostname()}/0@0"
        _client(results).set_tag(run.info.run_id, PROCESS_TAG, nobody)  # as the training has ended
        log_model, seen = mlflow.pyfunc.log_model, []

        def log_while_another_looks(**options: object) -> object:
            open_store()
            seen.extend(run.info.status for run in _runs(results))
            return log_model(**options)

        monkeypatch.setattr(mlflow.pyfunc, "log_model", log_while_another_looks)
        assert file_results(PARAMS)
        assert seen == ["RUNNING"]
        assert [run.info.status for run in _runs(results)] == ["FINISHED"]

    def test_filing_twice_changes_nothing(self, results: Path) -> None:
        assert file_results(PARAMS, with_report=True)
        once = _everything(results)
        assert file_results(PARAMS, with_report=True)
        assert _everything(results) == once

    def test_seeds_are_a_run_that_holds_theirs(
        self, results: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as experiment:
            experiment.setenv("DVC_EXP_NAME", "seed-2")
            with training_run(PARAMS.model_copy(update={"seed": 2})):
                pass
        own = file_results(PARAMS, with_report=True)
        assert own
        numbers = {"variant": "full", "n": 3, "accuracy_mean": 0.91, "runs": [{"seed": 1}]}
        write_json(results / "reports" / "seeds.json", numbers)
        for _ in range(2):
            assert file_seeds(
                own, numbers, ["seed-2", "seed-3"], [results / "reports" / "seeds.json"]
            )
        (parent,) = (run for run in _runs(results) if run.info.run_name == "3 seeds")
        assert parent.info.status == "FINISHED"
        assert parent.data.metrics == {"seeds/n": 3, "seeds/accuracy_mean": 0.91}
        assert _curve(results, parent, "seeds/n") == [(0, 3)]
        children = {
            run.info.run_name
            for run in _runs(results)
            if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id
        }
        assert children == {"lstm-4x1-bi seed 1", "seed-2"}

    def test_nothing_in_the_store_is_a_pickle(self, results: Path) -> None:
        assert file_results(PARAMS, with_report=True)
        files = [path for path in (results / "mlartifacts").rglob("*") if path.is_file()]
        assert "pyfunc.py" in {path.name for path in files}
        assert not {path.suffix for path in files} & {".pkl", ".pickle", ".pt", ".bin", ".joblib"}

    @pytest.mark.hostile
    @pytest.mark.parametrize(("allowed", "runs"), [(None, False), ("true", True)])
    def test_a_pickle_planted_as_the_model_runs_only_where_the_user_allows_it(
        self, results: Path, monkeypatch: pytest.MonkeyPatch, allowed: str | None, *, runs: bool
    ) -> None:
        write_predictions(results / "reports" / "predictions.parquet")
        run = file_results(PARAMS, with_report=True)
        assert run
        sprung = results / "sprung"
        _plant_pickle(results / "mlartifacts", Trap(sprung))
        if allowed:
            monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", allowed)
        assert file_results(PARAMS, with_report=True) == run
        assert promote(run, force=False).done
        assert not sprung.exists()
        # No command of the project goes as far as this; serving the model does.
        refusal = "disallowed" if allowed is None else "load_context"
        with pytest.raises((MlflowException, AttributeError), match=refusal):
            mlflow.pyfunc.load_model("models:/imdb-rnn@champion")
        assert sprung.exists() is runs

    def test_without_a_trained_model_there_is_nothing_to_file(self, results: Path) -> None:
        (results / "reports" / "train.json").unlink()
        with pytest.raises(UserError, match=r"train\.json.*dvc repro"):
            file_results(PARAMS, with_report=True)
        assert _runs(results) == []

    def test_results_that_dvc_does_not_vouch_for_are_not_filed(self, results: Path) -> None:
        make_project(results)
        done = subprocess.run(
            [sys.executable, "-c", "from imdb_rnn.cli import main; main()", "track"],
            env=os.environ | {"PYTHONPATH": str(PROJECT / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2
        assert "no Git repository" in done.stderr
        assert "Traceback" not in done.stderr
        assert _runs(results) == []


def test_a_dead_server_costs_a_warning_and_no_training(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{_unused_port()}")
    began = time.monotonic()
    with training_run(PARAMS) as run:
        for epoch in range(1, 6):
            run.log_step(epoch, {"loss": 0.7})
            run.log_epoch(epoch, {"valid_loss": 0.5})
    assert time.monotonic() - began < 30
    warning = capsys.readouterr().err
    assert warning.count("did not answer") == 1
    assert "imdb-rnn track" in warning
    assert (folder / "mlflow.db").exists()


def test_reviews_of_unknown_origin_cost_a_warning_and_no_training(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "data" / "raw" / "provenance.json").unlink()
    with training_run(PARAMS) as run:
        run.log_epoch(1, {"valid_loss": 0.5})
    assert "provenance.json" in capsys.readouterr().err


def test_a_store_that_breaks_during_the_training_costs_a_warning(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with training_run(PARAMS) as run:
        run.log_epoch(1, {"valid_loss": 0.5})
        time.sleep(0.5)
        (folder / "mlflow.db").write_bytes(b"no database" * 1000)
        run.log_epoch(2, {"valid_loss": 0.4})
        run.log_epoch(3, {"valid_loss": 0.3})
    assert capsys.readouterr().err.count("did not answer") == 1


def test_two_processes_may_make_the_store_at_once(empty_folder: Path) -> None:
    write_dataset_facts(empty_folder)
    code = (
        "import pathlib, sys; from imdb_rnn import config; from imdb_rnn.tracking import live\n"
        "shipped = config.load_params(pathlib.Path(sys.argv[1]))\n"
        "mine = shipped.model_copy(update={'seed': int(sys.argv[2])})\n"
        "live.SECONDS_TO_FINISH = 100\n"  # one waits for the other, which makes the tables
        "with live.training_run(mine) as run: run.log_epoch(1, {'valid_loss': 0.5})"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(PROJECT / "params.yaml"), seed],
            env=os.environ | {"PYTHONPATH": str(PROJECT / "src")},
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert "did not answer" not in errors
        assert process.returncode == 0
    assert len(_runs(empty_folder)) == 2


@pytest.mark.usefixtures("empty_folder")
def test_the_ui_without_runs_says_how_to_get_some() -> None:
    with pytest.raises(UserError, match=r"mlflow\.db: there are no runs yet"):
        serve_ui(5000)


@pytest.mark.usefixtures("folder")
def test_the_ui_on_a_taken_port_says_so() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UserError, match="cannot be used: Address already in use"):
            serve_ui(taken.getsockname()[1])


@pytest.mark.usefixtures("empty_folder")
def test_the_store_may_be_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_uri() == f"sqlite:///{Path.cwd()}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://runs.example.org")
    assert store_uri() == "https://runs.example.org"


def _plant_pickle(artifacts: Path, trap: Trap) -> None:
    """Have the one model that is there say that it was saved as a pickle, and lay it down."""
    (description,) = artifacts.rglob("MLmodel")
    content = yaml.safe_load(description.read_text(encoding="utf-8"))
    loader = content["flavors"]["python_function"]
    del loader["model_code_path"]
    loader["python_model"] = "python_model.pkl"
    description.write_text(yaml.safe_dump(content), encoding="utf-8")
    description.with_name("python_model.pkl").write_bytes(pickle.dumps(trap))


def _let_a_teacher_judge(folder: Path, reviews: int) -> None:
    """Write what `pseudo_label` reports."""
    accuracy = 0.92 if reviews else None
    write_json(
        folder / "reports/pseudo_label.json",
        {"variant": "full", "reviews": reviews, "teacher_valid_accuracy": accuracy},
    )


def _train_one_step_until(end: BaseException) -> None:
    with training_run(PARAMS) as run:
        run.log_step(1, {"loss": 0.7})
        raise end


def _client(folder: Path) -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")


def _runs(folder: Path) -> list[Run]:
    experiment = _client(folder).get_experiment_by_name(EXPERIMENT)
    return list(_client(folder).search_runs([experiment.experiment_id])) if experiment else []


def _curve(folder: Path, run: Run, name: str) -> list[tuple[int, float]]:
    points = _client(folder).get_metric_history(run.info.run_id, name)
    return [(point.step, point.value) for point in points]


def _everything(folder: Path) -> str:
    """All that a reader of the store can see of its runs."""
    client = _client(folder)
    runs = [
        run.to_dictionary()
        | {name: _curve(folder, run, name) for name in run.data.metrics}
        | {"artifacts": [entry.path for entry in client.list_artifacts(run.info.run_id)]}
        for run in _runs(folder)
    ]
    models = client.search_logged_models([runs[0]["info"]["experiment_id"]])
    return json.dumps([runs, [model.model_id for model in models]], default=str, sort_keys=True)


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_classes_of_any_name_are_filed(folder: Path) -> None:
    write_results(folder, PARAMS)
    names = ["good", "", "a//b", "/c/..", "$%", "long" * 100]
    counts = {name: place for place, name in enumerate(names, start=5)}
    facts = {"variant": "own", "splits": {"train": {"reviews_of_class": counts}}}
    write_json(folder / "reports" / "data.json", facts)
    run_id = file_results(PARAMS)
    assert run_id
    metrics = open_store()[0].get_run(run_id).data.metrics
    assert metrics["data/splits/train/reviews_of_class/good"] == 5
    assert set(range(5, 5 + len(names))) <= set(metrics.values())
