"""The project that the tests of the pipeline share."""

from pathlib import Path

import pytest

from once import made_once
from pipeline.project import Project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose pipeline has run and whose results are committed."""
    return Project(made_once(tmp_path_factory, "finished", _make))


@pytest.fixture(scope="module")
def project(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of it, up to date; each test of a module leaves it so."""
    return finished.copied(tmp_path_factory.mktemp("project") / "imdb-rnn")


def _make(folder: Path) -> None:
    folder.mkdir()
    project = Project.make(folder)
    done = project.dvc("repro")
    assert done.returncode == 0, done.stdout + done.stderr
    project.commit("results")
