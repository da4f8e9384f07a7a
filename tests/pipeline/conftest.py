"""The project that the tests of the pipeline share."""

import pytest

from pipeline.project import Project


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Up to date; each test leaves it so."""
    project = Project.make(tmp_path_factory.mktemp("project"))
    done = project.dvc("repro")
    assert done.returncode == 0, done.stdout + done.stderr
    return project
