"""`dvc.lock` belongs to the commit: to the files that Git has with it, and to `params.yaml`."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from imdb_rnn.repository.dvc import flatten
from pipeline.project import ROOT, run

LOCK = yaml.safe_load((ROOT / "dvc.lock").read_text(encoding="utf-8"))["stages"]
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def _tracked() -> set[str]:
    """Files that Git has, and folders of which it has everything."""
    listed = run(["git", "ls-files", "-z"], ROOT)
    assert listed.returncode == 0, listed.stderr
    files = {name for name in listed.stdout.split("\0") if name}
    folders = {str(folder) for file in files for folder in Path(file).parents}
    # Of `data/external` it has the text alone, and ignores the archive that may be there.
    return files | {folder for folder in folders if not _ignored(f"{folder}/anything")}


def _ignored(path: str) -> bool:
    return run(["git", "check-ignore", "--quiet", path], ROOT).returncode == 0


TRACKED = _tracked()


def _recorded(stage: str) -> Iterator[tuple[str, str]]:
    """Path and digest of each dependency and output that Git has."""
    for entry in (*LOCK[stage].get("deps", ()), *LOCK[stage].get("outs", ())):
        if entry["path"] in TRACKED:
            yield entry["path"], entry["md5"]


def _digest(path: Path) -> str:
    """What DVC tells a file or a folder apart by."""
    if not path.is_dir():
        return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    found = [file for file in path.rglob("*") if file.is_file()]
    files = sorted(
        # As `.dvcignore` says.
        file.relative_to(path).as_posix()
        for file in found
        if "__pycache__" not in file.parts
    )
    listing = json.dumps(
        [{"md5": _digest(path / file), "relpath": file} for file in files], sort_keys=True
    )
    return f"{hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest()}.dir"


def test_each_stage_of_the_pipeline_is_recorded() -> None:
    assert set(LOCK) == set(PIPELINE)


@pytest.mark.parametrize("stage", LOCK)
def test_each_file_that_git_has_is_the_one_that_was_used_or_made(stage: str) -> None:
    recorded = dict(_recorded(stage))
    assert recorded
    assert {path: _digest(ROOT / path) for path in recorded} == recorded


@pytest.mark.parametrize("stage", LOCK)
def test_each_stage_lists_what_was_recorded(stage: str) -> None:
    def paths(entries: list[Any]) -> set[str]:
        return {
            path for entry in entries for path in ([entry] if isinstance(entry, str) else entry)
        }

    written = PIPELINE[stage]
    outs = [entry for kind in ("outs", "metrics", "plots") for entry in written.get(kind, ())]
    deps = [
        dep.replace("${download.watch}", PARAMS["download"]["watch"]) for dep in written["deps"]
    ]
    assert {entry["path"] for entry in LOCK[stage].get("deps", ())} == paths(deps)
    assert {entry["path"] for entry in LOCK[stage].get("outs", ())} == paths(outs)
    assert LOCK[stage]["cmd"] == written["cmd"]


@pytest.mark.parametrize("stage", LOCK)
def test_each_parameter_has_the_value_that_was_used(stage: str) -> None:
    used = dict(flatten(LOCK[stage].get("params", {}).get("params.yaml", {})))
    assert {name: _value(name) for name in used} == used


def _value(name: str) -> object:
    value = PARAMS
    for key in name.split("."):
        value = value[key]
    return value
