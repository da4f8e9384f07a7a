"""Commands that are asked to end, or killed, while DVC runs stages for them."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import mlflow
import psutil
import pytest
import yaml

from pipeline.project import Project, below, kill_all, run, started

pytestmark = [pytest.mark.timeout(600), pytest.mark.fault]

ENDLESS = ["imdb-rnn", "experiment", "endless"]
SECONDS_TO_END = 60


@pytest.fixture
def endless(project: Project) -> Iterator[Project]:
    """A project with an experiment that trains for ever, and without what others have left."""
    file = project.folder / "experiments/endless.yaml"
    file.write_text(yaml.safe_dump({"train": {"epochs": 100_000}}), encoding="utf-8")
    forget_trainings(project)
    yield project
    file.unlink()
    forget_trainings(project)


def forget_trainings(project: Project) -> None:
    for checkpoint in (project.folder / ".cache/train").glob("*"):
        checkpoint.unlink()


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def wait_until(reached: Callable[[], object]) -> None:
    give_up = time.monotonic() + 120
    while not reached():
        assert time.monotonic() < give_up, "it has not come to that"
        time.sleep(0.05)


def training(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes below a command, DVC and what it runs, once the training saves its state."""
    wait_until(
        lambda: (
            process.poll() is not None
            or any("imdb_rnn.stages.train" in _words(each) for each in below(process))
        )
    )
    found = below(process)
    (stage,) = (each for each in found if "imdb_rnn.stages.train" in _words(each))
    root = Path(stage.environ().get("DVC_ROOT", stage.cwd()))
    wait_until(lambda: list((root / ".cache/train").glob("[!.]*.checkpoint")))
    return found


def _words(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


def are_gone(processes: list[psutil.Process]) -> None:
    give_up = time.monotonic() + SECONDS_TO_END
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                assert time.monotonic() < give_up, _words(process)
                time.sleep(0.05)


def is_over(project: Project) -> None:
    """No copy is left, DVC lists no running experiment, MLflow calls the last training killed."""
    assert list((project.folder / ".dvc/tmp/exps/standalone").glob("tmp*")) == []
    assert running(project) == []
    client = mlflow.MlflowClient(f"sqlite:///{project.folder}/mlflow.db")
    (experiment,) = (e for e in client.search_experiments() if e.name == "imdb-rnn")
    (last,) = client.search_runs(
        [experiment.experiment_id], order_by=["start_time DESC"], max_results=1
    )
    assert last.info.status == "KILLED"
    assert list((project.folder / ".cache/train").glob("[!.]*.checkpoint")) != []


def running(project: Project) -> list[str]:
    shown = json.loads(run(["dvc", "exp", "show", "--json"], project.folder).stdout)
    found = [experiment for row in shown for experiment in row["experiments"] or []]
    return [each["name"] for each in found if (each["executor"] or {}).get("state") == "running"]


@contextmanager
def terminal(command: list[str], folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A command in a terminal of its own, and that terminal."""
    ours, theirs = pty.openpty()
    shell = "import os, pty, sys; os.setsid(); os.close(os.open(os.ttyname(1), os.O_RDWR));"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{shell} os.execvp(sys.argv[1], sys.argv[1:])", *command],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        text=True,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
    )
    os.close(theirs)
    threading.Thread(target=_read, args=(ours,), daemon=True).start()
    try:
        yield process, ours
        process.wait(2 * SECONDS_TO_END)
    finally:
        kill_all(process)


def _read(descriptor: int) -> None:
    with suppress(OSError):
        while os.read(descriptor, 4096):
            pass


def press_ctrl_c(keyboard: int) -> None:
    os.write(keyboard, b"\x03")


@pytest.mark.parametrize(("ask", "code"), [(press_ctrl_c, 130), (os.close, 129)])
def test_ctrl_c_or_a_closed_terminal_saves_the_training(
    endless: Project, ask: Callable[[int], None], code: int
) -> None:
    with terminal(ENDLESS, endless.folder) as (process, keyboard):
        at_work = training(process)
        ask(keyboard)
    with suppress(OSError):  # it is closed already
        os.close(keyboard)
    assert process.returncode == code
    are_gone(at_work)
    is_over(endless)


def test_the_training_ends_where_the_experiment_is_killed(endless: Project) -> None:
    with started(ENDLESS, endless.folder) as process:
        at_work = training(process)
        process.kill()
        process.communicate(timeout=2 * SECONDS_TO_END)
    are_gone(at_work)
    is_over(endless)


def test_where_dvc_is_killed_the_training_ends_and_the_next_experiment_clears_up(
    endless: Project,
) -> None:
    with started(ENDLESS, endless.folder) as process:
        dvc, *stages = training(process)
        dvc.kill()
        process.communicate(timeout=2 * SECONDS_TO_END)
        are_gone(stages)
    assert running(endless) == ["endless"]
    (copy,) = (endless.folder / ".dvc/tmp/exps/standalone").glob("tmp*")
    os.utime(copy, (0, 0))
    forget_trainings(endless)
    with started(ENDLESS, endless.folder) as process:
        at_work = training(process)
        assert not copy.exists()
        process.terminate()
        process.communicate(timeout=2 * SECONDS_TO_END)
        are_gone(at_work)
    assert process.returncode == 143
    is_over(endless)


def test_nothing_is_left_of_a_verification(project: Project, temporary: Path) -> None:
    with started(["imdb-rnn", "verify"], project.folder) as process:
        wait_until(lambda: any("imdb_rnn.stages.download" in _words(p) for p in below(process)))
        at_work = below(process)
        assert list(temporary.glob("imdb-rnn-*")) != []
        process.terminate()
        process.communicate(timeout=2 * SECONDS_TO_END)
        are_gone(at_work)
    assert process.returncode == 143
    assert list(temporary.glob("imdb-rnn-*")) == []


def test_a_comparison_leaves_no_folder(project: Project, temporary: Path) -> None:
    with started(["imdb-rnn", "compare", "HEAD", "HEAD"], project.folder) as process:
        wait_until(lambda: any("get" in _words(each) for each in below(process)))
        at_work = below(process)
        assert list(temporary.iterdir()) != []
        process.terminate()
        process.communicate(timeout=2 * SECONDS_TO_END)
        are_gone(at_work)
    assert process.returncode == 143
    assert list(temporary.iterdir()) == []


def test_what_make_runs_ends_with_it(endless: Project) -> None:
    with (
        endless.params({"train": {"epochs": 100_000}}),
        started(["make", "--assume-old", "setup", "run"], endless.folder) as process,
    ):
        at_work = training(process)
        process.terminate()
        process.communicate(timeout=2 * SECONDS_TO_END)
        are_gone(at_work)
    assert process.returncode == -signal.SIGTERM
    is_over(endless)
