"""MLflow's record of the pipeline: one run for one state of parameters, data and code.

`train` opens the run and draws its curves while it works, `report` files everything else into it,
and `imdb-rnn track` does both from the output files where DVC restored them from its cache.
The run is found by its fingerprint, a tag; the outputs know nothing of it, so their hashes stay.

This module and `registry` are the only ones that know MLflow, besides the one that MLflow itself
runs to serve.
"""

import csv
import hashlib
import json
import math
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import deque
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
    main_checkout,
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
import psutil
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag

EXPERIMENT: Final = "imdb-rnn"
FINGERPRINT_TAG: Final = "imdb_rnn.fingerprint"
MODEL_TAG: Final = "imdb_rnn.model_sha256"
PROCESS_TAG: Final = "imdb_rnn.process"
EXPERIMENT_TAG: Final = "dvc.experiment"
SEEDS_TAG: Final = "imdb_rnn.seeds_of"
PARENT_TAG: Final = "mlflow.parentRunId"
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
    ],
    "predictions": ["reports/*predictions.parquet"],
    "figures": ["reports/figures/*.png"],
    "plots": ["reports/plots/*.csv"],
}
SHOWN_ARTIFACTS: Final = {
    "reports": ["reports/report.html"],
    "lens": ["reports/lens.json", "reports/lens/*.png"],
    "lens/points": ["reports/plots/lens/*.csv"],
}
"""Made by the stages after `evaluate`."""
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
LENS_CURVES: Final = {
    "gradients": 20,
    "initialization": 20,
    "padding": 20,
    "spectrum": 1000,
    "clipping": 1000,  # a step that was clipped stands alone: every n-th would miss it
    "explosion": 1000,
    "truncation": 1000,
    "recall": 1000,
    "adding": 1000,
    "windows": 1000,
}
"""Figures of the lens whose lines are curves in MLflow too, and the most points of a curve."""
METRICS_A_BATCH: Final = 1000  # more at once are refused
SECONDS_BETWEEN_FLUSHES: Final = 5.0
LATER: Final = "The pipeline goes on; `imdb-rnn track` files the run later"
CLOCK_DRIFT_SECONDS: Final = 2.0
"""By how much the start of a process may seem to move when the clock is corrected."""
SECONDS_TO_FINISH: Final = 15.0
"""How long the end of a training waits for what is still to be sent."""
SECONDS_TO_FILE: Final = 120.0
"""How long the stage `report` waits until the results are filed."""


def store_uri() -> str:
    """Where runs are kept: MLFLOW_TRACKING_URI, or else `mlflow.db` in the main checkout."""
    return os.environ.get("MLFLOW_TRACKING_URI") or _local_store()


