"""What a result came from: parameters, reviews and code."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from imdb_rnn.config import Params

MARKS: Final = ("dvc.yaml", "params.yaml")
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
    """The project's folder; DVC runs queued experiments in a copy and names the original.

    Started within a stage of another project, DVC_ROOT names that one.
    """
    here, original = Path.cwd(), Path(os.environ.get("DVC_ROOT", ".")).resolve()
    return original if _is_experiment_of(original, here) else here


def _is_experiment_of(original: Path, folder: Path) -> bool:
    """Whether DVC has made the folder to run an experiment of the original in it."""
    copies = (original / ".dvc/tmp/exps").resolve()
    if not folder.is_relative_to(copies):
        return False
    _, *below = (part for part in folder.relative_to(copies).parts if part != "standalone")
    # DVC copies the whole repository, where the project may be a folder in it.
    return not below or original.parts[-len(below) :] == tuple(below)


def dvc_experiment() -> str | None:
    """The name of the DVC experiment that is under way here, if there is one."""
    root = os.environ.get("DVC_ROOT")
    if root and Path(root).resolve() != main_checkout():
        return None  # of another project, in a stage of which this one was started
    return os.environ.get("DVC_EXP_NAME")


def project_root(folder: Path) -> Path | None:
    """The nearest folder upwards that holds a project; None where there is none.

    Args:
        folder: Where to begin, an absolute path.
    """
    folders = (folder, *folder.parents)
    return next((f for f in folders if all((f / mark).is_file() for mark in MARKS)), None)
