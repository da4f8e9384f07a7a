"""What DVC knows of the project: where it lies, and which code a result came from.

`dvc.yaml` alone says which code matters. Runs, checkpoints, experiments, comparisons and
verifications all ask here.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from imdb_rnn.config import Params, read_mapping

MARKS: Final = ("dvc.yaml", "params.yaml")
PACKAGE: Final = Path(__file__).parents[1]
CHECKOUT: Final = PACKAGE.parents[1]
"""Of the project whose code this is."""
PIPELINE: Final = Path("dvc.yaml")
LOCK: Final = Path("dvc.lock")
CODE: Final = "src/"
LAST_JUDGED: Final = "evaluate"
"""The stage that writes what models are compared by."""


def stages_until(stage: str, folder: Path = CHECKOUT) -> list[str]:
    """A stage of `dvc.yaml` and all whose outputs it reads, directly or not, in the file's order.

    Raises:
        UserError: The file is missing or damaged.
    """
    stages = read_mapping(folder / PIPELINE)["stages"]
    needed, waiting = set[str](), [stage]
    while waiting:
        name = waiting.pop()
        needed.add(name)
        inputs = [Path(path) for path in stages[name].get("deps", ())]
        waiting += [
            other
            for other in stages.keys() - needed
            if any(
                output == path or output in path.parents or path in output.parents
                for output in _outputs(stages[other])
                for path in inputs
            )
        ]
    return [name for name in stages if name in needed]


def _outputs(stage: Mapping[str, Any]) -> list[Path]:
    entries = [entry for kind in ("outs", "metrics", "plots") for entry in stage.get(kind, ())]
    return [Path(entry if isinstance(entry, str) else next(iter(entry))) for entry in entries]


def code_until(stage: str, folder: Path = CHECKOUT) -> list[Path]:
    """The code that can change what a stage writes: of that stage and of those before it.

    Args:
        stage: A stage of `dvc.yaml`.
        folder: Of the project.

    Returns:
        Files and folders below `folder`.
    """
    stages = read_mapping(folder / PIPELINE)["stages"]
    names = stages_until(stage, folder)
    listed = {path for name in names for path in stages[name].get("deps", ())}
    return [folder / path for path in sorted(listed) if path.startswith(CODE)]


def recorded_code(lock: Mapping[str, Any], stages: Iterable[str] | None = None) -> dict[str, str]:
    """The code that a `dvc.lock` records.

    Args:
        lock: Its contents.
        stages: Only theirs; None for all.

    Returns:
        Path of a file or folder -> DVC's digest.
    """
    recorded = lock["stages"]
    names = recorded if stages is None else [name for name in stages if name in recorded]
    deps = (dep for name in names for dep in recorded[name].get("deps", ()))
    return {dep["path"]: dep["md5"] for dep in deps if dep["path"].startswith(CODE)}


def fingerprint(params: Params, dataset: Mapping[str, Any]) -> str:
    """What identifies a state of the pipeline: SHA-256 over parameters, reviews and code.

    Args:
        params: All of `params.yaml`.
        dataset: Contents of `data/prepared/dataset.json`.
    """
    state = {
        "params": params.model_dump(mode="json"),
        "reviews": {name: split["sha256"] for name, split in dataset["splits"].items()},
        "code": code_digest(LAST_JUDGED),
    }
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def code_digest(stage: str) -> str:
    """SHA-256, in hexadecimal, over `code_until` a stage of this project."""
    found = (
        file
        for path in code_until(stage)
        for file in (path.rglob("*") if path.is_dir() else [path])
    )
    files = [file for file in found if file.is_file() and "__pycache__" not in file.parts]
    return digest_files(CHECKOUT, files)


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
