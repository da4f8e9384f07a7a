"""What a result came from: parameters, reviews and code."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from imdb_rnn.params import Params

PACKAGE: Final = Path(__file__).parent


def fingerprint(params: Params, dataset: Mapping[str, Any]) -> str:
    """What identifies a state of the pipeline: SHA-256 over parameters, reviews and code.

    Args:
        params: All of `params.yaml`.
        dataset: Contents of `data/prepared/dataset.json`.
    """
    state = {
        "params": params.model_dump(mode="json"),
        "reviews": {name: split["sha256"] for name, split in dataset["splits"].items()},
        "code": digest_files(PACKAGE, PACKAGE.rglob("*.py")),
    }
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def digest_files(folder: Path, files: Iterable[Path]) -> str:
    """SHA-256, in hexadecimal, over the files' contents and their names below the folder."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def main_checkout() -> Path:
    """The project's folder; DVC runs queued experiments in a copy and names the original."""
    return Path(os.environ.get("DVC_ROOT", ".")).resolve()
