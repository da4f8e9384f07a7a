"""`imdb-rnn verify` on the small pipeline."""

import signal
import time
from pathlib import Path

import pytest

from pipeline.project import Project, run, start

pytestmark = pytest.mark.timeout(600)


def test_verify_repeats_every_byte_and_touches_nothing(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = project.files()
    done = run(["imdb-rnn", "verify"], project.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "outputs are equal, byte for byte, dvc.lock among them" in done.stdout
    assert project.files() == before
    assert list(tmp_path.glob("imdb-rnn-verify-*")) == []


def test_an_interrupted_verify_cleans_up(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    process = start(["imdb-rnn", "verify"], project.folder)
    while process.poll() is None and not list(tmp_path.glob("*/copy/data/prepared")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode != 0
    assert list(tmp_path.glob("imdb-rnn-verify-*")) == []
