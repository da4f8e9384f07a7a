"""Check all of `params.yaml` before any other stage, and write its JSON schema for editors."""

from imdb_rnn.config import SCHEMA_FILE, Params, json_schema
from imdb_rnn.io.atomic import replacing
from imdb_rnn.stages import run_stage


def check(params: Params) -> None:
    """Loading the parameters is most of the check."""
    refuse_missing_device(params)
    with replacing(SCHEMA_FILE) as unfinished:
        unfinished.write_text(json_schema(), encoding="utf-8")


def refuse_missing_device(params: Params) -> None:
    """Say before time is spent that there is nothing to train on.

    Raises:
        UserError: The device that `train.device` names is not there.
    """
    if params.train.device in {"auto", "cpu"}:
        return
    from imdb_rnn.runtime.determinism import resolve_device  # noqa: PLC0415 - PyTorch takes seconds

    resolve_device(params.train.device)


if __name__ == "__main__":
    run_stage(check)
