import itertools
import json
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from rich.console import Console

from imdb_rnn.config import load_params, read_mapping
from imdb_rnn.errors import UserError
from imdb_rnn.experiments.named import (
    dvc_command,
    experiment_names,
    experiments_table,
    gather_results,
    kept_experiments,
    read_overrides,
)
from imdb_rnn.repository.dvc import flatten
from repositories import git

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _at_the_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def _shipped(path: str) -> object:
    value = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    for key in path.split("."):
        value = value[key]
    return value


@pytest.mark.parametrize("name", [file.stem for file in (ROOT / "experiments").glob("*.yaml")])
def test_an_experiment_holds_only_what_differs_and_is_valid(name: str) -> None:
    overrides = read_overrides(name)
    same = [path for path, value in overrides.items() if _shipped(path) == value]
    assert overrides
    assert same == []


@pytest.mark.parametrize(
    ("step", "before", "decision"),
    [
        ("pre-padding", "notebook", {"model.padding": "pre"}),
        ("masked", "pre-padding", {"model.mask_padding": True}),
        ("pooled", "masked", {"model.pooling": "max+mean"}),
        ("no-ngram-log-odds", None, {"ngram_log_odds.max_ngram": 0}),
        ("no-pseudo-labels", None, {"pseudo_label.teacher": None}),
        ("no-word-vectors", None, {"word_vectors.window": 0}),
        ("no-ema", None, {"train.ema_decay": 0.0}),
        (
            "no-dropout",
            None,
            {
                "model.word_dropout": 0.0,
                "model.embedding_dropout": 0.0,
                "model.output_dropout": 0.0,
            },
        ),
    ],
)
def test_a_step_of_the_ladder_and_an_ablation_change_one_decision(
    step: str, before: str | None, decision: dict[str, Any]
) -> None:
    earlier = _parameters(read_overrides(before) if before else {})
    later = _parameters(read_overrides(step))
    assert dict(later.items() - earlier.items()) == decision


def _parameters(overrides: dict[str, Any]) -> dict[str, Any]:
    """All parameters of an experiment by dotted path, without the list of sources."""
    shipped = dict(flatten(read_mapping(ROOT / "params.yaml")))
    del shipped["download.sources"]
    kept = {
        path: value
        for path, value in shipped.items()
        if not any(path.startswith(f"{changed}.") for changed in overrides)
    }
    return kept | overrides


def test_the_command_is_dvc_s_own_with_the_changes() -> None:
    command = dvc_command("notebook", read_overrides("notebook"))
    assert command[:6] == ["dvc", "exp", "run", "--temp", "--name", "notebook"]
    assert "model.mask_padding=false" in command
    assert "train.max_grad_norm=null" in command
    assert command[-1] == "evaluate"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("train.weight_decay", 1e-05),
        ("train.weight_decay", 1e16),
        ("train.learning_rate", 3e-4),
        ("train.max_grad_norm", None),
        ("model.pooling", "max+mean"),
        ("train.device", "cuda:0"),
        ("download.digests.train", "1" * 64),
        ("download.digests.train", "12e" + "3" * 61),
        (
            "download.sources",
            [
                {
                    "files": {"train": "a b/{x,y}.csv", "test": None},
                    "text": 'say "it"',
                    "label": "stars: of, 5",
                    "classes": [1, 2, "3"],
                }
            ],
        ),
    ],
)
def test_dvc_sets_what_the_experiment_says(tmp_path: Path, path: str, value: object) -> None:
    file = tmp_path / "params.yaml"
    file.write_bytes((ROOT / "params.yaml").read_bytes())
    command = dvc_command("some", {path: value})
    apply_overrides(file, [command[command.index("-S") + 1]])
    load_params(file)
    assert dict(flatten(read_mapping(file)))[path] == value


