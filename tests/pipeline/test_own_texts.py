"""A file of three classes through the shipped dvc.yaml, by the commands of docs/own-texts.md."""

import csv
import json
import random
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pytest
import yaml

from imdb_rnn.config import load_params
from imdb_rnn.data.reviews import read_reviews
from pipeline.project import ROOT, Project, imdb_rnn, run

pytestmark = pytest.mark.timeout(600)
PAGE = (ROOT / "docs/own-texts.md").read_text(encoding="utf-8")
MOODS = {
    "bad": ["awful", "broken", "late", "torn", "rude"],
    "so-so": ["usual", "plain", "fair", "normal", "average"],
    "good": ["great", "quick", "lovely", "perfect", "kind"],
}
FILE = "data/external/mine.csv"


def write_texts(path: Path, rows: int, seed: int) -> None:
    """Short texts in which a word tells the class."""
    drawn = random.Random(seed)  # noqa: S311 - test data, not a secret
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["body", "mood", "buyer"])
        for number in range(rows):
            mood = drawn.choice(sorted(MOODS))
            telling, day = drawn.choice(MOODS[mood]), drawn.choice(["Monday", "Friday", "Sunday"])
            text = f"The parcel was {telling}, it came on {day} in box {number}."
            table.writerow([text, mood, f"buyer {number % 60}"])


def shown_parameters() -> list[dict[str, Any]]:
    """The blocks of YAML of the page."""
    found = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [yaml.safe_load(block) for block in found]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Project:
    """A project whose pipeline has run on a file of its own."""
    folder = tmp_path_factory.mktemp("own") / "imdb-rnn"
    folder.mkdir()
    shutil.copyfile(empty_store, folder / "mlflow.db")
    project = Project.make(folder)
    write_texts(folder / FILE, 480, seed=1)
    for block in shown_parameters():
        project.set_params(block)
    done = project.dvc("repro")
    assert done.returncode == 0, done.stdout + done.stderr
    project.commit("own texts")
    return project


def test_three_classes_are_learned_and_named_everywhere(own: Project) -> None:
    results = own.json("evaluate.json")
    assert results["classes"] == sorted(MOODS)
    assert results["accuracy"] > 0.9
    assert all(found["accuracy"] > 0.9 for found in results["baselines"].values())
    for file in ("report.html", "classification_report.txt", "plots/confusion.csv"):
        text = (own.folder / "reports" / file).read_text(encoding="utf-8")
        assert all(mood in text for mood in MOODS), file
    assert all(mood in (own.folder / "models/rnn/README.md").read_text("utf-8") for mood in MOODS)


def test_a_group_stands_on_one_side_and_the_share_is_the_one_asked_for(own: Project) -> None:
    train, test = (read_reviews(own.folder / f"data/raw/{split}.parquet") for split in SPLITS)
    assert len(train) + len(test) == 480
    assert len(test) == pytest.approx(96, abs=16)
    assert not set(train["movie"].to_pylist()) & set(test["movie"].to_pylist())


SPLITS = ("train", "test")


def test_each_answer_has_the_probabilities_of_all_classes(own: Project) -> None:
    done = imdb_rnn(own.folder, "predict", "--format", "jsonl", "The parcel was lovely.", "Awful!")
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["label"], second["label"]) == ("good", "bad")
    for answer in (first, second):
        assert set(answer["probabilities"]) == set(MOODS)
        assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert answer["probability"] == max(answer["probabilities"].values())


def test_inspect_prints_parameters_that_read_the_file(own: Project) -> None:
    command = ["inspect", FILE, "--text", "body", "--label", "mood", "--group", "buyer"]
    printed = imdb_rnn(own.folder, *command).stdout
    assert all(mood in printed for mood in MOODS)
    block = yaml.safe_load(printed[printed.index("download:") :])
    with own.params(block):
        file = own.folder / "params.yaml"
        (source,) = load_params(file).download.sources
    assert source == load_params(file).download.sources[0]


def test_mlflow_has_the_run_and_its_model_answers(own: Project) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{own.folder / 'mlflow.db'}")
    (experiment,) = (e for e in client.search_experiments() if e.name == "imdb-rnn")
    (filed,) = client.search_runs([experiment.experiment_id])
    assert filed.info.status == "FINISHED"
    assert filed.data.metrics["test/accuracy"] == own.json("evaluate.json")["accuracy"]
    promoted = imdb_rnn(own.folder, "promote")
    assert promoted.returncode == 0, promoted.stderr
    program = (
        "import mlflow; model = mlflow.pyfunc.load_model('models:/imdb-rnn@champion');"
        "print(model.predict(['The parcel was lovely.', 'Awful!', '???'])['label'].tolist())"
    )
    answered = run([sys.executable, "-c", program], own.folder)
    assert "['good', 'bad', None]" in answered.stdout, answered.stderr


def test_a_word_is_explained_for_a_class(own: Project) -> None:
    said = imdb_rnn(own.folder, "explain", "The parcel was lovely.", "--class", "good")
    assert said.returncode == 0, said.stderr
    assert "good" in said.stdout
    refused = imdb_rnn(own.folder, "explain", "The parcel was lovely.", "--class", "goood")
    assert refused.returncode == 2
    assert all(mood in refused.stderr for mood in MOODS)


def test_a_run_is_compared_with_another_of_the_same_texts(own: Project) -> None:
    done = imdb_rnn(own.folder, "compare", "HEAD", "reports/predictions.parquet")
    assert done.returncode == 0, done.stderr
    assert "cannot be told apart" in done.stdout


@pytest.fixture
def changed(own: Project) -> Iterator[Project]:
    """The file has other rows."""
    before = (own.folder / FILE).read_bytes()
    write_texts(own.folder / FILE, 480, seed=2)
    yield own
    (own.folder / FILE).write_bytes(before)


def test_a_file_that_has_changed_is_read_again(changed: Project) -> None:
    done = changed.dvc("repro", "--dry")
    assert "Running stage 'download'" in done.stdout


def test_the_command_line_names_another_file_for_one_experiment(own: Project) -> None:
    other = "data/external/other.csv"
    write_texts(own.folder / other, 300, seed=3)
    source = f"[{{files: {{train: {other}}}, text: body, label: mood}}]"
    done = own.dvc(
        *("exp", "run", "--temp", "--name", "other", "--copy-paths", other),
        *("-S", f"download.sources={source}", "prepare"),
    )
    (own.folder / other).unlink()
    assert done.returncode == 0, done.stdout + done.stderr
    shown = json.loads(own.dvc("exp", "show", "--json").stdout)
    experiments = [each for row in shown for each in row["experiments"] or []]
    (found,) = (each["revs"][0] for each in experiments if each["name"] == "other")
    params = run(["git", "show", f"{found['rev']}:params.yaml"], own.folder).stdout
    (read,) = yaml.safe_load(params)["download"]["sources"]
    assert read["files"]["train"] == other
    data = json.loads(run(["git", "show", f"{found['rev']}:reports/data.json"], own.folder).stdout)
    assert sum(data["splits"][split]["reviews"] for split in ("train", "valid", "test")) == 300
