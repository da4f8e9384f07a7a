"""What a result came from."""

import subprocess
from pathlib import Path

import pytest

from imdb_rnn.lineage import (
    commit_url,
    digest_files,
    dvc_experiment,
    fingerprint,
    git_commit,
    has_uncommitted_changes,
    main_checkout,
)
from results import shipped_params

SPLITS = {"train": {"sha256": "a"}, "test": {"sha256": "b"}}


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


def test_the_commit_and_changes_to_what_makes_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert git_commit() is None
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    Path("params.yaml").write_text("seed: 1")
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "First"]):
        subprocess.run(["git", *command], check=True)
    commit = git_commit()
    assert commit is not None
    assert len(commit) == 40
    Path("dvc.lock").write_text("results may change")
    assert not has_uncommitted_changes()
    Path("params.yaml").write_text("seed: 2")
    assert has_uncommitted_changes()


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://git.example.org/ann/reviews.git", "https://git.example.org/ann/reviews"),
        ("https://ann:secret@git.example.org/ann/reviews", "https://git.example.org/ann/reviews"),
        ("git@git.example.org:ann/reviews.git", "https://git.example.org/ann/reviews"),
        ("ssh://git@git.example.org/ann/reviews.git", "https://git.example.org/ann/reviews"),
        ("https://git.example.org:8080/ann/reviews.git", None),
        ("/srv/reviews.git", None),
    ],
)
def test_a_commit_has_an_address_where_the_repository_has_one(
    remote: str, address: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    assert commit_url("abc") is None
    subprocess.run(["git", "remote", "add", "origin", remote], check=True)
    assert commit_url("abc") == (f"{address}/commit/abc" if address else None)


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
