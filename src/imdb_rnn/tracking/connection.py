"""Where runs are kept, and a client for it that answers within bounds and in sentences."""

import os
import re
import shlex
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import mlflow
import psutil
from filelock import FileLock
from mlflow.entities import Experiment, LifecycleStage, Run

from imdb_rnn.console import error_console
from imdb_rnn.errors import UserError
from imdb_rnn.messages import reason, without_secrets
from imdb_rnn.repository.dvc import main_checkout
from imdb_rnn.tracking.moved import update_artifact_paths

EXPERIMENT: Final = "imdb-rnn"
PROCESS_TAG: Final = "imdb_rnn.process"
LATER: Final = "The pipeline goes on; `imdb-rnn track` files the run later"
AGAIN: Final = "Run this again once that is repaired; doing it twice changes nothing"
CLOCK_DRIFT_SECONDS: Final = 2.0
"""By how much the start of a process may seem to move when the clock is corrected."""

_WITH_USER: Final = re.compile(r"(https?://)([^:@/]*)(?::((?!\d+/).*))?@([^@]*)")


def store_uri() -> str:
    """Where runs are kept: MLFLOW_TRACKING_URI, or else `mlflow.db` in the main checkout.

    User and password of a server's address go into the variables that MLflow has for them, so
    that nothing which prints or keeps the address has them.
    """
    address = os.environ.get("MLFLOW_TRACKING_URI")
    if not address:
        return _sqlite(_database())
    database = address.removeprefix("sqlite:///")
    if database != address and not database.startswith(("/", "..", ":memory:")):
        # DVC's copies of the checkout would each have one of their own, gone when they end.
        return _sqlite(main_checkout() / database)
    if found := _WITH_USER.fullmatch(address):
        scheme, user, password, rest = found.groups()
        os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(user)
        os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(password or "")
        address = os.environ["MLFLOW_TRACKING_URI"] = f"{scheme}{rest}"
    return address


def shown_store() -> str:
    """Where runs are kept, for reading: without a password."""
    return without_secrets(store_uri())


def local_artifacts() -> Path | None:
    """Where the files of runs lie that this checkout keeps itself; None where it does not."""
    return main_checkout() / "mlartifacts" if store_uri() == _sqlite(_database()) else None


def _database() -> Path:
    """The database of a checkout that keeps its runs itself."""
    return main_checkout() / "mlflow.db"


def _sqlite(database: Path) -> str:
    """An address that SQLAlchemy understands, whatever the path.

    It takes `%41` for an encoded letter, and what comes behind `?` for options. Encoded, MLflow
    would make a folder of that name. From here, the path is one without the checkout's own.
    """
    path = str(database)
    return f"sqlite:///{os.path.relpath(path) if '%' in path or '?' in path else path}"


def require_runs() -> None:
    """Refuse to make an empty store just to find nothing in it.

    Raises:
        UserError: There is no store yet.
    """
    uri = store_uri()
    database = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("sqlite:") and not database.exists():
        raise UserError(f"{database}: there are no runs yet. `dvc repro` makes the first.")


def open_store() -> tuple[mlflow.MlflowClient, str]:
    """A client and the id of the project's experiment, which is made if need be.

    Processes that make the tables or the experiment at the same time would break each other.

    Raises:
        UserError: The experiment was deleted, or belongs to a checkout that was copied or
            moved and cannot be changed.
    """
    lock = main_checkout() / ".cache" / "mlflow.lock"
    lock.parent.mkdir(exist_ok=True)
    with FileLock(lock):
        uri, artifacts = store_uri(), local_artifacts()
        # Else MLFLOW_REGISTRY_URI, which may be set for other work, would tear them apart.
        client = mlflow.MlflowClient(uri, registry_uri=uri if artifacts else None)
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            location = artifacts.as_uri() if artifacts else None
            return client, client.create_experiment(EXPERIMENT, artifact_location=location)
        if artifacts:
            update_artifact_paths(_database(), artifacts, experiment.artifact_location)
        _refuse_deleted(experiment)
        _close_abandoned_runs(client, experiment.experiment_id)
        return client, experiment.experiment_id


def _refuse_deleted(experiment: Experiment) -> None:
    if experiment.lifecycle_stage == LifecycleStage.DELETED:
        number = experiment.experiment_id
        here = f"MLFLOW_TRACKING_URI={shlex.quote(store_uri())} " if local_artifacts() else ""
        raise UserError(
            f"MLflow at {shown_store()}: the experiment {EXPERIMENT} was deleted and lies in "
            f"MLflow's trash. `{here}mlflow experiments restore --experiment-id {number}` brings "
            f"it back; `{here}mlflow gc --experiment-ids {number}` deletes it for good, with its "
            f"runs, and the next run makes a new one."
        )


def _close_abandoned_runs(client: mlflow.MlflowClient, experiment: str) -> None:
    """Mark runs as KILLED whose process had no chance to do so itself."""
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        if _is_abandoned(run) and _is_abandoned(client.get_run(run.info.run_id)):
            # Asked twice, because the process may have closed the run and ended in between.
            client.set_terminated(run.info.run_id, "KILLED")


def _is_abandoned(run: Run) -> bool:
    """Whether a run says RUNNING, but the process on this machine that runs it is gone."""
    host, _, process = run.data.tags.get(PROCESS_TAG, "").rpartition("/")
    here = host == socket.gethostname()
    return run.info.status == "RUNNING" and here and not _is_alive(process)


def this_process() -> str:
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


def newest_run(client: mlflow.MlflowClient, experiment: str, tag: str, value: str) -> Run | None:
    """The run that was opened last of those whose tag has the value."""
    found = client.search_runs(
        [experiment], f"tags.`{tag}` = '{value}'", max_results=1, order_by=["start_time DESC"]
    )
    return found[0] if found else None


def answered(call: Callable[[], object], later: str = LATER) -> bool:
    """Make a call to MLflow, the one place where its failures end: as a sentence."""
    try:
        call()
    except UserError as refusal:
        error_console.print(f"{refusal} {later}.", style="yellow")
        return False
    except Exception as error:  # noqa: BLE001 - whatever tracking runs into, the pipeline goes on
        warn(f"did not answer: {reason(error).rstrip('.')}", later)
        return False
    return True


def warn(what: str, later: str = LATER) -> None:
    """Say what MLflow did or did not do, and what will be done about it."""
    error_console.print(f"MLflow at {shown_store()} {what}. {later}.", style="yellow")
