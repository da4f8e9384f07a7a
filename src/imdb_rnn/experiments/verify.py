"""The pipeline once more in a clean copy: does it write the same bytes?"""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from rich.table import Table

from imdb_rnn.config import PARAMS_FILE, FileSource, load_params
from imdb_rnn.console import console
from imdb_rnn.errors import UserError
from imdb_rnn.experiments.named import ask_dvc, environment
from imdb_rnn.io.yaml_file import parse_yaml
from imdb_rnn.messages import of_dvc
from imdb_rnn.repository import git
from imdb_rnn.repository.dvc import CODE, LOCK, file_digest, flatten, recorded_outputs
from imdb_rnn.signals import run_program


class Output(NamedTuple):
    """One output of the pipeline, with DVC's digests."""

    path: str
    recorded: str | None
    """None where `dvc.lock` does not have the output."""
    rerun: str | None

    @property
    def equal(self) -> bool:
        """Whether both have the same bytes."""
        return self.recorded == self.rerun

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.equal:
            return "equal"
        return "MISSING" if self.rerun is None else "DIFFERENT" if self.recorded else "NEW"


class ChangedNumber(NamedTuple):
    """A number that the rerun did not repeat."""

    file: str
    name: str
    recorded: float
    rerun: float


class Verification(NamedTuple):
    """How the outputs of a rerun differ from the recorded ones."""

    outputs: list[Output]
    """All outputs of all stages by path, and `dvc.lock`, which tells what they were made from."""
    differences: list[ChangedNumber]
    """In JSON files that Git keeps, the metrics among them."""


def verify() -> Verification:
    """Run the pipeline of the checked-out commit in a clean copy and compare with `dvc.lock`.

    That file holds no times, so an equal run writes its very bytes.

    The copy holds what Git has and the archive of the drop folder. It has a cache and an MLflow
    store of its own and is gone at the end, also if this is asked to end.

    Raises:
        UserError: There is nothing that a rerun could be compared with, or it fails.
    """
    recorded, lock = recorded_results(), file_digest(LOCK)
    with TemporaryDirectory(prefix="imdb-rnn-verify-") as folder:
        copy = Path(folder) / "copy"
        console.print(f"Running the pipeline again in {copy}", markup=False)
        copy_commit(copy)
        _rerun(copy)
        verification = compare_runs(recorded, read_lock(copy / LOCK), Path(), copy)
        verification.outputs.append(Output(str(LOCK), lock, file_digest(copy / LOCK)))
    return verification


def compare_runs(
    recorded: Mapping[str, Any], rerun: Mapping[str, Any], folder: Path, copy: Path
) -> Verification:
    """Compare two runs of the pipeline.

    Args:
        recorded: Contents of `dvc.lock`.
        rerun: Contents of the rerun's.
        folder: Has the recorded JSON files.
        copy: Has the rerun's.
    """
    ours, theirs = recorded_outputs(recorded["stages"]), recorded_outputs(rerun["stages"])
    outputs = [Output(path, ours.get(path), theirs.get(path)) for path in sorted(ours | theirs)]
    paths = [each.path for each in outputs if not each.equal and each.path.endswith(".json")]
    return Verification(
        outputs, [found for path in paths for found in _changed_numbers(path, folder, copy)]
    )


def verification_table(verification: Verification) -> Table:
    """A verification, for reading."""
    table = Table("output", "rerun")
    for output in verification.outputs:
        table.add_row(output.path, output.verdict)
    return table


def differences_table(verification: Verification) -> Table:
    """The numbers that differ, for reading."""
    table = Table("file", "number", "recorded", "rerun", "difference")
    for found in verification.differences:
        by = found.rerun - found.recorded
        table.add_row(
            found.file, found.name, f"{found.recorded:g}", f"{found.rerun:g}", f"{by:+.2g}"
        )
    return table


