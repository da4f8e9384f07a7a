"""Whether the results in the working folder belong to its parameters, data and code."""

import json

from imdb_rnn.errors import UserError
from imdb_rnn.experiments.named import ask_dvc, require_pipeline
from imdb_rnn.messages import of_dvc


def refuse_outdated_results(stage: str) -> None:
    """Refuse to file outputs of other parameters or code under the present ones.

    Args:
        stage: The last one whose outputs are used.

    Raises:
        UserError: `dvc repro` would write other outputs, or DVC cannot tell.
    """
    done = ask_dvc("status", "--json", "--with-deps", stage)
    if done.returncode != 0:
        require_pipeline()
        raise UserError(
            "DVC cannot tell whether the results belong to the parameters, data and code as they "
            f"are now: {of_dvc(done.stderr)}. `dvc status` says more."
        )
    if json.loads(done.stdout):
        raise UserError(
            "The results do not belong to the parameters, data and code as they are now. "
            "`dvc status` says what changed, `dvc repro` brings them up to date."
        )
