"""Git as somebody else has it: without the settings of whoever runs the tests, or with odd ones."""

import os
import subprocess
from pathlib import Path

import pytest

HOSTILE = """\
[alias]
	status = log
[branch]
	sort = authordate
[clone]
	rejectShallow = true
[color]
	ui = always
[core]
	autocrlf = true
	attributesFile = {folder}/attributes
	eol = crlf
	hooksPath = {folder}/hooks
	pager = false
	quotePath = true
	symlinks = false
[filter "shouting"]
	clean = tr A-Z a-z
	smudge = tr a-z A-Z
[format]
	pretty = oneline
[status]
	branch = true
	showUntrackedFiles = no
"""
ATTRIBUTES = (
    "* text eol=crlf ident filter=shouting working-tree-encoding=UTF-16 export-subst diff=odd\n"
)
HOOKS = ("post-checkout", "pre-commit", "reference-transaction")


def git(folder: Path, *arguments: str) -> str:
    """Ask Git as somebody who has told it who they are."""
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    done = subprocess.run(
        ["git", "-C", str(folder), *identity, *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def forget_settings(patch: pytest.MonkeyPatch, empty: Path) -> None:
    """Leave Git nothing that this machine or its user has told it, not even who they are."""
    for name in [name for name in os.environ if name.startswith(("GIT_", "SUDO_", "EMAIL"))]:
        patch.delenv(name)
    patch.setenv("HOME", str(empty))
    patch.setenv("XDG_CONFIG_HOME", str(empty))
    patch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def set_hostile(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Give Git settings that change what a checkout holds and what it prints."""
    settings = folder / "hostile.cfg"
    settings.write_text(HOSTILE.format(folder=folder), encoding="utf-8")
    (folder / "attributes").write_text(ATTRIBUTES, encoding="utf-8")
    (folder / "hooks").mkdir()
    for name in HOOKS:
        hook = folder / "hooks" / name
        hook.write_text("#!/bin/sh\necho tampered >> params.yaml\nexit 1\n", encoding="utf-8")
        hook.chmod(0o755)
    patch.setenv("GIT_CONFIG_GLOBAL", str(settings))


def give_away(folder: Path) -> None:
    """Make everything another user's, which only root can."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
