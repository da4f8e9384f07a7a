"""All that is asked of Git, about the folder at hand and in words that no setting changes.

What only describes a result (`git_commit`, `committed` and the like) is empty where Git cannot be
asked, because the pipeline runs without it. What a command cannot do without is refused in Git's
own words.
"""

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from imdb_rnn.errors import UserError

_GIT: Final = ("git", "--no-optional-locks", "-c", f"core.hooksPath={os.devnull}")
"""Takes no lock from a Git that works beside it, and runs no hook of the user's."""

_ANOTHER_REPOSITORY: Final = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_WORK_TREE",
    }
)
"""Variables that a Git hook sets for its own repository, and that DVC heeds only in part."""

_NO_REPOSITORY: Final = "not a git repository"


def environment() -> dict[str, str]:
    """The environment, in which Git and DVC find the repository of the working folder."""
    return {name: text for name, text in os.environ.items() if name not in _ANOTHER_REPOSITORY}


def refusal() -> str | None:
    """Why Git cannot be asked here, with what to do; None where it can."""
    try:
        done = _run("rev-parse", "--git-dir")
    except OSError as error:
        return f"git cannot be run ({error.strerror}). Install Git, or put it on the PATH."
    if done.returncode == 0:
        return None
    if _NO_REPOSITORY in done.stderr:
        return (
            f"Git says: {_words(done.stderr)}. `git clone` brings the project with its history; "
            "`git init && git add -A && git commit -m start` begins one here."
        )
    return f"Git says: {_words(done.stderr)}"


def require(*arguments: str) -> str:
    """What Git prints.

    Raises:
        UserError: It cannot be asked here, or fails.
    """
    if found := refusal():
        raise UserError(found)
    done = _run(*arguments)
    if done.returncode != 0:
        command = " ".join(("git", *arguments))
        raise UserError(f"`{command}` failed. Git says: {_words(done.stderr)}")
    return done.stdout


def folder_has_repository() -> bool:
    """Whether a repository is here or above, which Git may still refuse to read."""
    here = Path.cwd()
    return any((folder / ".git").exists() for folder in (here, *here.parents))


def git_commit() -> str | None:
    """The commit that is checked out; None where there is none that has the project in it."""
    # A folder of an unpacked archive may lie in a repository of something else.
    return _ask("rev-parse", "HEAD", "HEAD:./params.yaml").partition("\n")[0] or None


def commit_url(commit: str) -> str | None:
    """Where a browser shows a commit; None where no web address is known for the repository."""
    remote = _ask("remote", "get-url", "origin").strip()
    # Without what may stand before the host: it can be a secret.
    found = re.fullmatch(
        r"(?:https://|ssh://|)(?:[^@/]*@)?([\w.-]+\.\w+)[:/](?!\d+/)(.+?)(?:\.git)?", remote
    )
    return f"https://{found[1]}/{found[2]}/commit/{commit}" if found else None


def committed(path: Path, commit: str = "HEAD") -> str:
    """A file as a commit has it; empty where it has none."""
    return _ask(*_blob(path, commit))


def is_committed(path: Path) -> bool:
    """Whether the commit has a file, or something of a folder."""
    return bool(_ask("rev-parse", "--verify", "--quiet", f"HEAD:./{path.as_posix()}"))


def require_committed(path: Path, commit: str) -> str:
    """A file as a commit has it.

    Raises:
        UserError: It has none.
    """
    return require(*_blob(path, commit))


def _blob(path: Path, commit: str) -> tuple[str, ...]:
    return ("cat-file", "blob", f"{commit}:./{path.as_posix()}")


def has_uncommitted_changes() -> bool:
    """Whether code, parameters or pipeline differ from the commit; results always may."""
    status = ("status", "--porcelain", "--untracked-files=normal")
    return bool(_ask(*status, "--", "src", "params.yaml", "dvc.yaml"))


def knows_who_commits() -> bool:
    """Whether name and address are set, which DVC does not make up as Git may."""
    return all(
        _ask("config", f"user.{part}") or os.environ.get(f"GIT_{role}_{part.upper()}")
        for role in ("AUTHOR", "COMMITTER")
        for part in ("name", "email")
    )


def has_changed_files() -> bool:
    """Whether any file that Git tracks differs from the commit."""
    return bool(_ask("status", "--porcelain", "--untracked-files=no"))


def commit_of(revision: str) -> str | None:
    """The commit that a branch, a tag or the like stands for; None where Git knows none."""
    name = f"{revision}^{{commit}}"
    return _ask("rev-parse", "--verify", "--quiet", "--end-of-options", name).strip() or None


def is_shallow() -> bool:
    """Whether the clone lacks the older commits."""
    return _ask("rev-parse", "--is-shallow-repository").strip() == "true"


def has_conflicts() -> bool:
    """Whether a merge, a rebase or the like has left files that are to be resolved."""
    return bool(_ask("ls-files", "--unmerged"))


def accepts_as_reference(name: str) -> bool:
    """Whether a branch, a tag or an experiment may be called so."""
    return _run("check-ref-format", name).returncode == 0


def newest_last(revisions: Iterable[str]) -> list[str]:
    """The commits that revisions stand for, by their dates.

    Raises:
        UserError: Git does not know one of them.
    """
    known = list(revisions)  # without any, Git would tell of HEAD
    listed = require("rev-list", "--no-walk=sorted", *known, "--") if known else ""
    return listed.split()[::-1]


def clone_into(folder: Path) -> None:
    """Clone the checked-out commit.

    Raises:
        UserError: Git refuses.
    """
    require("-c", "clone.rejectShallow=false", "clone", "--quiet", ".", str(folder))


def _ask(*arguments: str) -> str:
    """What Git prints; nothing where it fails or cannot be run."""
    try:
        done = _run(*arguments)
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*_GIT, *arguments],
        env=environment() | {"LC_ALL": "C"},
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _words(message: str) -> str:
    """A message of several lines in one."""
    return " ".join(message.removeprefix("fatal: ").split())
