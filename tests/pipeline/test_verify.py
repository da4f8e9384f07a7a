"""`imdb-rnn verify` on the small pipeline; test_asked_to_end.py has one that is interrupted."""

from pathlib import Path

import pytest

from pipeline.project import Project, imdb_rnn

pytestmark = pytest.mark.timeout(600)


def test_verify_repeats_every_byte_and_touches_nothing(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)  # where an earlier test has looked
    before = project.files()
    done = imdb_rnn(project.folder, "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "outputs are equal, byte for byte, dvc.lock among them" in done.stdout
    assert project.files() == before
    assert list(tmp_path.glob("imdb-rnn-verify-*")) == []
