"""What a result came from."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from imdb_rnn.repository.dvc import (
    code_digest,
    code_until,
    digest_files,
    dvc_experiment,
    fingerprint,
    main_checkout,
)
from results import PROJECT, shipped_params

SPLITS = {"train": {"sha256": "a"}, "test": {"sha256": "b"}}
PIPELINE: dict[str, Any] = {
    "prepare": {"deps": ["src/prepare", "raw.csv"], "outs": ["data/train", "data/test"]},
    "train": {
        "deps": ["src/train.py", "src/models", "data/train/tokens.npy"],
        "outs": [{"model": {"cache": True}}],
        "plots": [{"reports/history.csv": {"cache": False}}],
    },
    "evaluate": {"deps": ["src/evaluate.py", "src/models", "data", "model/weights"]},
    "report": {"deps": ["src/report", "reports"]},
    "benchmark": {"deps": ["src/benchmark"]},
}
LOCK: dict[str, Any] = {
    name: {
        "deps": [{"path": path, "md5": f"md5 of {path}"} for path in stage["deps"]],
        "outs": [
            {"path": entry if isinstance(entry, str) else next(iter(entry)), "md5": "0"}
            for entry in [*stage.get("outs", []), *stage.get("plots", [])]
        ],
    }
    for name, stage in PIPELINE.items()
}


@pytest.mark.parametrize(
    ("stage", "code"),
    [
        ("prepare", ["src/prepare"]),
        ("train", ["src/models", "src/prepare", "src/train.py"]),  # reads a file in an output
        ("evaluate", ["src/evaluate.py", "src/models", "src/prepare", "src/train.py"]),
        (
            "report",
            ["src/models", "src/prepare", "src/report", "src/train.py"],
        ),  # the folder of one
        ("benchmark", ["src/benchmark"]),
        ("missing", []),
    ],
)
def test_code_that_matters_is_that_of_a_stage_and_of_those_whose_outputs_it_reads(
    stage: str, code: list[str]
) -> None:
    assert code_until(stage, PIPELINE) == dict.fromkeys(code)
    assert code_until(stage, LOCK) == {path: f"md5 of {path}" for path in code}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project's pipeline and code, for edits."""
    shutil.copyfile(PROJECT / "dvc.yaml", tmp_path / "dvc.yaml")
    shutil.copytree(PROJECT / "src", tmp_path / "src")
    monkeypatch.setattr("imdb_rnn.repository.dvc.CHECKOUT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "training", "results"),
    [
        ("config.py", False, False),
        ("console.py", False, False),
        ("cli.py", False, False),
        ("tracking/run.py", False, False),
        ("experiments/named.py", False, False),
        ("report/page.py", False, False),
        ("models/__pycache__/classifier.cpython-311.pyc", False, False),
        ("evaluation/metrics.py", False, True),
        ("models/classifier.py", True, True),
        ("stages/train.py", True, True),
        ("models/new.py", True, True),
    ],
)
def test_a_comment_changes_checkpoint_key_and_fingerprint_only_where_dvc_would_run_again(
    checkout: Path, file: str, *, training: bool, results: bool
) -> None:
    params = shipped_params()
    before = code_digest("train"), fingerprint(params, {"splits": SPLITS})
    path = checkout / "src/imdb_rnn" / file
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as edited:
        edited.write("# a comment\n")
    after = code_digest("train"), fingerprint(params, {"splits": SPLITS})
    assert (before[0] != after[0], before[1] != after[1]) == (training, results)


def test_the_fingerprint_follows_reviews_and_parameters_not_where_they_came_from() -> None:
    params = shipped_params()
    one = fingerprint(params, {"source": "here", "splits": SPLITS})
    assert fingerprint(params, {"source": "there", "splits": SPLITS}) == one
    assert fingerprint(params, {"splits": SPLITS | {"test": {"sha256": "c"}}}) != one
    assert fingerprint(params.model_copy(update={"seed": 2}), {"splits": SPLITS}) != one


def test_a_digest_follows_names_and_contents_not_the_order_or_the_folder(tmp_path: Path) -> None:
    digests = []
    for number, files in enumerate(
        [{"a": "1", "b": "2"}, {"b": "2", "a": "1"}, {"a": "12", "b": ""}]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_text(content)
        digests.append(digest_files(folder, folder.iterdir()))
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.fault
@pytest.mark.parametrize(
    ("copy", "trusted"),
    [
        (".dvc/tmp/exps/standalone/tmp1", True),
        (".dvc/tmp/exps/tmp1", True),
        (".dvc/tmp/exps/tmp1/original", True),  # a folder `original` of a larger repository
        (".dvc/tmp/exps/tmp1/vendor/imdb-rnn", False),  # an experiment of that one which uses us
        ("vendor/imdb-rnn", False),
        ("../elsewhere", False),
    ],
)
def test_only_the_original_of_an_experiment_is_the_main_checkout(
    copy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, trusted: bool
) -> None:
    original = tmp_path / "original"
    folder = original / copy
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DVC_ROOT", str(original))
    monkeypatch.setenv("DVC_EXP_NAME", "larky-bott")
    assert main_checkout() == (original if trusted else folder.resolve())
    assert dvc_experiment() == ("larky-bott" if trusted else None)


def test_without_dvc_the_main_checkout_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    assert main_checkout() == tmp_path
    assert dvc_experiment() is None
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("DVC_EXP_NAME", "larky-bott")
    assert dvc_experiment() == "larky-bott"
