"""MLflow's record of the pipeline: one run for one state of parameters, data and code.

`train` opens the run and draws its curves while it works, `report` files everything else into it,
and `imdb-rnn track` does both from the output files where DVC restored them from its cache.
The run is found by its fingerprint, a tag; the outputs know nothing of it, so their hashes stay.

This is the only module that knows MLflow, besides the one that MLflow itself runs to serve.
"""

import csv
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import yaml
from filelock import FileLock

from imdb_rnn.console import console, error_console
from imdb_rnn.errors import InputRefusedError
from imdb_rnn.jsonfile import read_json
from imdb_rnn.lineage import (
    PACKAGE,
    commit_url,
    committed,
    digest_files,
    fingerprint,
    git_commit,
    has_uncommitted_changes,
)
from imdb_rnn.params import PARAMS_FILE, Params

# Set before the import, which is when MLflow reads some of them. The last two keep a server that is
# gone from stalling a training: left alone, MLflow goes on trying for minutes.
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")

import mlflow
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

EXPERIMENT: Final = "imdb-rnn"
FINGERPRINT_TAG: Final = "imdb_rnn.fingerprint"
MODEL_TAG: Final = "imdb_rnn.model_sha256"
DESCRIPTION_TAG: Final = "mlflow.note.content"

DATASET: Final = Path("data/prepared/dataset.json")
REPORTS: Final = Path("reports")
MODEL_FOLDER: Final = Path("models/rnn")

ARTIFACTS: Final = {
    "pipeline": ["params.yaml", "dvc.yaml"],
    "reports": [
        "reports/data.json",
        "reports/train.json",
        "reports/history.csv",
        "reports/baseline.json",
        "reports/evaluate.json",
        "reports/classification_report.txt",
        "reports/report.html",
    ],
    "predictions": ["reports/*predictions.parquet"],
    "figures": ["reports/figures/*.png"],
    "plots": ["reports/plots/*.csv"],
}
"""Folder in the run -> the files, as patterns, that are filed there."""

SERVING_PACKAGES: Final = [
    "numpy",
    "pydantic",
    "pyyaml",
    "rich",
    "safetensors",
    "tokenizers",
    "torch",
]

CHANGES_IN_A_NAME: Final = 3
METRICS_A_BATCH: Final = 1000  # more at once are refused
SECONDS_BETWEEN_FLUSHES: Final = 5.0


def store_uri() -> str:
    """Where runs are kept: MLFLOW_TRACKING_URI, or else `mlflow.db` in the main checkout."""
    return os.environ.get("MLFLOW_TRACKING_URI") or _local_store()


