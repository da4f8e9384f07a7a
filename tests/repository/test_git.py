"""What is read from Git, and what is said where Git refuses."""

import os
from pathlib import Path

import pytest

from imdb_rnn.errors import UserError
from imdb_rnn.repository.git import (
    clone_into,
    commit_of,
    commit_url,
    committed,
    git_commit,
    has_conflicts,
    has_uncommitted_changes,
    is_shallow,
    newest_last,
    refusal,
    require,
)
from repositories import forget_settings, git, give_away, set_hostile

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    forget_settings(monkeypatch, home)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a repository of one commit."""
    folder = tmp_path / "repository"
    (folder / "src").mkdir(parents=True)
    (folder / "src/code.py").write_text("pass\n")
    (folder / "params.yaml").write_text("seed: 1\nname: größe\n", encoding="utf-8")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "First")
    monkeypatch.chdir(folder)
    return folder


def everything_read() -> list[object]:
    """What each question to Git is answered with."""
    return [
        git_commit(),
        commit_of("main"),
        commit_url("abc"),
        committed(Path("params.yaml")),
        has_conflicts(),
        has_uncommitted_changes(),
        is_shallow(),
        newest_last(["HEAD"]),
        refusal(),
    ]


def test_the_commit_and_changes_to_what_makes_results(repository: Path) -> None:
    commit = git_commit()
    assert commit == git(repository, "rev-parse", "HEAD").strip()
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
    remote: str, address: str | None, repository: Path
) -> None:
    assert commit_url("abc") is None
    git(repository, "remote", "add", "origin", remote)
    assert commit_url("abc") == (f"{address}/commit/abc" if address else None)


@pytest.mark.hostile
def test_no_setting_of_the_user_changes_what_is_read(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "src/new.py").write_text("")
    before = everything_read()
    assert before[3] == "seed: 1\nname: größe\n"
    assert before[5] is True
    set_hostile(monkeypatch, tmp_path)
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    monkeypatch.setenv("GIT_PAGER", "false")
    assert everything_read() == before


@pytest.mark.hostile
def test_a_hook_of_another_repository_changes_nothing_either(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything_read()
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet", "--initial-branch=main")
    git(other, "commit", "--quiet", "--allow-empty", "--message", "Other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
    assert everything_read() == before
    assert before[0] == Path(repository, ".git/refs/heads/main").read_text().strip()


@pytest.mark.hostile
def test_a_clone_has_the_commit_whatever_the_user_has_set(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / ".gitattributes").write_bytes(
        (Path(__file__).parents[2] / ".gitattributes").read_bytes()
    )
    git(repository, "add", ".gitattributes")
    git(repository, "commit", "--quiet", "--message", "Second")
    shallow, copy = tmp_path / "shallow", tmp_path / "copy"
    git(repository, "clone", "--quiet", "--depth=1", repository.as_uri(), str(shallow))
    monkeypatch.chdir(shallow)
    assert is_shallow()
    set_hostile(monkeypatch, tmp_path)
    clone_into(copy)
    for file in ("params.yaml", "src/code.py"):
        assert (copy / file).read_bytes() == (repository / file).read_bytes()


def nothing_is_known() -> bool:
    """Whether the questions that a stage asks are answered with nothing, and no error."""
    return (git_commit(), commit_url("abc"), committed(Path("params.yaml"))) == (None, None, "")


@pytest.mark.fault
@pytest.mark.usefixtures("repository")
def test_without_git_stages_know_nothing_and_commands_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert nothing_is_known()
    assert not has_uncommitted_changes()
    with pytest.raises(UserError, match="Install Git"):
        require("rev-parse", "HEAD")


@pytest.mark.fault
def test_outside_of_a_repository_git_s_own_words_come_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert nothing_is_known()
    with pytest.raises(UserError, match=r"not a git repository.*git clone.*git init"):
        newest_last(["HEAD"])


@needs_root
@pytest.mark.fault
def test_a_clone_of_another_user_is_refused_in_git_s_own_words(repository: Path) -> None:
    give_away(repository)
    assert nothing_is_known()
    with pytest.raises(UserError, match=r"dubious ownership.*--add safe\.directory"):
        newest_last(["HEAD"])


@pytest.mark.fault
def test_what_git_fails_at_is_said_with_the_command(repository: Path) -> None:
    (repository / ".git/refs/heads/main.lock").touch()
    commit = git(repository, "rev-parse", "HEAD").strip()
    with pytest.raises(UserError, match=r"git update-ref.*main\.lock"):
        require("update-ref", "-d", "refs/heads/main", commit)


@pytest.mark.hostile
def test_the_commit_of_a_repository_around_the_project_is_not_the_project_s(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "unpacked").mkdir()
    (repository / "unpacked/params.yaml").write_text("seed: 1\n")
    monkeypatch.chdir(repository / "unpacked")
    assert git_commit() is None
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "With the project")
    assert git_commit() is not None
    assert committed(Path("params.yaml")) == "seed: 1\n"


def test_a_conflict_is_seen(repository: Path) -> None:
    for branch, seed in (("other", 2), ("main", 3)):
        git(repository, "switch", "--quiet", *(["--create"] if branch == "other" else []), branch)
        Path("params.yaml").write_text(f"seed: {seed}\n")
        git(repository, "commit", "--quiet", "--all", "--message", branch)
    assert not has_conflicts()
    with pytest.raises(AssertionError):
        git(repository, "merge", "other")
    assert has_conflicts()
