"""Which model is in use, and why: MLflow's model registry, and its runs read back.

`imdb-rnn promote` registers a run's model as a version of `imdb-rnn`. The alias `champion` marks
the version in use, and moves on to a model that is better on the same test reviews. The reason for
the move is kept with the version, as tags.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    ErrorCode,
)
from rich.markup import escape
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.comparison import compare
from imdb_rnn.evaluation.comparison_report import verdict
from imdb_rnn.evaluation.evaluated_model import (
    ACCURACY,
    PREDICTIONS,
    EvaluatedModel,
    Recipe,
    require_comparable,
    seed_accuracies,
)
from imdb_rnn.evaluation.predictions import read_predictions
from imdb_rnn.messages import reason
from imdb_rnn.tracking.connection import local_artifacts, open_store, require_runs, shown_store
from imdb_rnn.tracking.run import DESCRIPTION_TAG
from imdb_rnn.tracking.seed_runs import PARENT_TAG

NAME: Final = "imdb-rnn"
ALIAS: Final = "champion"
_FILED_PREDICTIONS: Final = f"predictions/{Path(PREDICTIONS).name}"
_FILED_SEEDS: Final = "reports/seeds.json"


class Promotion(NamedTuple):
    """Whether a model is the champion now, and why."""

    done: bool
    why: str


def promote(run_id: str, *, force: bool) -> Promotion:
    """Register a run's model, and make it the champion if it is better than the present one.

    Better means what `compare` means by it: significantly more of the same test reviews right, by
    the exact McNemar test. The first model is compared with none.

    Args:
        run_id: Of a run with a model and predictions.
        force: Make it the champion anyway, and keep a record of that.

    Raises:
        UserError: There is no such run, it has no model or no predictions, or the two
            models were tested on different reviews.
    """
    with _refusing():
        candidate = results_of_run(run_id)
        client, _ = open_store()
        champion = _champion(client)
        current = champion[1].info.run_id if champion else None
        if current == run_id:
            return Promotion(done=True, why=f"{candidate.name} is the champion already.")
        baseline = results_of_run(current) if current else None
        promoted, tags = _decide(baseline, candidate, force=force)
        version = _registered(client, run_id)
        for name, value in tags.items():
            client.set_model_version_tag(NAME, version.version, name, value)
        if promoted:
            client.set_registered_model_alias(NAME, ALIAS, version.version)
    return Promotion(promoted, tags["verdict"])


def champion_table() -> Table:
    """Which model is the champion and why, for reading.

    Raises:
        UserError: There is none yet.
    """
    require_runs()
    with _refusing():
        client, _ = open_store()
        champion = _champion(client)
    if champion is None:
        raise UserError(
            f"{shown_store()}: there is no champion yet. `imdb-rnn promote` makes the first."
        )
    version, run = champion
    accuracy, low, high = (run.data.metrics.get(f"test/{k}", float("nan")) for k in ACCURACY)
    tags, lineage = version.tags, run.data.tags
    table = Table(box=None, show_header=False, pad_edge=False)
    rows = {
        "champion": f"version {version.version}, run “{run.info.run_name}” ({run.info.run_id})",
        "accuracy": f"{accuracy:.4f} (95 % interval {low:.4f} to {high:.4f}), "
        f"variant {lineage.get('variant')}",
        "commit": lineage.get("mlflow.source.git.commit", "none")
        + (" with uncommitted changes" if lineage.get("git.dirty") == "true" else ""),
        "compared with": tags.get("compared_with", "none"),
        "McNemar p": tags.get("mcnemar_p", "none"),
        "forced": tags.get("forced", "false"),
        "because": tags.get("verdict", "somebody moved the alias in MLflow"),
        "address": f"models:/{NAME}@{ALIAS}" + _cannot_be_loaded(),
    }
    for name, value in rows.items():
        table.add_row(name, escape(value))
    return table


def _cannot_be_loaded() -> str:
    """MLflow takes `%41` in the path of a file for an encoded letter when it loads a model."""
    folder = str(local_artifacts() or "")
    if unquote(folder) == folder:
        return ""
    return f" (which MLflow cannot load: there is a % in {folder})"


def results_of_run(run_id: str) -> EvaluatedModel:
    """One side of a comparison, from what MLflow has filed.

    Args:
        run_id: 32 hexadecimal digits, as the run's page shows them.

    Raises:
        UserError: There is no such run, or it has no usable predictions.
    """
    require_runs()
    with _refusing():
        client, _ = open_store()
        run = client.get_run(run_id)
    name = f"run {run_id[:8]}"
    with TemporaryDirectory() as folder:
        try:
            path = client.download_artifacts(run_id, _FILED_PREDICTIONS, folder)
        except (MlflowException, OSError):
            raise UserError(
                f"run {run_id}: it has no predictions in MLflow; its state {run.info.status} says "
                f"how far it came. `imdb-rnn track` files them, where `dvc repro` has made them."
            ) from None
        predictions = read_predictions(Path(path), f"the predictions of {name}")
        seeds = _filed_seeds(client, run, folder)
    params = {param: _value(text) for param, text in run.data.params.items()}
    return EvaluatedModel(
        name, predictions, run.data.tags.get("variant"), Recipe(params, code=None), seeds
    )


def _filed_seeds(client: MlflowClient, run: Run, folder: str) -> list[float] | None:
    """Accuracy of each seed, where a run of several seeds holds this one; else None.

    Args:
        client: Of the store.
        run: One of the seeds, perhaps.
        folder: To download into.
    """
    parent = run.data.tags.get(PARENT_TAG)
    if parent is None:
        return None
    try:
        path = client.download_artifacts(parent, _FILED_SEEDS, folder)
    except (MlflowException, OSError):  # the parent was deleted, or is somebody else's
        return None
    test = {name: run.data.metrics.get(f"test/{name}") for name in ACCURACY}
    own = json.dumps({"variant": run.data.tags.get("variant")} | test)
    return seed_accuracies(Path(path).read_text(encoding="utf-8"), own)


def _value(text: str) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """A parameter as `params.yaml` has it; MLflow keeps strings, all else as JSON."""
    with suppress(ValueError):
        return json.loads(text)
    return text


def _champion(client: MlflowClient) -> tuple[ModelVersion, Run] | None:
    found = client.search_registered_models(f"name = '{NAME}'")
    version = found[0].aliases.get(ALIAS) if found else None
    if version is None:
        return None
    champion = client.get_model_version(NAME, version)
    run = _existing_run(client, champion.run_id) if champion.run_id else None
    if run is None:
        raise UserError(
            f"models:/{NAME}@{ALIAS}: version {version} belongs to no run, or to one that was "
            f"deleted, so its results are unknown. Delete the alias in `imdb-rnn ui`."
        )
    return champion, run


def _existing_run(client: MlflowClient, run_id: str) -> Run | None:
    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
            raise
        return None


def _decide(
    champion: EvaluatedModel | None, candidate: EvaluatedModel, *, force: bool
) -> tuple[bool, dict[str, str]]:
    """Whether the candidate is the next champion, and the tags that say why."""
    # All of them each time, so that nothing is left of an earlier attempt.
    tags = {
        "verdict": "It is the first champion.",
        "compared_with": "none",
        "mcnemar_p": "none",
        "forced": "false",
    }
    if champion is None:
        return True, tags
    tags["compared_with"] = champion.name
    try:
        require_comparable(champion, candidate)
    except UserError as refusal:
        if not force:
            raise
        return True, tags | {"verdict": f"Not compared: {refusal}", "forced": "true"}
    comparison = compare(champion.predictions, candidate.predictions)
    better = comparison.outcome == "better"
    return better or force, tags | {
        "verdict": verdict(comparison, champion.name, candidate.name),
        "mcnemar_p": f"{comparison.mcnemar_p:.2g}",
        "forced": "true" if force and not better else "false",
    }


def _registered(client: MlflowClient, run_id: str) -> ModelVersion:
    """The version of a run's model, which is registered if need be."""
    known = client.search_model_versions(f"name = '{NAME}' and run_id = '{run_id}'")
    if known:
        return known[0]
    run = client.get_run(run_id)
    models = run.outputs.model_outputs if run.outputs else []
    if not models:
        raise UserError(f"run {run_id}: it has no model in MLflow. `imdb-rnn track` files it.")
    try:
        client.create_registered_model(NAME)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise
    model = client.get_logged_model(models[-1].model_id)
    return client.create_model_version(
        NAME,
        model.artifact_location,
        run_id,
        description=run.data.tags.get(DESCRIPTION_TAG),
        model_id=model.model_id,
    )


@contextmanager
def _refusing() -> Iterator[None]:
    """Where MLflow's complaints become a sentence."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, ImportError) as error:
        raise UserError(
            f"MLflow at {shown_store()}: {reason(error).rstrip('.')}. `imdb-rnn ui` shows what "
            f"there is."
        ) from None
