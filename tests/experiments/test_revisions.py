"""Results of Git revisions, DVC experiments and files, in a small repository of real DVC."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from imdb_rnn.data.reviews import write_reviews
from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.evaluated_model import PREDICTIONS, require_comparable
from imdb_rnn.experiments.revisions import changes, load_results, review_texts

IDS = ["test/neg/0_2", "test/neg/1_3", "test/pos/0_10", "test/pos/1_7"]
LABELS = pa.array([0, 0, 1, 1], pa.int8())
STAGES = {
    "prepare": {"cmd": "true", "deps": ["src/prepare.py"], "outs": ["data.csv"]},
    "train": {
        "cmd": "true",
        "params": [{"params.yaml": ["train"]}],
        "deps": ["data.csv"],
        "outs": ["model"],
    },
    "evaluate": {
        "cmd": "true",
        "params": [{"params.yaml": ["seed"]}],
        "deps": ["model", "src/code.py"],
        "outs": [PREDICTIONS],
    },
}

SEEDS = {"variant": "full", "runs": [{"accuracy": 0.75}, {"accuracy": 0.7}]}
"""Of the commit with three epochs; it stays where it is when the parameters change."""


def write_predictions(path: Path, probability: list[float], ids: list[str] = IDS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"id": ids, "label": LABELS[: len(ids)], "probability": probability})
    pq.write_table(table, path)


def run(*command: str) -> None:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    }
    subprocess.run(command, check=True, capture_output=True, env=environment)


def commit(message: str, probability: list[float], epochs: int, code: str = "1") -> None:
    """What `dvc repro` and `git commit` leave behind."""
    write_predictions(Path(PREDICTIONS), probability)
    Path("src/code.py").write_text(code)
    for output in ("data.csv", "model"):
        Path(output).write_text(message)
    Path("params.yaml").write_text(f"seed: 1\ntrain: {{epochs: {epochs}}}\n")
    right = np.equal(np.array(probability) > 0.5, LABELS)
    results = {"variant": "full", "accuracy": right.mean(), "accuracy_low": 0, "accuracy_high": 1}
    Path("reports/evaluate.json").write_text(json.dumps(results))
    run("dvc", "commit", "--force")
    run("git", "add", ".")
    run("git", "-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-qm", message)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two commits with predictions after one without, and an experiment beside them."""
    folder = tmp_path_factory.mktemp("repository")
    here = Path.cwd()
    os.chdir(folder)
    run("git", "init", "-q", "-b", "main")
    run("dvc", "init", "-q")
    run("git", "-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-qm", "Empty")
    Path("src").mkdir()
    Path("src/prepare.py").write_text("1")
    Path("dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    Path("reports").mkdir()
    Path("reports/seeds.json").write_text(json.dumps(SEEDS))
    commit("Three epochs", [0.1, 0.6, 0.7, 0.8], 3)
    run("git", "tag", "three")
    commit("Two epochs", [0.2, 0.3, 0.4, 0.5], 2)
    run("git", "update-ref", "refs/exps/ab/cdef/short", "HEAD")
    commit("One epoch", [0.9, 0.3, 0.4, 0.5], 1, code="2")
    run("git", "switch", "-qc", "unfinished")
    lock = yaml.safe_load(Path("dvc.lock").read_text())
    del lock["stages"]["evaluate"]
    Path("dvc.lock").write_text(yaml.safe_dump(lock))
    run("git", "-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-qam", "Half")
    run("git", "switch", "-q", "main")
    os.chdir(here)
    return folder


@pytest.fixture
def _inside(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)


@pytest.mark.usefixtures("_inside")
class TestInARepository:
    @pytest.mark.parametrize(
        ("name", "first", "epochs"), [("three", 0.1, 3), ("HEAD~1", 0.2, 2), ("short", 0.2, 2)]
    )
    def test_a_name_that_git_or_dvc_knows(self, name: str, first: float, epochs: int) -> None:
        results = load_results(name)
        assert results.predictions.ids == IDS
        assert results.predictions.labels.tolist() == [0, 0, 1, 1]
        assert results.predictions.probability[0] == first
        assert results.variant == "full"
        assert results.recipe is not None
        assert results.recipe.params == {"seed": 1, "train.epochs": epochs}

    def test_the_file_that_the_lock_vouches_for_has_its_parameters(self, tmp_path: Path) -> None:
        results = load_results(PREDICTIONS)
        assert results.variant == "full"
        found = changes(load_results("three"), results)
        assert found is not None
        assert found.params == {"train.epochs": (3, 1)}
        write_predictions(tmp_path / "predictions.parquet", [0.1, 0.2, 0.3, 0.4])
        stray = load_results(str(tmp_path / "predictions.parquet"))
        assert stray.recipe is None
        assert changes(results, stray) is None

    @pytest.mark.parametrize(
        ("name", "seeds"), [("three", [0.75, 0.7]), ("short", None), ("HEAD", None)]
    )
    def test_seeds_belong_to_the_parameters_that_they_were_run_with(
        self, name: str, seeds: list[float] | None
    ) -> None:
        assert load_results(name).seeds == seeds

    def test_predictions_changed_in_place_have_no_recipe(self, tmp_path: Path) -> None:
        Path(tmp_path / "dvc.lock").write_bytes(Path("dvc.lock").read_bytes())
        write_predictions(tmp_path / PREDICTIONS, [0.9, 0.3, 0.4, 0.5])
        assert load_results(str(tmp_path / PREDICTIONS)).recipe == load_results("HEAD").recipe
        write_predictions(tmp_path / PREDICTIONS, [0.9, 0.3, 0.4, 0.6])
        assert load_results(str(tmp_path / PREDICTIONS)).recipe is None

    def test_code_that_differs_is_named_and_data_is_not(self) -> None:
        three, short, head = (load_results(name) for name in ("three", "short", "HEAD"))
        same, other = changes(three, short), changes(three, head)
        assert same
        assert other
        assert same.code == []
        assert other.code == ["src/code.py"]

    @pytest.mark.hostile
    def test_a_damaged_lock_file_vouches_for_nothing(self, tmp_path: Path) -> None:
        write_predictions(tmp_path / PREDICTIONS, [0.9, 0.3, 0.4, 0.5])
        for damaged in ("<<<<<<< HEAD\nstages: {}\n=======\n", "stages: 1", "[]", "{}"):
            (tmp_path / "dvc.lock").write_text(damaged)
            assert load_results(str(tmp_path / PREDICTIONS)).recipe is None

    @pytest.mark.parametrize("name", ["nosuch", "--all", "HEAD~99", ""])
    def test_what_nobody_knows_is_refused(self, name: str) -> None:
        with pytest.raises(UserError, match=r"no Git revision.*dvc exp list"):
            load_results(name)

    def test_a_revision_without_predictions_is_refused(self) -> None:
        for name in ("HEAD~3", "unfinished"):
            with pytest.raises(UserError, match=rf"^{name}: its dvc.lock has no .*repro"):
                load_results(name)

    def test_predictions_that_no_cache_has_are_refused(self, repository: Path) -> None:
        lock = yaml.safe_load((repository / "dvc.lock").read_text())
        (out,) = lock["stages"]["evaluate"]["outs"]
        cached = repository / ".dvc/cache/files/md5" / out["md5"][:2] / out["md5"][2:]
        aside = cached.rename(cached.with_suffix(".aside"))
        with pytest.raises(UserError, match=r"^HEAD: DVC cannot get .*dvc pull"):
            load_results("HEAD")
        aside.rename(cached)


def test_outside_of_a_repository_only_files_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(UserError, match=r"^HEAD: .*not a git repository.*git clone"):
        load_results("HEAD")
    with pytest.raises(UserError, match="no such file"):
        load_results("predictions.parquet")


def write_side(folder: Path, variant: str | None, ids: list[str] = IDS) -> str:
    write_predictions(folder / "predictions.parquet", [0.1, 0.2, 0.8, 0.9][: len(ids)], ids)
    if variant:
        (folder / "evaluate.json").write_text(json.dumps({"variant": variant}))
    return str(folder / "predictions.parquet")


def test_other_reviews_and_other_editions_are_refused(tmp_path: Path) -> None:
    whole = load_results(write_side(tmp_path / "a", "full"))
    smaller = load_results(write_side(tmp_path / "b", "train-only"))
    fewer = load_results(write_side(tmp_path / "c", None, IDS[:3]))
    turned = load_results(write_side(tmp_path / "d", "full", IDS[::-1]))
    require_comparable(whole, whole)
    with pytest.raises(UserError, match="variants full and train-only"):
        require_comparable(whole, smaller)
    with pytest.raises(UserError, match="4 and 3, 3 of them in both"):
        require_comparable(whole, fewer)
    with pytest.raises(UserError, match="same order"):
        require_comparable(whole, turned)


def test_other_classes_are_refused(tmp_path: Path) -> None:
    for name, classes in {"a": ["bad", "good"], "b": ["good", "bad"]}.items():
        path = write_side(tmp_path / name, "own")
        table = pq.read_table(path).replace_schema_metadata({"classes": json.dumps(classes)})
        pq.write_table(table, path)
    first, second = (load_results(str(tmp_path / name / "predictions.parquet")) for name in "ab")
    require_comparable(first, first)
    with pytest.raises(UserError, match="classes are bad, good and good, bad"):
        require_comparable(first, second)


GOOD = {"id": IDS, "label": LABELS, "probability": [0.1, 0.2, 0.8, 0.9]}


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"probability": None}, "probability are needed, and there are id, label"),
        ({"label": pa.array([1, 1, 1, 1])}, "both occur"),
        ({"label": pa.array([0, 1, 2, 1])}, "no others"),
        ({"label": ["neg", "neg", "pos", "pos"]}, "int8"),
        ({"probability": [0.1, 0.2, 0.8, 1.5]}, "between 0 and 1"),
        ({"probability": [0.1, 0.2, 0.8, np.nan]}, "between 0 and 1"),
        ({"probability": [0.1, 0.2, None, 0.9]}, "null"),
        ({"id": ["a", None, "b", "c"]}, "null"),
    ],
)
def test_a_table_of_something_else_is_refused(
    tmp_path: Path, columns: dict[str, object], complaint: str
) -> None:
    kept = {name: values for name, values in (GOOD | columns).items() if values is not None}
    pq.write_table(pa.table(kept), tmp_path / "predictions.parquet")
    with pytest.raises(UserError, match=rf"not predictions.*{complaint}.*dvc repro"):
        load_results(str(tmp_path / "predictions.parquet"))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no predictions")
    with pytest.raises(UserError, match=r"notes.txt: these are not predictions"):
        load_results(str(tmp_path / "notes.txt"))


def test_texts_are_those_of_the_same_edition(tmp_path: Path) -> None:
    results = load_results(write_side(tmp_path, "full"))
    reviews = pa.table(
        {
            "id": IDS,
            "text": ["a", "b", "c", "d"],
            "label": LABELS,
            "rating": pa.nulls(4, pa.int8()),
            "movie": pa.nulls(4, pa.string()),
        }
    )
    write_reviews(tmp_path / "full.parquet", reviews, "full")
    write_reviews(tmp_path / "other.parquet", reviews, "train-only")
    assert review_texts(tmp_path / "full.parquet", results)["test/pos/1_7"] == "d"
    assert review_texts(tmp_path / "other.parquet", results) == {}
    assert review_texts(tmp_path / "missing.parquet", results) == {}
