"""Several seeds as one run that holds theirs."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from imdb_rnn.tracking.connection import answered, newest_run, open_store
from imdb_rnn.tracking.run import EXPERIMENT_TAG, FINGERPRINT_TAG, changed_values

SEEDS_TAG: Final = "imdb_rnn.seeds_of"
PARENT_TAG: Final = "mlflow.parentRunId"


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
        parent = newest_run(client, experiment, SEEDS_TAG, state) or client.create_run(
            experiment, tags={SEEDS_TAG: state, "variant": results["variant"]}
        )
        run_id = parent.info.run_id
        children = [newest_run(client, experiment, EXPERIMENT_TAG, name) for name in experiments]
        for child in [own, *(run.info.run_id for run in children if run)]:
            client.set_tag(child, PARENT_TAG, run_id)
        client.update_run(run_id, name=f"{results['n']} seeds")
        metrics = {f"seeds/{k}": float(v) for k, v in results.items() if isinstance(v, int | float)}
        client.log_batch(run_id, metrics=changed_values(metrics, parent.data.metrics))
        for path in files:
            client.log_artifact(run_id, str(path), "reports")
        if parent.info.status != "FINISHED":
            client.set_terminated(run_id)

    return answered(file, later="`imdb-rnn seeds` files the run when it is called again")