def recorded_results() -> dict[str, Any]:
    """The contents of `dvc.lock`, if they were made with the commit's parameters and code."""
    if refusal := git.refusal():
        raise UserError(f"There is no Git commit that could be run again. {refusal}")
    if git.git_commit() is None:
        raise UserError(
            "There is no Git commit here that has the project in it, to run it again. "
            "`git add -A && git commit -m start` makes one."
        )
    if not Path(".git").exists():
        raise UserError(
            "The project lies below the top of its repository, and a clone has it elsewhere. "
            "Run this in a repository that has the project alone."
        )
    if git.has_uncommitted_changes():
        raise UserError(
            "src, params.yaml or dvc.yaml have changes that are not committed; a clean copy would "
            "not have them. Commit or stash them first."
        )
    if not LOCK.exists():
        raise UserError(f"{LOCK}: no results to compare with. `dvc repro` makes them.")
    lock = read_lock(LOCK)
    if outdated := _outdated():
        raise UserError(
            f"{LOCK}: these results were made with other code or parameters: "
            f"{', '.join(outdated[:5])}. `dvc repro` brings them up to date."
        )
    return lock


def _outdated() -> list[str]:
    """Code and parameters that are no longer what a stage has used, as DVC sees it."""
    done = ask_dvc("status", "--json")
    if done.returncode != 0:
        raise UserError(f"{LOCK}: `dvc status` refuses: {of_dvc(done.stderr)}.")
    changes = [change for stage in json.loads(done.stdout).values() for change in stage]
    deps = [change["changed deps"] for change in changes if "changed deps" in change]
    found = {path for changed in deps for path in changed if path.startswith(CODE)}
    params = (changed.get(str(PARAMS_FILE), {}) for changed in deps)
    return sorted(found.union(*(names for names in params if isinstance(names, dict))))


def copy_commit(copy: Path) -> None:
    """Clone the checked-out commit, and give the clone the archive of the drop folder."""
    git.clone_into(copy)
    for source in load_params().download.sources:
        # What Git ignores is not in the clone.
        if isinstance(source, FileSource) and Path(source.file).exists():
            place = copy / source.file
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.file, place)


def _rerun(copy: Path) -> None:
    """Run every stage, none from a cache."""
    command = ["dvc", "repro", "--force", "--no-run-cache"]
    code = run_program(command, cwd=copy, env=environment_of_its_own(copy)).returncode
    if code != 0:
        raise UserError(
            f"The rerun failed: `dvc repro` ended with exit code {code}; its messages stand above."
        )


def environment_of_its_own(copy: Path) -> dict[str, str]:
    """No MLflow store and no DVC cache but the copy's, whatever the user has configured."""
    inherited = {
        name: value
        for name, value in environment().items()
        if not name.startswith(("DVC_", "MLFLOW_", "GIT_"))
    }
    nowhere = str(copy.parent / "config")
    return inherited | {"DVC_GLOBAL_CONFIG_DIR": nowhere, "DVC_SYSTEM_CONFIG_DIR": nowhere}


def read_lock(file: Path) -> dict[str, Any]:
    """The contents of a `dvc.lock`.

    Raises:
        UserError: It is damaged, by marks of a conflict for instance.
    """
    try:
        content: dict[str, Any] = parse_yaml(file.read_text(encoding="utf-8"), str(file))
    except (ValueError, UserError) as error:
        raise UserError(f"{error}. `git checkout {file}` restores it.") from None
    return content


def _changed_numbers(path: str, folder: Path, copy: Path) -> Iterator[ChangedNumber]:
    if (folder / path).exists() and (copy / path).exists():
        recorded, rerun = _numbers(folder / path), _numbers(copy / path)
        for key in recorded:
            if key in rerun and recorded[key] != rerun[key]:
                yield ChangedNumber(path, key, recorded[key], rerun[key])


def _numbers(file: Path) -> dict[str, float]:
    content = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        return {}
    return {
        key: value
        for key, value in flatten(content).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
