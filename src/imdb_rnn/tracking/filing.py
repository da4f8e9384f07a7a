"""Results of the pipeline, filed into the run of its state."""

import json
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import mlflow
import pyarrow.csv
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from imdb_rnn.config import PARAMS_FILE, Params
from imdb_rnn.console import console
from imdb_rnn.data.classes import class_columns
from imdb_rnn.data.reviews import is_imdb
from imdb_rnn.messages import without_secrets
from imdb_rnn.repository.dvc import PACKAGE, digest_files, fingerprint, flatten
from imdb_rnn.tracking.connection import (
    AGAIN,
    EXPERIMENT,
    LATER,
    answered,
    shown_store,
    store_uri,
    warn,
)
from imdb_rnn.tracking.diagnostics_curves import diagnostics_curves
from imdb_rnn.tracking.live import Journal
from imdb_rnn.tracking.run import (
    PROVENANCE,
    REPORTS,
    StateRun,
    metric_name,
    points_at,
    read_output,
)

MODEL_FOLDER: Final = Path("models/rnn")
MODEL_TAG: Final = "imdb_rnn.model_sha256"
SECONDS_TO_FILE: Final = 120.0
"""How long each of the stages `evaluate` and `report` waits until its results are filed."""

ARTIFACTS: Final = {
    "pipeline": ["params.yaml", "dvc.yaml"],
    "reports": [
        "reports/data.json",
        "reports/train.json",
        "reports/history.csv",
        "reports/baseline.json",
        "reports/pseudo_label.json",
        "reports/evaluate.json",
        "reports/metrics.json",
        "reports/classification_report.txt",
    ],
    "predictions": ["reports/*predictions.parquet"],
    "figures": ["reports/figures/*.png"],
    "plots": ["reports/plots/*.csv"],
}
"""Folder in the run -> the files, as patterns, that are filed there."""
REPORT_ARTIFACTS: Final = {
    "reports": ["reports/report.html"],
    "diagnostics": ["reports/diagnostics.json", "reports/diagnostics/*.png"],
    "diagnostics/points": ["reports/plots/diagnostics/*.csv"],
}
"""The same of the stages `diagnostics` and `report`."""

SERVING_PACKAGES: Final = [
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "pyyaml",
    "rich",
    "safetensors",
    "threadpoolctl",
    "tokenizers",
    "torch",
]


def file_results(
    params: Params, seconds: float | None = None, *, with_report: bool = False
) -> str | None:
    """File what the output files hold into the run of this state; a second time changes nothing.

    Args:
        params: All of `params.yaml`; the outputs in the working folder must belong to them.
        seconds: How long a stage waits for MLflow at most, before the pipeline goes on. None, for
            a command: as long as it answers; and `dvc.lock` belongs to the results.
        with_report: Also what `diagnostics` and `report` have written. Before these have run,
            their files may be of another state.

    Returns:
        The run's id; None if MLflow did not take everything, and then why not has been printed.

    Raises:
        UserError: There is no trained model, or an output file is damaged.
    """
    run_id: str | None = None
    dataset = read_output(PROVENANCE)
    results = {"train": read_output(REPORTS / "train.json")}
    names = ["evaluate", "baseline", "data", "pseudo_label"] + ["diagnostics"] * with_report
    for name in names:
        if (REPORTS / f"{name}.json").exists():
            results[name] = read_output(REPORTS / f"{name}.json")

    def file() -> None:
        nonlocal run_id
        run = StateRun(params, dataset)
        run.describe(results.get("evaluate"), finished=seconds is None)
        journal = Journal(fingerprint(params, dataset))
        run.extend_curves([*journal.points(), *_recorded_epochs()])
        journal.remove()
        run.log_results(_numbers(_metrics(results)))
        pseudo_labelled = results.get("pseudo_label", {}).get("reviews", 0) > 0
        _log_datasets(run, params, pseudo_labelled=pseudo_labelled)
        _log_files(run, ARTIFACTS)
        if with_report:
            run.extend_curves(diagnostics_curves())
            _log_files(run, REPORT_ARTIFACTS)
        _log_model(run)
        run.set_status("FINISHED")
        console.print(
            f"MLflow: run “{run.name}” of experiment {EXPERIMENT} in {shown_store()}", markup=False
        )
        run_id = run.id

    # In a thread, because nothing else bounds the time that all answers together take.
    later_on = AGAIN if seconds is None else LATER
    filing = threading.Thread(
        target=answered, args=(file, later_on), name="mlflow-sender", daemon=True
    )
    filing.start()
    filing.join(seconds)
    if filing.is_alive():
        warn(f"has not taken everything within {seconds:g} s")
        return None
    return run_id


def _recorded_epochs() -> list[Metric]:
    """The curves of `reports/history.csv`, for runs that DVC restored instead of training."""
    rows = pyarrow.csv.read_csv(REPORTS / "history.csv").to_pylist()
    return [point for row in rows for point in points_at("epoch", row.pop("epoch"), row)]