class LiveRun:
    """The run of a training that is under way.

    The first call that MLflow does not answer is reported, and from then on nothing is sent: the
    training is worth more than its record, which `imdb-rnn track` can still file afterwards.
    """

    def __init__(self, params: Params) -> None:
        self._run: _Run | None = None
        self._pending: list[Metric] = []
        self._flushed = time.monotonic()

        def open_run() -> None:
            run = _Run(params, _read_output(DATASET))
            run.describe()
            run.set_status("RUNNING")
            self._run = run

        _answered(open_run)

    def log_step(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add to the curves over gradient steps, `step/NAME`; sent a few seconds' worth at once.

        Args:
            step: Counted from 1 over the whole training.
            metrics: Value of each curve.
        """
        self._pending += _points("step", step, metrics)
        if time.monotonic() - self._flushed >= SECONDS_BETWEEN_FLUSHES:
            self.flush()

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Add to the curves over epochs, `epoch/NAME`, and send all that is pending.

        Args:
            epoch: Counted from 1.
            metrics: Value of each curve.
        """
        self._pending += _points("epoch", epoch, metrics)
        self.flush()

    def flush(self) -> None:
        """Send what is pending."""
        pending, self._pending = self._pending, []
        self._flushed = time.monotonic()
        if self._run and not _answered(partial(self._run.extend_curves, pending)):
            self._run = None

    def close(self, status: str) -> None:
        """Send what is pending and set the run's final status: FINISHED, FAILED or KILLED."""
        self.flush()
        if self._run:
            _answered(partial(self._run.set_status, status))


@contextmanager
def training_run(params: Params) -> Iterator[LiveRun]:
    """Record a training while it goes on; a state that was trained before gets its old run back.

    Steps that an earlier attempt at the same state has logged are not logged again.

    Args:
        params: All of `params.yaml`.
    """
    run = LiveRun(params)
    try:
        yield run
    except (KeyboardInterrupt, SystemExit):
        run.close("KILLED")
        raise
    except BaseException:
        run.close("FAILED")
        raise
    run.close("FINISHED")


def file_results(params: Params) -> bool:
    """File what the output files hold into the run of this state; a second time changes nothing.

    Args:
        params: All of `params.yaml`; the outputs in the working folder must belong to them.

    Returns:
        Whether MLflow took everything; if not, why not has been printed.

    Raises:
        InputRefusedError: There is no trained model, or an output file is damaged.
    """
    dataset = _read_output(DATASET)
    results = {"train": _read_output(REPORTS / "train.json")}
    for name in ("evaluate", "baseline", "data"):
        if (REPORTS / f"{name}.json").exists():
            results[name] = _read_output(REPORTS / f"{name}.json")

    def file() -> None:
        run = _Run(params, dataset)
        run.describe(results.get("evaluate"))
        run.extend_curves(_recorded_epochs())
        run.log_results(_headline_metrics(results))
        run.log_datasets()
        run.log_files()
        run.log_model()
        run.set_status("FINISHED")
        console.print(f"MLflow: run “{run.name}” of experiment {EXPERIMENT} in {store_uri()}")

    return _answered(file)


def serve_ui(port: int) -> None:
    """Show the runs in a browser, until interrupted.

    Args:
        port: On 127.0.0.1.

    Raises:
        InputRefusedError: There is nothing to show yet, or the port is taken.
    """
    uri = store_uri()
    if uri.startswith("http"):
        console.print(f"The runs are kept by the MLflow server at {uri} : open it in a browser.")
        return
    database = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("sqlite:") and not database.exists():
        raise InputRefusedError(f"{database}: there are no runs yet. `dvc repro` makes the first.")
    _refuse_taken_port(port)
    console.print(f"MLflow UI: http://127.0.0.1:{port} (Ctrl-C ends it)")
    server = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    with suppress(KeyboardInterrupt):
        subprocess.run(
            [*server, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"], check=True
        )


class _Run:
    """The run of one state, made if MLflow does not have it. Any method may raise MLflow's errors.

    Args:
        params: All of `params.yaml`.
        dataset: Contents of `data/prepared/dataset.json`.
    """

    def __init__(self, params: Params, dataset: Mapping[str, Any]) -> None:
        self._params = params
        self._facts = dataset
        self._client, experiment = _open_store()
        state = fingerprint(params, dataset)
        found = self._client.search_runs(
            [experiment], f"tags.`{FINGERPRINT_TAG}` = '{state}'", max_results=1
        )
        run = (
            found[0]
            if found
            else self._client.create_run(
                experiment, run_name=_run_name(params), tags={FINGERPRINT_TAG: state}
            )
        )
        self._id: str = run.info.run_id
        self._status: str = run.info.status
        self._metrics: dict[str, float] = run.data.metrics
        self._tags: dict[str, str] = run.data.tags
        self._last_steps = {
            curve: max(point.step for point in self._client.get_metric_history(self._id, curve))
            for curve in self._metrics
            if curve.startswith(("step/", "epoch/"))
        }
        self.name: str = run.info.run_name

    def describe(self, test: Mapping[str, Any] | None = None) -> None:
        """Log parameters and lineage, and a headline once there are test results."""
        edition = self._facts["edition"]
        tags = _lineage() | {"edition": edition}
        if test:
            tags[DESCRIPTION_TAG] = (
                f"Test accuracy **{test['accuracy']:.4f}** "
                f"[{test['accuracy_low']:.4f}, {test['accuracy_high']:.4f}], edition {edition}, "
                f"commit {_link(tags['mlflow.source.git.commit'])}"
            )
        params = _flatten(self._params.model_dump(mode="json"), ".")
        self._client.log_batch(
            self._id,
            params=[Param(name, _as_yaml(value)) for name, value in params.items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )

    def extend_curves(self, points: Iterable[Metric]) -> None:
        """Log the points that lie beyond the curves' ends."""
        new = [point for point in points if point.step > self._last_steps.get(point.key, 0)]
        self._log(new)
        self._last_steps |= {point.key: point.step for point in new}

    def log_results(self, metrics: Mapping[str, float]) -> None:
        """Log single values; MLflow would keep each repetition, so only those that differ."""
        now = int(time.time() * 1000)
        self._log(
            [
                Metric(name, value, now, 0)
                for name, value in metrics.items()
                if self._metrics.get(name) != value
            ]
        )

    def _log(self, points: Sequence[Metric]) -> None:
        for begin in range(0, len(points), METRICS_A_BATCH):
            self._client.log_batch(self._id, metrics=points[begin : begin + METRICS_A_BATCH])

    def log_datasets(self) -> None:
        """Log which reviews the run learned from and was tested on."""
        self._client.log_inputs(
            self._id,
            [
                DatasetInput(self._dataset(split), tags=[InputTag("mlflow.data.context", context)])
                for split, context in {"train": "training", "test": "testing"}.items()
            ],
        )

    def _dataset(self, split: str) -> Dataset:
        reviews = self._facts["splits"][split]
        return Dataset(
            name=f"IMDB {split}, {self._facts['edition']}",
            digest=reviews["sha256"][:16],  # MLflow takes at most 36 characters
            source_type="local",
            source=json.dumps({"sha256": reviews["sha256"]}),
            profile=json.dumps({"reviews": reviews["reviews"]}),
        )

    def log_files(self) -> None:
        """Copy reports, figures and predictions into the run, as far as they exist."""
        for folder, patterns in ARTIFACTS.items():
            for path in sorted(path for pattern in patterns for path in Path().glob(pattern)):
                self._client.log_artifact(self._id, str(path), folder)

    def log_model(self) -> None:
        """Log the servable model, unless the run has this very one."""
        # Without the card: it may be worded anew, which makes no other model.
        files = (path for path in MODEL_FOLDER.iterdir() if path.suffix != ".md")
        digest = digest_files(MODEL_FOLDER, files)
        if self._tags.get(MODEL_TAG) == digest:
            return
        mlflow.set_tracking_uri(store_uri())
        with mlflow.start_run(run_id=self._id):
            mlflow.pyfunc.log_model(
                name="model",
                python_model=str(PACKAGE / "serving" / "pyfunc.py"),
                code_paths=[str(PACKAGE)],
                artifacts={"model": str(MODEL_FOLDER.resolve())},
                input_example=["A film to see again and again."],
                pip_requirements=[_pin(name) for name in ["mlflow", *SERVING_PACKAGES]],
            )
        self._client.set_tag(self._id, MODEL_TAG, digest)
        self._status = "FINISHED"

    def set_status(self, status: str) -> None:
        """Set RUNNING, FINISHED, FAILED or KILLED."""
        if status == self._status:
            return
        if status == "RUNNING":
            self._client.update_run(self._id, status)
        else:
            self._client.set_terminated(self._id, status)
        self._status = status


def _answered(call: Callable[[], None]) -> bool:
    """Make a call to MLflow, the one place where its failures end: as a sentence."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever tracking runs into, the pipeline goes on
        reason = str(error).partition("\n")[0] or type(error).__name__
        error_console.print(
            f"MLflow at {store_uri()} did not answer: {reason:.300}. "
            f"The pipeline goes on; `imdb-rnn track` files the run later.",
            style="yellow",
        )
        return False
    return True


def _open_store() -> tuple[mlflow.MlflowClient, str]:
    """A client and the id of the project's experiment, which is made if need be.

    Processes that make the tables or the experiment at the same time would break each other.
    """
    lock = _main_checkout() / ".cache" / "mlflow.lock"
    lock.parent.mkdir(exist_ok=True)
    with FileLock(lock):
        uri = store_uri()
        client = mlflow.MlflowClient(uri)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment:
            return client, experiment.experiment_id
        folder = (_main_checkout() / "mlartifacts").as_uri()
        location = folder if uri == _local_store() else None
        return client, client.create_experiment(EXPERIMENT, artifact_location=location)


def _local_store() -> str:
    return f"sqlite:///{_main_checkout() / 'mlflow.db'}"


def _main_checkout() -> Path:
    """The project's folder; DVC runs queued experiments in a copy and names the original."""
    return Path(os.environ.get("DVC_ROOT", ".")).resolve()


def _run_name(params: Params) -> str:
    """The experiment, and what sets the parameters apart from the committed ones.

    Without a commit to compare with: the network's shape and the seed.
    """
    experiment = os.environ.get("DVC_EXP_NAME")
    changes = _changes(params)
    if changes:
        told = ", ".join(changes[:CHANGES_IN_A_NAME]) + ", ..." * (len(changes) > CHANGES_IN_A_NAME)
        return f"{experiment}: {told}" if experiment else told
    if experiment:
        return experiment
    if changes is not None:
        return "default"
    model = params.model
    shape = f"{model.cell}-{model.hidden_size}x{model.layers}{'-bi' * model.bidirectional}"
    return f"{shape} seed {params.seed}"


def _changes(params: Params) -> list[str] | None:
    """Parameters that differ from the committed ones; None where there are none to compare with."""
    text = committed(PARAMS_FILE)
    if not text:
        return None
    before = _flatten(yaml.safe_load(text), ".")
    now = _flatten(params.model_dump(mode="json"), ".")
    return [f"{name}={_as_yaml(value)}" for name, value in now.items() if before.get(name) != value]


def _link(commit: str) -> str:
    address = commit_url(commit)
    return f"[{commit[:12]}]({address})" if address else commit[:12]


def _lineage() -> dict[str, str]:
    """Tags that lead from the run back to Git and DVC."""
    tags = {
        "mlflow.source.name": EXPERIMENT,
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": git_commit() or "none",
        "git.dirty": "true" if has_uncommitted_changes() else "false",
    }
    if "DVC_EXP_NAME" in os.environ:
        tags["dvc.experiment"] = os.environ["DVC_EXP_NAME"]
    lock = Path("dvc.lock")
    # Within a stage, DVC has not written that stage's own entry yet.
    if lock.exists() and "DVC_STAGE" not in os.environ:
        tags["dvc.lock_sha256"] = hashlib.sha256(lock.read_bytes()).hexdigest()
    return tags


def _points(axis: str, position: int, metrics: Mapping[str, float]) -> list[Metric]:
    now = int(time.time() * 1000)
    return [Metric(f"{axis}/{name}", value, now, position) for name, value in metrics.items()]


def _recorded_epochs() -> list[Metric]:
    """The curves of `reports/history.csv`, for runs that DVC restored instead of training."""
    with (REPORTS / "history.csv").open(newline="") as file:
        rows = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
    epochs = [int(row.pop("epoch")) for row in rows]
    return [
        point
        for epoch, metrics in zip(epochs, rows, strict=True)
        for point in _points("epoch", epoch, metrics)
    ]


def _headline_metrics(results: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Every number in the metrics files under a name such as `test/accuracy`.

    MLflow groups charts by what stands before the last slash.
    """
    train = results["train"]
    tree = {
        "valid": {k.removeprefix("valid_"): v for k, v in train.items() if k.startswith("valid_")},
        "train": {k: v for k, v in train.items() if not k.startswith("valid_")},
        "test": results.get("evaluate", {}),
        "baseline": results.get("baseline", {}).get("models", {}),
        "data": results.get("data", {}),
    }
    return {
        re.sub(r"[^\w\-. :/]", "_", name): float(value)
        for name, value in _flatten(tree, "/").items()
        if isinstance(value, int | float)
    }


def _flatten(tree: Mapping[str, Any], separator: str) -> dict[str, Any]:
    """Nested keys joined to one: {"a": {"b": 1}} becomes {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            below = _flatten(value, separator)
            flat |= {f"{key}{separator}{name}": leaf for name, leaf in below.items()}
        else:
            flat[key] = value
    return flat


def _as_yaml(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _read_output(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = read_json(path)
    except (OSError, ValueError) as error:
        raise InputRefusedError(f"{path}: {error}. `dvc repro` writes it anew.") from None
    return content


def _pin(package: str) -> str:
    """A requirement such as `torch==2.13.0`, without the build's own suffix (`+cpu`)."""
    return f"{package}=={version(package).partition('+')[0]}"


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise InputRefusedError(
                f"127.0.0.1:{port} cannot be used: {error.strerror}. "
                f"Choose another port: `imdb-rnn ui --port {port + 1}`."
            ) from None
