"""What DVC knows of the project: where it lies, and which code a result came from.

`dvc.yaml` alone says which code matters. Runs, checkpoints, experiments, seeds and comparisons ask
here; whether results are outdated, `verify` asks DVC itself, which reads the same file.
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
EVALUATE: Final = "evaluate"
"""The stage that writes what models are compared by."""


def code_until(stage: str, stages: Mapping[str, Any]) -> dict[str, str | None]:
    """The code that can change what a stage writes: of that stage and of those it depends on.

    Args:
        stage: A stage.
        stages: The `stages` of a `dvc.yaml` or a `dvc.lock`; empty code where it lacks the stage.

    Returns:
        Path of a file or folder -> DVC's digest, which a `dvc.yaml` does not have.
    """
    needed, waiting = set[str](), [stage] if stage in stages else []
    while waiting:
        name = waiting.pop()
        needed.add(name)
        inputs = _paths(stages[name], "deps")
        waiting += [
            other
            for other in stages.keys() - needed
            if any(
                output == path or output in path.parents or path in output.parents
                for output in _paths(stages[other], "outs", "metrics", "plots")
                for path in inputs
            )
        ]
    listed = {
        path.as_posix(): digest
        for name in stages
        if name in needed
        for path, digest in _paths(stages[name], "deps").items()
    }
    return {path: listed[path] for path in sorted(listed) if path.startswith(CODE)}


def _paths(stage: Mapping[str, Any], *kinds: str) -> dict[Path, str | None]:
    """Paths that a stage lists, with their digests where it has them."""
    paths: dict[Path, str | None] = {}
    for entry in (entry for kind in kinds for entry in stage.get(kind, ())):
        if isinstance(entry, str):
            paths[Path(entry)] = None
        elif "path" in entry:  # in dvc.lock
            paths[Path(entry["path"])] = entry.get("md5")
        else:  # with options, in dvc.yaml
            paths[Path(next(iter(entry)))] = None
    return paths


def fingerprint(params: Params, dataset: Mapping[str, Any]) -> str:
    """What identifies a state of the pipeline: SHA-256 over parameters, reviews and code.

    Args:
        params: All of `params.yaml`.
        dataset: Contents of `data/raw/provenance.json`.
    """
    state = {
        "params": params.model_dump(mode="json"),
        "reviews": {name: split["sha256"] for name, split in dataset["splits"].items()},
        "code": code_digest(EVALUATE),
    }
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def code_digest(stage: str) -> str:
    """SHA-256, in hexadecimal, over the code that can change what a stage of this project writes.

    Raises:
        UserError: `dvc.yaml` is missing or damaged.
    """
    listed = code_until(stage, read_mapping(CHECKOUT / PIPELINE)["stages"])
    files = (
        file
        for path in map(CHECKOUT.joinpath, listed)
        for file in (path.rglob("*") if path.is_dir() else [path])
    )
    kept = [file for file in files if file.is_file() and "__pycache__" not in file.parts]
    return digest_files(CHECKOUT, kept)


def recorded_outputs(stages: Mapping[str, Any]) -> dict[str, str]:
    """Path of each output -> DVC's digest, of the `stages` of a `dvc.lock`."""
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}


def file_digest(path: Path) -> str:
    """DVC's digest of a file."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


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
    parts = [part for part in folder.relative_to(copies).parts if part != "standalone"]
    below = tuple(parts[1:])
    # DVC copies the whole repository, where the project may be a folder in it.
    return bool(parts) and (not below or original.parts[-len(below) :] == below)


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


def flatten(tree: Mapping[str, Any], separator: str = ".") -> dict[str, Any]:
    """Nested keys joined to one, as DVC names parameters: {"a": {"b": 1}} becomes {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            below = flatten(value, separator)
            flat |= {f"{key}{separator}{name}": leaf for name, leaf in below.items()}
        else:
            flat[key] = value
    return flat
