"""A full disk or read-only folders at any one output of any stage: a sentence, and
nothing half-written. A stage that is killed while it writes one starts again to the same bytes.

Before it writes an output, the process that runs the stages forks for each fault; the fork goes on
in a copy of the folder and meets the fault. So one run of the pipeline serves for all outputs. A
limit on the size of files stands in for the full disk: it works without being root.
"""

import importlib
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from imdb_rnn.io.atomic import UNFINISHED, replacing, unfinished_name
from imdb_rnn.stages import run_stage
from limits import largest_file, ordinary_user
from stages.small_project import leave_mlflow_out, write_small_project

PROJECT = Path(__file__).parents[2]
STAGES: dict[str, Any] = yaml.safe_load((PROJECT / "dvc.yaml").read_text("utf-8"))["stages"]


def outputs_of(stage: dict[str, Any]) -> list[str]:
    entries = [entry for kind in ("outs", "plots", "metrics") for entry in stage.get(kind, [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


KILLED_AT = Path("reports/figures/roc.png")
"""In the middle of `evaluate`."""
SENTENCE = re.compile(r"(?P<file>\S+): (?P<cause>.+). Fix this and run `dvc repro` again.\n")
OUTPUTS = [Path(output) for stage in STAGES.values() for output in outputs_of(stage)]


@contextmanager
def read_only() -> Iterator[None]:
    """Let nothing be written below the working folder, which is a copy that nobody needs."""
    for folder in [Path(), *(path for path in Path().rglob("*") if path.is_dir())]:
        folder.chmod(0o555)
    with ordinary_user():
        yield


FAULTS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "File too large": lambda: largest_file(0),
    "Permission denied": read_only,
}
"""What may happen, by how the system calls it."""


class Ending(NamedTuple):
    """How a stage ended that met a fault."""

    fault: str
    file: str
    """That was to be written."""
    code: int
    said: str
    left: list[str]
    """Files that were not there before, or have other contents."""


class Trial:
    """Lets each output of a stage be tried by forks that can write nothing more.

    Args:
        scratch: An empty folder.

    It also keeps what a process would leave behind that is killed while it writes `KILLED_AT`.
    """

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._note = scratch / "ending.json"
        self.killed = scratch / "killed"
        self._tried: tuple[str, str] | None = None
        """In a fork: the fault, and what it was to write."""
        self._before: dict[str, bytes] = {}
        self.endings: list[Ending] = []

    @contextmanager
    def replacing(self, path: Path) -> Iterator[Path]:
        for fault, meeting in FAULTS.items():
            if self._tried is None and path.parts[0] != ".cache" and self._fork(fault, path):
                with meeting(), replacing(path) as unfinished:
                    yield unfinished
                os._exit(1)  # nobody noticed
        with replacing(path) as unfinished:
            if path == KILLED_AT and not self.killed.exists():
                unfinished.write_bytes(b"half")
                shutil.copytree(Path(), self.killed)
                unfinished.unlink()
            yield unfinished

    def _fork(self, fault: str, path: Path) -> bool:
        """Whether this is the fork; its parent comes back once the fork has ended."""
        child = os.fork()
        if child == 0:
            copy = self._scratch / str(len(self.endings))
            shutil.copytree(Path(), copy)
            os.chdir(copy)
            self._tried, self._before = (fault, str(path)), files()
            sys.stderr = io.StringIO()
            return True
        _, status = os.waitpid(child, 0)
        assert status == 0, f"{path}: {fault}, and nobody noticed"
        self.endings.append(Ending(*json.loads(self._note.read_text(encoding="utf-8"))))
        return False

    def run(self, name: str) -> None:
        """Run a stage."""
        module = importlib.import_module(f"imdb_rnn.stages.{name}")
        with pytest.raises(SystemExit) as ended:
            run_stage(getattr(module, name))
        if self._tried:
            changed = sorted(path for path, _ in files().items() - self._before.items())
            ending = Ending(*self._tried, ended.value.code, sys.stderr.getvalue(), changed)
            self._note.write_text(json.dumps(ending), encoding="utf-8")
            os._exit(0)
        assert ended.value.code == 0


def files() -> dict[str, bytes]:
    """Contents of what lies in the working folder, whole or not, by path."""
    found = (path for path in Path().rglob("*") if path.is_file() and path.parts[0] != ".cache")
    return {str(path): path.read_bytes() for path in found}


class Tried(NamedTuple):
    """What the trial of all stages came to."""

    endings: list[Ending]
    project: Path
    """Where nothing happened."""
    killed: Path


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """All stages, at each of their outputs."""
    folder = tmp_path_factory.mktemp("project")
    write_small_project(folder)
    trial = Trial(tmp_path_factory.mktemp("scratch"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        leave_mlflow_out(patch)
        for name in STAGES:
            importlib.import_module(f"imdb_rnn.stages.{name}")
        for module in list(sys.modules.values()):
            if getattr(module, "replacing", None) is replacing and module.__name__ != __name__:
                patch.setattr(module, "replacing", trial.replacing)
        for name in STAGES:
            trial.run(name)
    return Tried(trial.endings, folder, trial.killed)


@pytest.mark.fault
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("output", OUTPUTS, ids=str)
def test_an_output_that_cannot_be_written_is_a_sentence(
    tried: Tried, output: Path, fault: str
) -> None:
    endings = [
        ending
        for ending in tried.endings
        if ending.fault == fault and concerns(finished(ending.file), output)
    ]
    assert endings
    for ending in endings:
        assert ending.code == 1
        assert ending.left == []
        said = SENTENCE.fullmatch(ending.said)
        assert said
        assert said["cause"] == fault
        assert concerns(Path(said["file"]), finished(ending.file))


def finished(file: str) -> Path:
    """Where a file comes to lie in the end."""
    names = re.sub(rf"/?\.([^/]*){re.escape(UNFINISHED)}", r"/\1", file)
    return Path(names.removeprefix("/"))


def concerns(file: Path, output: Path) -> bool:
    """Whether a file is the output, or is in it, or is a folder around it."""
    return output in (file, *file.parents) or file in output.parents


@pytest.mark.fault
def test_a_killed_evaluate_starts_again_to_the_same_bytes(
    tried: Tried, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_mlflow_out(monkeypatch)
    monkeypatch.chdir(tried.killed)
    assert not KILLED_AT.exists()
    assert unfinished_name(KILLED_AT).exists()
    with pytest.raises(SystemExit) as ended:
        run_stage(importlib.import_module("imdb_rnn.stages.evaluate").evaluate)
    assert ended.value.code == 0
    again = files()
    monkeypatch.chdir(tried.project)
    expected = files()
    assert again.keys() >= {
        output for output in map(str, outputs_of(STAGES["evaluate"])) if "." in output
    }
    assert again == {path: expected[path] for path in again}
