"""Who is the champion and why, on a real SQLite store."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import mlflow
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow.entities import LoggedModelOutput, Metric
from rich.console import Console

from imdb_rnn.errors import UserError
from imdb_rnn.experiments.revisions import changes
from imdb_rnn.io.json_file import write_json
from imdb_rnn.tracking.registry import ALIAS, NAME, champion_table, promote, results_of_run
from imdb_rnn.tracking.run import EXPERIMENT_TAG, FINGERPRINT_TAG
from imdb_rnn.tracking.seed_runs import PARENT_TAG, file_seeds

IDS = [f"test/{i}" for i in range(60)]
LABELS = [0, 1] * 30

FileRun = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(empty_store.read_bytes())
    return tmp_path


def client() -> mlflow.MlflowClient:
    return mlflow.MlflowClient(f"sqlite:///{Path.cwd()}/mlflow.db")


@pytest.fixture
def file_run(folder: Path) -> FileRun:
    """Files a run whose model gets the first `wrong` reviews wrong."""
    experiment = client().create_experiment("imdb-rnn", (folder / "mlartifacts").as_uri())

    def file(wrong: int, *, variant: str = "full", ids: list[str] = IDS, model: bool = True) -> str:
        tags = {"variant": variant, "mlflow.source.git.commit": "c0ffee", "git.dirty": "false"}
        run = client().create_run(experiment, run_name=f"{wrong} wrong", tags=tags).info.run_id
        client().log_param(run, "train.epochs", wrong)
        accuracy = 1 - wrong / len(ids)
        numbers = {"": accuracy, "_low": accuracy - 0.1, "_high": accuracy + 0.1}
        client().log_batch(
            run, [Metric(f"test/accuracy{end}", value, 0, 0) for end, value in numbers.items()]
        )
        sure = [0.9 if label else 0.2 for label in LABELS[: len(ids)]]
        probability = [1 - p if i < wrong else p for i, p in enumerate(sure)]
        table = {"id": ids, "label": pa.array(LABELS[: len(ids)], pa.int8())}
        pq.write_table(pa.table(table | {"probability": probability}), "predictions.parquet")
        client().log_artifact(run, "predictions.parquet", "predictions")
        if model:
            logged = client().create_logged_model(experiment, "model", source_run_id=run)
            client().log_outputs(run, [LoggedModelOutput(logged.model_id, 0)])
        return run

    return file


def champion() -> str:
    return str(client().get_model_version_by_alias(NAME, ALIAS).run_id)


def shown() -> str:
    console = Console(width=300, record=True, file=StringIO())
    console.print(champion_table())
    return console.export_text()


def test_the_first_model_becomes_the_champion(file_run: FileRun) -> None:
    run = file_run(10)
    assert promote(run, force=False).done
    assert champion() == run
    said = shown()
    assert f"version 1, run “10 wrong” ({run})" in said
    assert "0.8333 (95 % interval 0.7333 to 0.9333), variant full" in said
    assert "c0ffee" in said
    assert "the first champion" in said


def test_a_better_model_takes_over_and_says_why(file_run: FileRun) -> None:
    first, second = file_run(20), file_run(2)
    promote(first, force=False)
    promotion = promote(second, force=False)
    assert promotion.done
    assert f"run {second[:8]} is better than run {first[:8]}: +30.00 points" in promotion.why
    assert champion() == second
    lines = {line.split("  ")[0]: line for line in shown().splitlines()}
    assert f"run {first[:8]}" in lines["compared with"]
    assert "7.6e-06" in lines["McNemar p"]
    assert "false" in lines["forced"]
    assert "+30.00 points" in lines["because"]


@pytest.mark.parametrize("wrong", [18, 20, 40])
def test_a_model_that_is_not_better_is_registered_and_stays_behind(
    file_run: FileRun, wrong: int
) -> None:
    first, second = file_run(20), file_run(wrong)
    promote(first, force=False)
    promotion = promote(second, force=False)
    assert not promotion.done
    assert champion() == first
    assert {version.run_id for version in client().search_model_versions(f"name = '{NAME}'")} == {
        first,
        second,
    }


def test_force_moves_the_alias_and_goes_on_record(file_run: FileRun) -> None:
    first, second = file_run(2), file_run(20)
    promote(first, force=False)
    assert not promote(second, force=False).done
    assert promote(second, force=True).done
    assert champion() == second
    assert "forced" in shown()
    assert client().get_model_version_by_alias(NAME, ALIAS).tags["forced"] == "true"
    assert "worse" in shown()
    # The way back is a victory, and nothing of the forced promotion is left on it.
    assert promote(first, force=True).done
    assert client().get_model_version_by_alias(NAME, ALIAS).tags["forced"] == "false"
    assert len(client().search_model_versions(f"name = '{NAME}'")) == 2


def test_other_reviews_are_refused_before_anything_is_registered(file_run: FileRun) -> None:
    promote(file_run(20), force=False)
    for other in (file_run(0, variant="train-only"), file_run(0, ids=IDS[:40])):
        with pytest.raises(UserError, match=r"variants full and train-only|not the same"):
            promote(other, force=False)
    assert len(client().search_model_versions(f"name = '{NAME}'")) == 1
    assert promote(other, force=True).done
    assert "Not compared: " in shown()


def test_the_champion_itself_changes_nothing(file_run: FileRun) -> None:
    run = file_run(3)
    promote(run, force=False)
    before = client().get_model_version_by_alias(NAME, ALIAS).to_proto()
    assert "already" in promote(run, force=True).why
    assert client().get_model_version_by_alias(NAME, ALIAS).to_proto() == before


def test_a_run_without_a_model_or_predictions_is_refused(file_run: FileRun) -> None:
    run = file_run(3, model=False)
    with pytest.raises(UserError, match=r"no model in MLflow.*imdb-rnn track"):
        promote(run, force=False)
    bare = client().create_run("1").info.run_id
    with pytest.raises(UserError, match=r"no predictions in MLflow.*imdb-rnn track"):
        promote(bare, force=False)


@pytest.mark.usefixtures("folder")
def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(UserError, match=r"0{32}.*imdb-rnn ui"):
        promote("0" * 32, force=False)
    with pytest.raises(UserError, match=r"no champion yet.*imdb-rnn promote"):
        champion_table()
    Path("mlflow.db").unlink()
    with pytest.raises(UserError, match=r"no runs yet.*dvc repro"):
        champion_table()
    assert not Path("mlflow.db").exists()


def test_the_results_of_a_run_are_one_side_of_a_comparison(file_run: FileRun) -> None:
    first, second = results_of_run(file_run(3)), results_of_run(file_run(5))
    assert first.predictions.ids == IDS
    assert first.variant == "full"
    changed = changes(first, second)
    assert changed is not None
    assert changed.params == {"train.epochs": (3, 5)}
    assert changed.code is None
    assert json.dumps(changed)


def test_a_run_has_the_accuracies_of_all_seeds_from_the_run_that_holds_them(
    file_run: FileRun,
) -> None:
    ours, theirs = file_run(3), file_run(5)
    client().set_tag(ours, FINGERPRINT_TAG, "ours")
    client().set_tag(theirs, EXPERIMENT_TAG, "seed-2")
    seeds = [{"seed": seed, "accuracy": 1 - wrong / 60} for seed, wrong in ((1, 3), (2, 5))]
    results = {"variant": "full", "n": 2, "runs": seeds}
    write_json(Path("seeds.json"), results)
    assert file_seeds(ours, results, ["seed-2"], [Path("seeds.json")])
    expected = [run["accuracy"] for run in seeds]
    assert results_of_run(ours).seeds == results_of_run(theirs).seeds == expected
    alone = file_run(7)
    assert results_of_run(alone).seeds is None
    client().set_tag(alone, PARENT_TAG, "0" * 32)
    assert results_of_run(alone).seeds is None, "what holds it is not there"
