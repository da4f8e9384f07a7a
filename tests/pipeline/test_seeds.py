"""`imdb-rnn seeds` on the small pipeline."""

import pytest

from pipeline.project import Project, imdb_rnn

pytestmark = pytest.mark.timeout(600)


def test_seeds_are_run_once_and_summarised(project: Project) -> None:
    first = imdb_rnn(project.folder, "seeds", "--n", "2")
    assert first.returncode == 0, first.stdout + first.stderr
    results = project.json("seeds.json")
    assert [run["seed"] for run in results["runs"]] == [1, 2]
    accuracies = [run["accuracy"] for run in results["runs"]]
    assert accuracies[0] == project.json("evaluate.json")["accuracy"]
    assert results["accuracy_mean"] == pytest.approx(sum(accuracies) / 2)
    assert "exp run" in first.stdout
    again = imdb_rnn(project.folder, "seeds", "--n", "2")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "exp run" not in again.stdout
    assert project.json("seeds.json") == results
