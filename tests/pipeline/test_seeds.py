"""`imdb-rnn seeds` on the small pipeline."""

import subprocess

import pytest

from pipeline.project import Project, run

pytestmark = pytest.mark.timeout(600)


def test_seeds_are_run_once_and_summarised(project: Project) -> None:
    def seeds() -> subprocess.CompletedProcess[str]:
        return run(["imdb-rnn", "seeds", "--n", "2"], project.folder)

    first = seeds()
    assert first.returncode == 0, first.stdout + first.stderr
    results = project.json("seeds.json")
    assert [run["seed"] for run in results["runs"]] == [1, 2]
    accuracies = [run["accuracy"] for run in results["runs"]]
    assert accuracies[0] == project.json("evaluate.json")["accuracy"]
    assert results["accuracy_mean"] == pytest.approx(sum(accuracies) / 2)
    assert "exp run" in first.stdout
    again = seeds()
    assert "exp run" not in again.stdout
    assert project.json("seeds.json") == results
