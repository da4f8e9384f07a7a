"""Check all of `params.yaml` before any other stage, and write its JSON schema for editors."""

from imdb_rnn.atomic import replacing
from imdb_rnn.params import SCHEMA_FILE, Params, json_schema
from imdb_rnn.stages import run_stage


def check(_: Params) -> None:
    """Loading the parameters is the check."""
    with replacing(SCHEMA_FILE) as unfinished:
        unfinished.write_text(json_schema(), encoding="utf-8")


if __name__ == "__main__":
    run_stage(check)
