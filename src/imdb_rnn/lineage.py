"""What a result came from: parameters, reviews, code, and the Git commit."""

import hashlib
import json
import os
import re
import subprocess
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


def git_commit() -> str | None:
    """The commit that is checked out; None outside of a repository or before its first commit."""
    return _git("rev-parse", "HEAD") or None


def commit_url(commit: str) -> str | None:
    """Where a browser shows a commit; None where no web address is known for the repository."""
    remote = _git("remote", "get-url", "origin")
    # Without what may stand before the host: it can be a secret.
    found = re.fullmatch(
        r"(?:https://|ssh://|)(?:[^@/]*@)?([\w.-]+\.\w+)[:/](?!\d+/)(.+?)(?:\.git)?", remote
    )
    return f"https://{found[1]}/{found[2]}/commit/{commit}" if found else None


def committed(path: Path) -> str:
    """A file as the commit that is checked out has it; empty where it has none."""
    return _git("show", f"HEAD:./{path.as_posix()}")


def has_uncommitted_changes() -> bool:
    """Whether code, parameters or pipeline differ from the commit; results always may."""
    return bool(_git("status", "--porcelain", "--", "src", "params.yaml", "dvc.yaml"))


def _git(*arguments: str) -> str:
    """What git prints; nothing where it fails or does not exist."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