def _metrics(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The metrics files, nested so that names such as `test/accuracy` come of them.

    MLflow groups charts by what stands before the last slash.
    """
    train = results["train"]
    return {
        "valid": {k.removeprefix("valid_"): v for k, v in train.items() if k.startswith("valid_")},
        "train": {k: v for k, v in train.items() if not k.startswith("valid_")},
        "test": results.get("evaluate", {}),
        "baseline": results.get("baseline", {}).get("models", {}),
        "data": results.get("data", {}),
        "pseudo_label": results.get("pseudo_label", {}),
        "diagnostics": results.get("diagnostics", {}),
    }


def _numbers(tree: Mapping[str, Any]) -> dict[str, float]:
    """Every number under the names that lead to it."""
    return {
        metric_name(name): float(value)
        for name, value in flatten(tree, "/").items()
        if isinstance(value, int | float)
    }


def _log_datasets(run: StateRun, params: Params, *, pseudo_labelled: bool) -> None:
    """Log which reviews the run learned from and was tested on.

    Args:
        run: Of the state.
        params: Of the state.
        pseudo_labelled: Whether it learned from the unlabelled ones, with a teacher's labels.
    """
    contexts = {"train": "training", "test": "testing"}
    uses_of_unlabelled = {
        "pseudo-labelled training": pseudo_labelled,
        "word vectors": params.word_vectors.window > 0,
        "vocabulary": params.prepare.vocabulary_from == "train+unsup",
    }
    uses = ", ".join(use for use, made in uses_of_unlabelled.items() if made)
    if uses and run.facts["splits"]["unsup"]["reviews"]:
        contexts["unsup"] = uses
    run.client.log_inputs(
        run.id,
        [
            DatasetInput(
                _dataset(run.facts, split), tags=[InputTag("mlflow.data.context", context)]
            )
            for split, context in contexts.items()
        ],
    )


def _dataset(facts: Mapping[str, Any], split: str) -> Dataset:
    reviews = facts["splits"][split]
    return Dataset(
        name=f"{'IMDB ' * is_imdb(facts['variant'])}{split}, {facts['variant']}",
        digest=reviews["sha256"][:16],  # MLflow takes at most 36 characters
        source_type="local",
        source=json.dumps({"sha256": reviews["sha256"]}),
        profile=json.dumps({"reviews": reviews["reviews"]}),
    )


def _log_files(run: StateRun, artifacts: Mapping[str, Sequence[str]]) -> None:
    """Copy files into the run, as far as they exist."""
    for folder, patterns in artifacts.items():
        for path in sorted(path for pattern in patterns for path in Path().glob(pattern)):
            _log_file(run, path, folder)


def _log_file(run: StateRun, path: Path, folder: str) -> None:
    if path == PARAMS_FILE:  # the address of a source may hold a password
        text = path.read_text(encoding="utf-8")
        run.client.log_text(run.id, without_secrets(text), f"{folder}/{path.name}")
    else:
        run.client.log_artifact(run.id, str(path), folder)


def _log_model(run: StateRun) -> None:
    """Log the servable model, unless the run has this very one."""
    # Without the card: it may be worded anew, which makes no other model.
    files = (path for path in MODEL_FOLDER.iterdir() if path.is_file() and path.suffix != ".md")
    digest = digest_files(MODEL_FOLDER, files)
    if run.tags.get(MODEL_TAG) == digest:
        return
    mlflow.set_tracking_uri(store_uri())
    # `start_run` says so too, but would leave the training's process as the one that runs it; that
    # one is gone, and another process would mark the run KILLED.
    run.set_status("RUNNING")
    with mlflow.start_run(run_id=run.id):
        mlflow.pyfunc.log_model(
            name="model",
            python_model=str(PACKAGE / "serving" / "pyfunc.py"),
            code_paths=[str(PACKAGE)],
            artifacts={"model": MODEL_FOLDER.resolve().as_uri()},
            signature=model_signature(read_output(MODEL_FOLDER / "config.json")["classes"]),
            input_example=["A film to see again and again."],
            pip_requirements=[_pin(name) for name in ["mlflow", *SERVING_PACKAGES]],
        )
    run.client.set_tag(run.id, MODEL_TAG, digest)
    run.status = "FINISHED"


def model_signature(classes: Sequence[str]) -> ModelSignature:
    """What the model takes and answers; see `serving/pyfunc.py`."""
    numbers = ["probability", *class_columns(classes)]
    return ModelSignature(
        Schema([ColSpec("string")]),
        Schema(
            [
                ColSpec("string", "label", required=False),
                *(ColSpec("double", name, required=False) for name in numbers),
            ]
        ),
        ParamSchema([ParamSpec("errors", DataType.string, "null")]),
    )


def _pin(package: str) -> str:
    """A requirement such as `torch==2.13.0`, without the build's own suffix (`+cpu`)."""
    return f"{package}=={version(package).partition('+')[0]}"
