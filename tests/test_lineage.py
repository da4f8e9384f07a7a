"""What a result came from."""

import subprocess
from pathlib import Path

import pytest

from imdb_rnn.lineage import (
    commit_url,
    digest_files,
    fingerprint,
    git_commit,
    has_uncommitted_changes,
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
