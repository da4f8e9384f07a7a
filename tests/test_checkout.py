"""A checkout has the bytes of the commit, whatever Git is told to convert elsewhere."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from repositories import forget_settings, git, set_hostile
from results import PROJECT


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A commit of all files of the project as they are."""
    folder = tmp_path_factory.mktemp("repository")
    for name in filter(None, _listed(PROJECT, "-co", "--exclude-standard")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((PROJECT / name).read_bytes())
    git(folder, "init", "--quiet")
    git(folder, "-c", "core.autocrlf=false", "add", "--all")
    git(folder, "commit", "--quiet", "--message", "All")
    return folder


def _listed(folder: Path, *options: str) -> list[str]:
    command = ["git", "-C", str(folder), "ls-files", "-z", *options]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return listed.split("\0")[:-1]


@pytest.mark.hostile
@pytest.mark.parametrize("settings", ["autocrlf", "everything"])
def test_a_clone_has_the_bytes_of_every_file(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str
) -> None:
    forget_settings(monkeypatch, tmp_path)
    if settings == "everything":
        set_hostile(monkeypatch, tmp_path)
        (tmp_path / "hooks/post-checkout").unlink()  # writes into the clone, which Git cannot help
        (tmp_path / "hooks/reference-transaction").unlink()  # would refuse it
    copy = tmp_path / "copy"
    git(tmp_path, "-c", "core.autocrlf=true", "clone", "--quiet", str(repository), str(copy))
    git(copy, "config", "core.autocrlf", "true")
    names = _listed(repository)
    assert len(names) > 300
    assert _digests(copy, names) == _digests(repository, names)
    assert git(copy, "status", "--porcelain", "--branch").splitlines()[1:] == []


def _digests(folder: Path, names: list[str]) -> dict[str, str]:
    """What DVC tells files apart by."""
    return {
        name: hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest()
        for name in names
    }


@pytest.mark.hostile
def test_no_file_is_a_link_that_a_checkout_could_turn_into_text(repository: Path) -> None:
    modes = {line.split()[0] for line in git(repository, "ls-files", "--stage").splitlines()}
    assert modes <= {"100644", "100755"}