class LiveRun:
    """The run of a training that is under way; a thread sends, so that no server slows it down.

    What is logged goes into a journal first. Sent in whole, it is removed. The first call that
    MLflow does not answer is reported, and from then on nothing is sent: the training is worth more
    than its record. What the journal still holds is sent by the next attempt at the same state, or
    by `imdb-rnn track`.
    """

    def __init__(self, params: Params) -> None:
        self._params = params
        self._journal: _Journal | None = None
        self._unsent: deque[Metric] = deque()
        self._status: str | None = None
        self._news = threading.Event()
        self._sender = threading.Thread(
            target=_answered, args=(self._send,), name="mlflow-sender", daemon=True
        )
        _answered(self._begin)

    def _begin(self) -> None:
        dataset = _read_output(DATASET)
        journal = _Journal(fingerprint(self._params, dataset))
        self._unsent.extend(journal.points())  # of an earlier attempt
        journal.open()
        self._journal = journal
        self._dataset = dataset
        self._sender.start()

    def log_step(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add to the curves over gradient steps, `step/NAME`; sent a few seconds' worth at once.

        Args:
            step: Counted from 1 over the whole training.
            metrics: Value of each curve.
        """
        self._log(_points("step", step, metrics))

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Add to the curves over epochs, `epoch/NAME`, and have all that is pending sent.

        Args:
            epoch: Counted from 1.
            metrics: Value of each curve.
        """
        self._log(_points("epoch", epoch, metrics))
        self._news.set()

    def close(self, status: str) -> None:
        """Have the rest sent, and the final status set: FINISHED, FAILED or KILLED.

        Waits some seconds at most.
        """
        self._status = status
        self._news.set()
        if self._sender.is_alive():
            self._sender.join(SECONDS_TO_FINISH)
            if self._sender.is_alive():
                _warn(f"has not taken everything within {SECONDS_TO_FINISH:g} s")
        if self._journal:
            self._journal.close()

    def _log(self, points: Sequence[Metric]) -> None:
        if self._journal and not _answered(partial(self._journal.append, points)):
            self._journal = None
        if self._sender.is_alive():
            self._unsent.extend(points)

    def _send(self) -> None:
        """The sender: opens the run, keeps up with the training, closes the run."""
        run = _Run(self._params, self._dataset)
        run.describe()
        run.set_status("RUNNING")
        status = None
        while status is None:
            self._news.wait(SECONDS_BETWEEN_FLUSHES)
            self._news.clear()
            status = self._status  # before the points: none is logged once it is set
            run.extend_curves([self._unsent.popleft() for _ in range(len(self._unsent))])
        run.set_status(status)
        if self._journal:
            self._journal.remove()


class _Journal:
    """Points of one state's curves that MLflow may not have yet, in a file, a JSON list a line.

    A process that is killed loses none of them.

    Args:
        state: The fingerprint.
    """

    def __init__(self, state: str) -> None:
        self._path = main_checkout() / ".cache" / "curves" / f"{state}.jsonl"

    def points(self) -> list[Metric]:
        """What is in the file; a line that a killed process left unfinished is passed over."""
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [point for line in lines if (point := _parse_point(line))]

    def open(self) -> None:
        """Prepare for adding points behind those that are there."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a", encoding="utf-8")
        self._file.write("\n")  # an unfinished line ends here

    def append(self, points: Iterable[Metric]) -> None:
        """Add points; they are out of this process's hands on return."""
        for point in points:
            entry = [point.key, point.value, point.timestamp, point.step]
            self._file.write(json.dumps(entry) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Add no more."""
        self._file.close()

    def remove(self) -> None:
        """Forget the points, which MLflow has."""
        self._path.unlink(missing_ok=True)


def _parse_point(line: str) -> Metric | None:
    try:
        key, value, timestamp, step = json.loads(line)
        return Metric(str(key), float(value), int(timestamp), int(step))
    except (ValueError, TypeError):
        return None


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


def file_results(params: Params, seconds: float | None = None, *, shown: bool = True) -> str | None:
    """File what the output files hold into the run of this state; a second time changes nothing.

    Args:
        params: All of `params.yaml`; the outputs in the working folder must belong to them.
        seconds: How long to wait for MLflow at most; None waits as long as it answers.
        shown: Whether the stages after `evaluate` have run; else their outputs are of another
            state.

    Returns:
        The run's id; None if MLflow did not take everything, and then why not has been printed.

    Raises:
        InputRefusedError: There is no trained model, or an output file is damaged.
    """
    run_id: str | None = None
    dataset = _read_output(DATASET)
    results = {"train": _read_output(REPORTS / "train.json")}
    for name in ("evaluate", "baseline", "data", *(["lens"] if shown else [])):
        if (REPORTS / f"{name}.json").exists():
            results[name] = _read_output(REPORTS / f"{name}.json")

    def file() -> None:
        nonlocal run_id
        run = _Run(params, dataset)
        run.describe(results.get("evaluate"))
        journal = _Journal(fingerprint(params, dataset))
        lens_curves = _lens_curves() if shown else []
        run.extend_curves([*journal.points(), *_recorded_epochs(), *lens_curves])
        journal.remove()
        run.log_results(_headline_metrics(results))
        run.log_datasets()
        run.log_files(ARTIFACTS)
        if shown:
            run.log_files(SHOWN_ARTIFACTS)
        run.log_model()
        run.set_status("FINISHED")
        console.print(f"MLflow: run “{run.name}” of experiment {EXPERIMENT} in {store_uri()}")
        run_id = run.id

    # In a thread, because nothing else bounds the time that all answers together take.
    filing = threading.Thread(target=_answered, args=(file,), name="mlflow-sender", daemon=True)
    filing.start()
    filing.join(seconds)
    if filing.is_alive():
        _warn(f"has not taken everything within {seconds:g} s")
        return None
    return run_id


def file_seeds(
    own: str, results: Mapping[str, Any], experiments: Iterable[str], files: Iterable[Path]
) -> bool:
    """File several seeds as one run that holds theirs; a second time changes nothing.

    Args:
        own: Id of the run of the working folder's state, one of the seeds.
        results: Contents of `reports/seeds.json`.
        experiments: DVC's names for the other seeds; one whose run is elsewhere is left out.
        files: Kept with the run.

    Returns:
        Whether MLflow took everything; if not, why not has been printed.
    """

    def file() -> None:
        client, experiment = open_store()
        state = client.get_run(own).data.tags[FINGERPRINT_TAG]
        parent = _newest(client, experiment, SEEDS_TAG, state) or client.create_run(
            experiment, tags={SEEDS_TAG: state, "edition": results["edition"]}
        )
        run_id = parent.info.run_id
        children = [_newest(client, experiment, EXPERIMENT_TAG, name) for name in experiments]
        for child in [own, *(run.info.run_id for run in children if run)]:
            client.set_tag(child, PARENT_TAG, run_id)
        client.update_run(run_id, name=f"{results['n']} seeds")
        now = int(time.time() * 1000)
        metrics = {f"seeds/{k}": float(v) for k, v in results.items() if isinstance(v, int | float)}
        client.log_batch(
            run_id,
            metrics=[
                Metric(name, value, now, 0)
                for name, value in metrics.items()
                if parent.data.metrics.get(name) != value
            ],
        )
        for path in files:
            client.log_artifact(run_id, str(path), "reports")
        if parent.info.status != "FINISHED":
            client.set_terminated(run_id)

    return _answered(file, later="`imdb-rnn seeds` files the run when it is called again")


def _newest(client: mlflow.MlflowClient, experiment: str, tag: str, value: str) -> Run | None:
    found = client.search_runs(
        [experiment], f"tags.`{tag}` = '{value}'", max_results=1, order_by=["start_time DESC"]
    )
    return found[0] if found else None


def require_runs() -> None:
    """Refuse to make an empty store just to find nothing in it.

    Raises:
        InputRefusedError: There is no store yet.
    """
    uri = store_uri()
    database = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("sqlite:") and not database.exists():
        raise InputRefusedError(f"{database}: there are no runs yet. `dvc repro` makes the first.")


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
    require_runs()
    _refuse_taken_port(port)
    _answered(open_store)  # so that none is shown as running whose process is gone
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
        self._client, experiment = open_store()
        state = fingerprint(params, dataset)
        run = _newest(self._client, experiment, FINGERPRINT_TAG, state) or self._client.create_run(
            experiment,
            run_name=_run_name(params),
            tags={FINGERPRINT_TAG: state, PROCESS_TAG: _this_process()},
        )
        self.id: str = run.info.run_id
        self._status: str = run.info.status
        self._metrics: dict[str, float] = run.data.metrics
        self._tags: dict[str, str] = run.data.tags
        self._last_steps = {
            curve: max(point.step for point in self._client.get_metric_history(self.id, curve))
            for curve in self._metrics
            if curve.startswith(("step/", "epoch/", "lens/curves/"))
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
            self.id,
            params=[Param(name, _as_yaml(value)) for name, value in params.items()],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )

    def extend_curves(self, points: Iterable[Metric]) -> None:
        """Log the points that lie beyond the curves' ends."""
        new = []
        for point in points:
            if point.step > self._last_steps.get(point.key, -1):
                new.append(point)
                self._last_steps[point.key] = point.step
        self._log(new)

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
            self._client.log_batch(self.id, metrics=points[begin : begin + METRICS_A_BATCH])

    def log_datasets(self) -> None:
        """Log which reviews the run learned from and was tested on."""
        self._client.log_inputs(
            self.id,
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

    def log_files(self, artifacts: Mapping[str, Sequence[str]]) -> None:
        """Copy files into the run, as far as they exist: folder there -> patterns here."""
        for folder, patterns in artifacts.items():
            for path in sorted(path for pattern in patterns for path in Path().glob(pattern)):
                self._client.log_artifact(self.id, str(path), folder)

    def log_model(self) -> None:
        """Log the servable model, unless the run has this very one."""
        # Without the card: it may be worded anew, which makes no other model.
        files = (path for path in MODEL_FOLDER.iterdir() if path.suffix != ".md")
        digest = digest_files(MODEL_FOLDER, files)
        if self._tags.get(MODEL_TAG) == digest:
            return
        mlflow.set_tracking_uri(store_uri())
        with mlflow.start_run(run_id=self.id):
            mlflow.pyfunc.log_model(
                name="model",
                python_model=str(PACKAGE / "serving" / "pyfunc.py"),
                code_paths=[str(PACKAGE)],
                artifacts={"model": str(MODEL_FOLDER.resolve())},
                input_example=["A film to see again and again."],
                pip_requirements=[_pin(name) for name in ["mlflow", *SERVING_PACKAGES]],
            )
        self._client.set_tag(self.id, MODEL_TAG, digest)
        self._status = "FINISHED"

    def set_status(self, status: str) -> None:
        """Set RUNNING, FINISHED, FAILED or KILLED."""
        if status == self._status:
            return
        if status == "RUNNING":
            self._client.set_tag(self.id, PROCESS_TAG, _this_process())
            self._client.update_run(self.id, status)
        else:
            self._client.set_terminated(self.id, status)
        self._status = status


def _answered(call: Callable[[], object], later: str = LATER) -> bool:
    """Make a call to MLflow, the one place where its failures end: as a sentence."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - whatever tracking runs into, the pipeline goes on
        reason = str(error).partition("\n")[0] or type(error).__name__
        _warn(f"did not answer: {reason:.300}", later)
        return False
    return True


def _warn(what: str, later: str = LATER) -> None:
    error_console.print(f"MLflow at {store_uri()} {what}. {later}.", style="yellow")


def open_store() -> tuple[mlflow.MlflowClient, str]:
    """A client and the id of the project's experiment, which is made if need be.

    Processes that make the tables or the experiment at the same time would break each other.
    """
    lock = main_checkout() / ".cache" / "mlflow.lock"
    lock.parent.mkdir(exist_ok=True)
    with FileLock(lock):
        uri = store_uri()
        client = mlflow.MlflowClient(uri)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment:
            _close_abandoned_runs(client, experiment.experiment_id)
            return client, experiment.experiment_id
        folder = (main_checkout() / "mlartifacts").as_uri()
        location = folder if uri == _local_store() else None
        return client, client.create_experiment(EXPERIMENT, artifact_location=location)


def _close_abandoned_runs(client: mlflow.MlflowClient, experiment: str) -> None:
    """Mark runs as KILLED whose process had no chance to do so itself."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        host, _, process = run.data.tags.get(PROCESS_TAG, "").rpartition("/")
        if host == socket.gethostname() and not _is_alive(process):
            client.set_terminated(run.info.run_id, "KILLED")


def _this_process() -> str:
    """Host, number, and start, because numbers are used again."""
    process = psutil.Process()
    return f"{socket.gethostname()}/{process.pid}@{process.create_time():.0f}"


def _is_alive(process: str) -> bool:
    number, _, began = process.partition("@")
    try:
        now = psutil.Process(int(number)).create_time()
    except (psutil.NoSuchProcess, ValueError):
        return False
    return bool(abs(now - float(began)) <= CLOCK_DRIFT_SECONDS)


def _local_store() -> str:
    return f"sqlite:///{main_checkout() / 'mlflow.db'}"


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
        tags[EXPERIMENT_TAG] = os.environ["DVC_EXP_NAME"]
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


def _lens_curves() -> list[Metric]:
    """Points of the lens's figures as `lens/curves/FIGURE NETWORK`.

    A step is a distance in words, a gradient step, an epoch, a delay or a length. Of a band this is
    the median, and of a long curve every n-th point; the files that go with the run hold them all.
    """
    curves = []
    for figure, most in LENS_CURVES.items():
        for row in _thinned(REPORTS / f"plots/lens/{figure}.csv", most):
            (_, step), *values = row.items()
            shown = {
                _metric_name(f"{figure} {name.removesuffix('_median')}"): float(value)
                for name, value in values
                if value and not name.endswith(("_low", "_high"))  # no value: no logarithm
            }
            curves += _points("lens/curves", int(step), shown)
    return curves


def _thinned(path: Path, most: int) -> list[dict[str, str]]:
    """Rows of a table, at most so many; none where there is no table."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return rows[:: math.ceil(len(rows) / most)]


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
        "lens": results.get("lens", {}),
    }
    return {
        _metric_name(name): float(value)
        for name, value in _flatten(tree, "/").items()
        if isinstance(value, int | float)
    }


def _metric_name(name: str) -> str:
    """The name as MLflow takes it."""
    return re.sub(r"[^\w\-. :/]", "_", name)


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