def test_files_of_ones_own_come_along_into_the_temporary_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("params.yaml", "reviews.csv", "more/1.csv", "more/2.csv", "kept.csv")
    for name in (*names, "data/external/README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / "params.yaml").read_bytes())
    git(tmp_path, "init")
    git(tmp_path, "add", "kept.csv", "params.yaml", "data")
    git(tmp_path, "commit", "-m", "start")
    monkeypatch.chdir(tmp_path)
    files = {"train": "reviews.csv", "test": "kept.csv", "unlabelled": "more/*.csv"}
    command = dvc_command("own", {"download.sources": [{"files": files}]})
    copied = [after for word, after in itertools.pairwise(command) if word == "--copy-paths"]
    assert copied == ["more/1.csv", "more/2.csv", "reviews.csv"]


def test_only_smoke_goes_through_the_diagnostics_to_the_report() -> None:
    ends = {name: dvc_command(name, read_overrides(name))[-1] for name in experiment_names()}
    assert ends.pop("smoke") == "report"
    assert set(ends.values()) == {"evaluate"}


@pytest.mark.hostile
@pytest.mark.parametrize("name", ["smokee", "smoke.yaml", "experiments/smoke.yaml"])
def test_an_unknown_experiment_is_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(UserError, match="mean smoke"):
        read_overrides(name)


def test_a_mistake_in_an_experiment_names_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments/odd.yaml").write_text("train: {epcohs: 1}\n", encoding="utf-8")
    assert experiment_names() == ["odd"]
    with pytest.raises(UserError, match=r"experiments/odd.yaml: 1 problem\n.*epochs"):
        read_overrides("odd")


class Clone:
    """A repository with results, and the experiment `gru` beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kept: dict[str, str] = {}
        for name in ("experiments", "reports"):
            (folder / name).mkdir()
        Path("experiments/gru.yaml").write_text("model: {cell: gru}\n", encoding="utf-8")
        git(folder, "init", "-q")
        self.write(cell="gru", accuracy=0.9)
        self.keep()
        self.write()

    def keep(self) -> None:
        """Make what is there the experiment `gru`."""
        git(self.folder, "add", ".")
        git(self.folder, "commit", "-qm", "gru")
        self.kept["gru"] = git(self.folder, "rev-parse", "HEAD").strip()

    def write(
        self, *, cell: str = "lstm", rate: str = "", accuracy: float = 0.8, **digests: str
    ) -> None:
        """What a run leaves behind: parameters, results, and digests of each stage's code."""
        Path("params.yaml").write_text(
            f"seed: 1\nmodel: {{cell: {cell}{rate}}}\n", encoding="utf-8"
        )
        test = {"variant": "full", "accuracy": accuracy, "accuracy_low": 0, "accuracy_high": 1}
        Path("reports/evaluate.json").write_text(json.dumps(test), encoding="utf-8")
        Path("reports/train.json").write_text('{"valid_accuracy": 0.5}', encoding="utf-8")
        inputs = {"train": "data", "evaluate": "model", "report": "predictions"}
        outputs = {"train": "model", "evaluate": "predictions", "report": "page"}
        stages = {
            stage: {
                "deps": [
                    {"path": f"src/{stage}.py", "md5": digests.get(stage, "1")},
                    {"path": read, "md5": digests.get(read, "1")},
                ],
                "outs": [{"path": outputs[stage]}],
            }
            for stage, read in inputs.items()
        }
        Path("dvc.lock").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    monkeypatch.chdir(tmp_path)
    clone = Clone(tmp_path)
    monkeypatch.setattr("imdb_rnn.experiments.named.kept_experiments", lambda: clone.kept)
    return clone


def _accuracies() -> dict[str, float]:
    rows: list[dict[str, Any]] = json.loads(Path("reports/experiments.json").read_text())
    return {row["name"]: row["accuracy"] for row in rows}


@pytest.mark.parametrize("other", [{}, {"report": "2"}, {"data": "2"}])
def test_results_of_the_same_parameters_and_code_are_gathered(
    clone: Clone, other: dict[str, str]
) -> None:
    clone.write(**other)
    gathered = gather_results()
    assert [row["name"] for row in gathered.rows] == ["default", "gru"]
    assert gathered.kept == []
    assert _accuracies() == {"default": 0.8, "gru": 0.9}


@pytest.mark.parametrize("stage", ["train", "evaluate"])
def test_a_result_of_other_code_is_not_shown_as_the_present_one(clone: Clone, stage: str) -> None:
    clone.write(**{stage: "2"})
    assert gather_results().kept == []
    assert _accuracies() == {"default": 0.8}


def test_a_row_from_before_is_kept_and_said_to_be_so(clone: Clone) -> None:
    gather_results()
    clone.write(accuracy=0.85, train="2")
    gathered = gather_results()
    assert gathered.kept == ["gru"]
    assert _accuracies() == {"default": 0.85, "gru": 0.9}
    console = Console(width=200, record=True, file=StringIO())
    console.print(experiments_table(gathered))
    assert "kept from before, not run here" in console.export_text()


def test_an_experiment_that_is_defined_differently_now_is_not_gathered(clone: Clone) -> None:
    clone.write()
    Path("experiments/gru.yaml").write_text("model: {cell: gru}\nseed: 2\n", encoding="utf-8")
    gather_results()
    assert _accuracies() == {"default": 0.8}


def test_an_experiment_with_a_small_number_is_known_again(clone: Clone) -> None:
    Path("experiments/gru.yaml").write_text("model: {cell: gru, rate: 0.00001}\n", "utf-8")
    clone.write(cell="gru", rate=", rate: 1e-05", accuracy=0.9)  # as DVC writes it
    clone.keep()
    clone.write()
    assert gather_results().kept == []
    assert _accuracies() == {"default": 0.8, "gru": 0.9}


@pytest.mark.usefixtures("clone")
def test_an_experiment_whose_file_is_gone_leaves_no_row() -> None:
    gather_results()
    Path("experiments/gru.yaml").unlink()
    assert gather_results().kept == []
    assert _accuracies() == {"default": 0.8}


@pytest.mark.fault
@pytest.mark.usefixtures("clone")
@pytest.mark.parametrize("file", ["dvc.lock", "reports/evaluate.json", "reports/train.json"])
def test_without_results_nothing_is_gathered(file: str) -> None:
    Path(file).unlink()
    with pytest.raises(UserError, match=rf"^{file}: .*dvc repro"):
        gather_results()


def test_of_two_experiments_of_a_name_the_newer_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q")
    subprocess.run([Path(sys.executable).parent / "dvc", "init", "-q"], check=True)
    assert kept_experiments() == {}
    made = []
    for day in (1, 2):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"2030-01-0{day}T00:00:00")
        git(tmp_path, "commit", "-q", "--allow-empty", "--message", str(day))
        made.append(git(tmp_path, "rev-parse", "HEAD").strip())
    older, newer = made
    for baseline, commit in (("aa", older), ("bb", newer), ("cc", older)):
        git(tmp_path, "update-ref", f"refs/exps/{baseline}/{'0' * 38}/twice", commit)
    git(tmp_path, "update-ref", f"refs/exps/aa/{'0' * 38}/once", older)
    git(tmp_path, "update-ref", "refs/exps/celery/stash", newer)
    assert kept_experiments() == {"twice": newer, "once": older}
