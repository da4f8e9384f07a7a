"""The run of one state of the pipeline: its name, parameters, lineage, curves and status."""

import hashlib
import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mlflow.entities import Metric, Param, RunTag

from imdb_rnn.config import PARAMS_FILE, FilesSource, Params
from imdb_rnn.errors import UserError
from imdb_rnn.io.json_file import read_json
from imdb_rnn.io.yaml_file import parse_yaml
from imdb_rnn.messages import without_secrets
from imdb_rnn.repository.dvc import LOCK, dvc_experiment, fingerprint, flatten
from imdb_rnn.repository.git import commit_url, committed, git_commit, has_uncommitted_changes
from imdb_rnn.tracking.connection import (
    EXPERIMENT,
    PROCESS_TAG,
    newest_run,
    open_store,
    this_process,
)

FINGERPRINT_TAG: Final = "imdb_rnn.fingerprint"
EXPERIMENT_TAG: Final = "dvc.experiment"
DESCRIPTION_TAG: Final = "mlflow.note.content"

PROVENANCE: Final = Path("data/raw/provenance.json")
REPORTS: Final = Path("reports")

SOURCES: Final = "download.sources"
CHANGES_IN_A_NAME: Final = 3
METRICS_A_BATCH: Final = 1000  # more at once are refused
LONGEST_METRIC: Final = 250  # as above


def read_output(path: Path) -> dict[str, Any]:
    """Read a JSON object that a stage has written.

    Raises:
        UserError: The file is missing or damaged.
    """
    try:
        content: dict[str, Any] = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {error}. `dvc repro` writes it anew.") from None
    return content


class StateRun:
    """The run of one state, made if MLflow does not have it. Any method may raise MLflow's errors.

    Args:
        params: All of `params.yaml`.
        dataset: Contents of `data/raw/provenance.json`.
    """

    def __init__(self, params: Params, dataset: Mapping[str, Any]) -> None:
        self._params = params
        self.facts = dataset
        self.client, experiment = open_store()
        state = fingerprint(params, dataset)
        run = newest_run(self.client, experiment, FINGERPRINT_TAG, state) or self.client.create_run(
            experiment,
            run_name=_run_name(params),
            tags={FINGERPRINT_TAG: state, PROCESS_TAG: this_process()},
        )
        self.id: str = run.info.run_id
        self.status: str = run.info.status
        self._metrics: dict[str, float] = run.data.metrics
        self.tags: dict[str, str] = run.data.tags
        self._last_steps = {
            curve: max(point.step for point in self.client.get_metric_history(self.id, curve))
            for curve in self._metrics
            if curve.startswith(("step/", "epoch/", "diagnostics/curves/"))
        }
        self.name: str = run.info.run_name

    def describe(self, test: Mapping[str, Any] | None = None, *, finished: bool = False) -> None:
        """Log parameters and lineage, and the test accuracy once there are test results.

        Args:
            test: Contents of `reports/evaluate.json`.
            finished: No stage is under way, so that `dvc.lock` belongs to the results.
        """
        variant = (test or self.facts)["variant"]
        tags = _lineage() | {"variant": variant}
        if finished and LOCK.exists():
            # Not in a stage, whose entry DVC writes once it has ended: `imdb-rnn track` sets it.
            tags["dvc.lock_sha256"] = hashlib.sha256(LOCK.read_bytes()).hexdigest()
        if test:
            tags[DESCRIPTION_TAG] = (
                f"Test accuracy **{test['accuracy']:.4f}** "
                f"[{test['accuracy_low']:.4f}, {test['accuracy_high']:.4f}], variant {variant}, "
                f"commit {_link(tags['mlflow.source.git.commit'])}"
            )
        params = flatten(self._params.model_dump(mode="json"))
        self.client.log_batch(
            self.id,
            params=[
                Param(name, without_secrets(_as_yaml(value))) for name, value in params.items()
            ],
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
        """Log single values."""
        self._log(changed_values(metrics, self._metrics))

    def _log(self, points: Sequence[Metric]) -> None:
        for begin in range(0, len(points), METRICS_A_BATCH):
            self.client.log_batch(self.id, metrics=points[begin : begin + METRICS_A_BATCH])

    def set_status(self, status: str) -> None:
        """Set RUNNING, FINISHED, FAILED or KILLED."""
        if status == self.status:
            return
        if status == "RUNNING":
            self.client.set_tag(self.id, PROCESS_TAG, this_process())
            self.client.update_run(self.id, status)
        else:
            self.client.set_terminated(self.id, status)
        self.status = status


def metric_name(name: str) -> str:
    """The name as MLflow takes one: few signs, no empty part, and not too long."""
    parts = re.sub(r"[^\w\-. :/]", "_", name).split("/")
    return "/".join(part if part.strip(".") else "_" for part in parts)[:LONGEST_METRIC].rstrip(
        "/."
    )


def changed_values(metrics: Mapping[str, float], known: Mapping[str, float]) -> list[Metric]:
    """Single values that differ from those that a run has; MLflow would keep each repetition."""
    now = int(time.time() * 1000)
    return [Metric(k, value, now, 0) for k, value in metrics.items() if known.get(k) != value]


def points_at(axis: str, position: int, metrics: Mapping[str, float]) -> list[Metric]:
    """A point of each curve `AXIS/NAME`.

    Args:
        axis: What the position counts, such as "step" or "epoch".
        position: Of the points.
        metrics: Value of each curve there.
    """
    now = int(time.time() * 1000)
    return [
        Metric(f"{axis}/{name}", float(value), now, position) for name, value in metrics.items()
    ]


def _run_name(params: Params) -> str:
    """The experiment, and what sets the parameters apart from the committed ones.

    Without a commit to compare with: the network's shape and the seed.
    """
    experiment = dvc_experiment()
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
    before = flatten(parse_yaml(text, str(PARAMS_FILE)))
    now = flatten(params.model_dump(mode="json"))
    return [
        without_secrets(f"{name}={_as_yaml(value) if name != SOURCES else _first_place(params)}")
        for name, value in now.items()
        if before.get(name) != value
    ]


def _first_place(params: Params) -> str:
    """What the first source reads, in place of all that is said about it."""
    source = params.download.sources[0]
    if isinstance(source, FilesSource):
        return source.files.train
    return str(next(iter(source.model_dump().values())))


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
    if experiment := dvc_experiment():
        tags[EXPERIMENT_TAG] = experiment
    return tags


def _as_yaml(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
