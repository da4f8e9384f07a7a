"""The project that the tests of the pipeline share."""

import shutil
from pathlib import Path

import pytest

from once import made_once
from pipeline.project import Project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Project:
    """A project whose pipeline has run and whose results are committed."""

    def make(folder: Path) -> None:
        folder.mkdir()
        shutil.copyfile(empty_store, folder / "mlflow.db")
        project = Project.make(folder)
        done = project.dvc("repro")
        assert done.returncode == 0, done.stdout + done.stderr
        project.commit("results")

    return Project(made_once(tmp_path_factory, "finished", make))


@pytest.fixture(scope="module")
def project(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of it, up to date; each test of a module leaves it so."""
    return finished.copied(tmp_path_factory.mktemp("project") / "imdb-rnn")
