"""A copy of the project with a small generated archive, in a Git repository of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any, Self

import psutil
import pytest
import yaml

from archives import write_archive
from imdb_rnn import cli
from imdb_rnn.experiments.named import merged

ROOT = Path(__file__).parents[2]
SECONDS_TO_END = 540
"""More than anything takes, and less than a test is given."""
SMALL: dict[str, Any] = {
    "prepare": {"vocabulary_size": 200, "max_length": 60},
    "ngram_log_odds": {"min_df": 5},
    "model": {"embedding_size": 8, "hidden_size": 8},
    "train": {
        "epochs": 2,
        "min_steps": 0,
        "batch_size": 8,
        "threads": 1,
        "learning_rate": 0.02,
        "device": "cpu",
        "ema_decay": 0.0,  # thirty steps are too few for a running average
    },
    "evaluate": {"resamples": 200},
    "diagnostics": {
        "reviews": 30,
        "measured_reviews": 10,
        "words": 40,
        "hidden_size": 4,
        "epochs": 1,
        "longest_delay": 10,
        "probe_steps": 5,
    },
}


class Project:
    """A copy of the project in a repository of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def make(cls, folder: Path) -> Self:
        """Copy the project, and commit it with the settings of a small run."""
        listed = run(["git", "ls-files", "-co", "--exclude-standard", "-z"], ROOT)
        assert listed.returncode == 0, listed.stderr
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        # Results of the real data would only be in the way.
        (folder / "dvc.lock").unlink(missing_ok=True)
        digests = write_archive(folder / "data/external/aclImdb_v1.tar.gz", 60)
        project = cls(folder)
        project.set_params(merged(SMALL, {"download": {"digests": digests}}))
        run(["git", "init", "-q"], folder)
        project.commit("start")
        run(["git", "branch", "-M", "main"], folder)
        return project

    def copied(self, folder: Path) -> Self:
        """The same in another folder."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return type(self)(folder)

    def commit(self, message: str) -> None:
        for command in (["add", "-A"], ["commit", "-qm", message]):
            run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *command], self.folder)

    def set_params(self, changes: dict[str, Any]) -> None:
        file = self.folder / "params.yaml"
        params = merged(yaml.safe_load(file.read_text(encoding="utf-8")), changes)
        file.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")

    @contextmanager
    def params(self, changes: dict[str, Any]) -> Iterator[None]:
        file = self.folder / "params.yaml"
        before = file.read_bytes()
        self.set_params(changes)
        yield
        file.write_bytes(before)

    def dvc(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run(["dvc", *arguments], self.folder)

    def json(self, name: str) -> Any:
        return json.loads((self.folder / "reports" / name).read_text(encoding="utf-8"))

    def files(self) -> dict[str, bytes]:
        """Contents of everything but caches and Git's own files."""
        hidden = {".git", ".dvc", ".cache", "__pycache__"}
        files = (file for file in self.folder.rglob("*") if file.is_file())
        paths = {str(file.relative_to(self.folder)): file for file in files}
        return {p: f.read_bytes() for p, f in paths.items() if not hidden & {*Path(p).parts}}

    @property
    def lock(self) -> bytes:
        return (self.folder / "dvc.lock").read_bytes()


def run(
    command: list[str], folder: Path, seconds: float = SECONDS_TO_END
) -> subprocess.CompletedProcess[str]:
    """Run a program of this environment to its end."""
    with started(command, folder) as process:
        out, err = process.communicate(timeout=seconds)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A program of this environment that knows nothing of the user's DVC and MLflow.

    What is left of it and of the processes below it at the end of the block is killed.
    """
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("DVC", "MLFLOW", "PYTEST"))},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        kill_all(process)


def below(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """All processes below one, as long as it is there."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children(recursive=True)
    return []


def kill_all(process: subprocess.Popen[str]) -> None:
    """End a process and all below it, so that none sees another die."""
    left = below(process)
    process.kill()
    for each in left:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait(SECONDS_TO_END)


def imdb_rnn(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `imdb-rnn` in this process, which has loaded the libraries already."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME"):
            patch.delenv(name, raising=False)
        patch.setattr("sys.argv", ["imdb-rnn", *arguments])
        patch.chdir(folder)
        with pytest.raises(SystemExit) as left:
            cli.main()
    code = int(left.value.code or 0)
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())
