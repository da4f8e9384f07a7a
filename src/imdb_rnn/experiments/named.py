"""Named variations of `params.yaml`: run one in DVC, and gather the results of all.

`experiments/NAME.yaml` holds only what differs from `params.yaml`. DVC runs it in a temporary
copy, so that the working folder keeps its parameters and results.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple

import psutil
from rich.table import Table

from imdb_rnn.config import (
    PARAMS_FILE,
    Download,
    FileSource,
    FilesSource,
    load_params,
    parse_params,
    read_mapping,
)
from imdb_rnn.console import console, error_console
from imdb_rnn.errors import UserError
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.io.yaml_file import parse_yaml
from imdb_rnn.repository import git
from imdb_rnn.repository.dvc import EVALUATE, LOCK, PIPELINE, code_until, flatten
from imdb_rnn.signals import COMMAND, run_program

FOLDER: Final = Path("experiments")
RESULTS: Final = Path("reports/experiments.json")
METRICS: Final = ("reports/evaluate.json", "reports/train.json")
DEFAULT: Final = "default"
COPIES: Final = Path(".dvc/tmp/exps/standalone")
"""Where DVC makes the temporary copies."""
SECONDS_TO_PREPARE: Final = 600.0
"""More than DVC needs until a process works in such a copy."""
WHOLE: Final = "report"
"""Where an experiment ends that changes what `diagnostics` measures."""


def experiment_names() -> list[str]:
    """Names of all experiment files."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def read_overrides(name: str) -> dict[str, Any]:
    """What an experiment changes, as dotted parameter paths.

    Raises:
        UserError: There is no such experiment, or it changes what is not there.
    """
    file = _file(name)
    if not file.exists():
        known = experiment_names()
        meant = get_close_matches(Path(name).stem, known, n=1)
        hint = f" Did you mean {meant[0]}?" if meant else ""
        raise UserError(f"{name}: no such experiment. There are: {', '.join(known)}.{hint}")
    changes = read_mapping(file)
    origin = f"{PARAMS_FILE} with {file}"
    parse_params(merged(read_mapping(PARAMS_FILE), changes), origin)
    return flatten(changes)


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The nested mapping `base` with the leaves of `changes` put in."""
    result = dict(base)
    for key, value in changes.items():
        below = result.get(key)
        nested = isinstance(value, Mapping) and isinstance(below, Mapping)
        # `nested` says that both are mappings, which mypy does not carry over.
        result[key] = merged(below, value) if nested else value  # type: ignore[arg-type]
    return result


def dvc_command(name: str, overrides: Mapping[str, Any]) -> list[str]:
    """The `dvc exp run` that carries changed parameters out under a name."""
    command = ["dvc", "exp", "run", "--temp", "--name", name]
    for path in _files_to_copy(overrides):
        command += ["--copy-paths", path]
    for path, value in overrides.items():
        command += ["-S", f"{path}={_as_hydra_reads_it(value)}"]
    # What is compared stops before the diagnostics, which else would be measured for nothing.
    whole = any(path.startswith("diagnostics.") for path in overrides)
    return [*command, WHOLE if whole else EVALUATE]


def _files_to_copy(overrides: Mapping[str, Any]) -> list[str]:
    """Files of the sources that Git does not have: they get into no temporary copy by themselves.

    A stage would find them in the original too, but DVC would see other dependencies.
    """
    here = load_params().download
    changed = {name: overrides.get(f"download.{name}", getattr(here, name)) for name in _PLACES}
    download = Download.model_validate(here.model_dump() | changed)
    places = [download.watch]
    for source in download.sources:
        if isinstance(source, FileSource):
            places.append(source.file)
        elif isinstance(source, FilesSource):
            places += filter(None, source.files.model_dump().values())
    found = {path for place in filter(_is_below, places) for path in Path().glob(place)}
    return sorted(str(path) for path in found if not git.is_committed(path))


_PLACES: Final = ("sources", "watch")


def _is_below(place: str) -> bool:
    """Whether a place is a path below the project, and no address."""
    return "://" not in place and not Path(place).is_absolute()


def _as_hydra_reads_it(value: Any) -> str:  # noqa: ANN401 - whatever a parameter may be
    if isinstance(value, Mapping):
        items = (f"{name}: {_as_hydra_reads_it(item)}" for name, item in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_as_hydra_reads_it, value))}]"
    # In quotes, text stays text, even a digest that could be a number.
    return json.dumps(value, ensure_ascii=False)


def run_experiment(name: str) -> int:
    """Carry a named experiment out, in place of an earlier one of the same name.

    Returns:
        DVC's exit code; if it is not 0, the earlier result is still there.
    """
    return run_changed(name, read_overrides(name))


def run_changed(name: str, overrides: Mapping[str, Any]) -> int:
    """Run the pipeline with changed parameters in a temporary copy, and keep it under the name.

    Args:
        name: Of the DVC experiment; takes the place of an earlier one of that name.
        overrides: Dotted parameter paths and their values.

    Returns:
        DVC's exit code, or 1 where it kept no result; if it is not 0, the earlier one is still
        there.

    Raises:
        UserError: DVC would fail, or keep no result, whatever the parameters.
    """
    require_experiments(name)
    _remove_abandoned_copies()
    command, commit, aside = dvc_command(name, overrides), git.git_commit(), f"{name}.earlier"
    console.print(" ".join(command), markup=False)
    code = None
    try:
        # Here and below, DVC refuses where there is no earlier one. If this is killed, the earlier
        # one waits under the other name for the end of the next attempt.
        _dvc_exp("rename", "--force", name, aside)
        code = run_program(command, env=environment()).returncode
        if code == 0 and name not in _dvc_exp("list", "--name-only", "--rev", str(commit)).split():
            error_console.print(
                f"DVC ended without an error and kept no experiment {name}; "
                f"`{shlex.join(command)} --verbose` tells more.",
                style="red",
            )
            code = 1
    finally:  # reached also where this is interrupted
        _dvc_exp(*(["remove", aside] if code == 0 else ["rename", aside, name]))
    return code


def _remove_abandoned_copies() -> None:
    """Remove temporary copies of experiments in which no process works any more.

    DVC, if it is killed, leaves its copy, and lists the experiment as running while that exists.
    """
    folders = [process.info["cwd"] for process in psutil.process_iter(["cwd"])]
    at_work = [Path(folder) for folder in folders if folder]
    for copy in COPIES.glob("tmp*"):
        # While DVC prepares a new one, nobody is in there yet.
        with suppress(FileNotFoundError):  # another command removes it as well
            found = copy.stat()
            new = time.time() - found.st_mtime < SECONDS_TO_PREPARE
            ours = found.st_uid == os.getuid()  # of others, nobody knows where they work
            used = any(path.is_relative_to(copy.resolve()) for path in at_work)
            if ours and not new and not used:
                shutil.rmtree(copy, ignore_errors=True)


def require_experiments(*names: str) -> None:
    """Refuse, before time is spent, where DVC's experiments fail or keep no result.

    Args:
        names: What the experiments are to be called.

    Raises:
        UserError: They would.
    """
    if refusal := git.refusal():
        raise UserError(f"DVC keeps experiments in Git. {refusal}")
    if git.git_commit() is None or not git.committed(PIPELINE):
        raise UserError(
            f"An experiment starts from a commit, and here is none that has {PIPELINE} and "
            f"{PARAMS_FILE}. `git add -A && git commit -m start` makes one."
        )
    if git.is_shallow():
        raise UserError(
            "This clone is shallow: it lacks older commits, and DVC then loses the result of an "
            "experiment without a word. `git fetch --unshallow` brings them."
        )
    if git.has_conflicts():
        raise UserError(
            "A merge or rebase has left conflicts, with which DVC starts no experiment. "
            "`git status` names the files; resolve them or go back with `--abort`."
        )
    if git.has_changed_files() and not git.knows_who_commits():
        raise UserError(
            "There are changes that are not committed. DVC commits them for itself, and Git does "
            "not know by whom: `git config --global user.name NAME` and "
            "`git config --global user.email ADDRESS` tell it."
        )
    if works_without_git():
        raise UserError(
            "DVC is told to work without Git, which has its experiments. "
            f"`dvc config --local --unset {_NO_GIT}` takes that back."
        )
    for name in names:
        if name.startswith("-") or not git.accepts_as_reference(f"refs/exps/{name}"):
            raise UserError(
                f"{_file(name)}: DVC cannot keep an experiment called {name!r}. Rename the file, "
                "to letters, digits and hyphens for instance."
            )


_NO_GIT: Final = "core.no_scm"


def works_without_git() -> bool:
    """Whether DVC is told to work without Git, as `make setup` does where there is none."""
    return str(ask_dvc("config", _NO_GIT).stdout).strip().lower() == "true"


def require_pipeline() -> None:
    """Refuse, before time is spent, where DVC runs no stage for want of a Git repository.

    Raises:
        UserError: There is none, and DVC is not told so.
    """
    refusal = git.refusal()
    if refusal and git.folder_has_repository():
        error_console.print(f"The runs in MLflow will name no commit. {refusal}", style="yellow")
    elif refusal and not works_without_git():
        raise UserError(
            f"DVC finds no Git repository here. {refusal} Or "
            f"`dvc config --local {_NO_GIT} true` has DVC work without Git."
        )


def ask_dvc(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run DVC to its end, and keep what it prints."""
    return run_program(
        ["dvc", *arguments],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env=environment(),
    )


def environment() -> dict[str, str]:
    """Environment for DVC, with the programs of this virtual environment first on the path.

    They are there even if nobody has activated it. Stages learn whom they work for.
    """
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**git.environment(), "PATH": programs, COMMAND: str(os.getpid())}


class Gathered(NamedTuple):
    """The results of the named experiments."""

    rows: list[dict[str, Any]]
    """Contents of `reports/experiments.json`, the lowest accuracy first."""
    kept: list[str]
    """Experiments with a row from before, of other parameters or code or of another clone."""


def gather_results() -> Gathered:
    """Bring `reports/experiments.json` up to date and return it.

    An experiment that this clone has not run with the parameters and the code as they are now
    keeps the row that it has.

    Raises:
        UserError: The pipeline itself has no results yet.
    """
    for path in (*METRICS, LOCK):
        if not Path(path).exists():
            raise UserError(f"{path}: no results yet. `make run` or `dvc repro` makes them.")
    rows = {row["name"]: row for row in (read_json(RESULTS) if RESULTS.exists() else [])}
    kept = kept_experiments()
    found = {name: _results_of(name, kept.get(name)) for name in experiment_names()}
    found[DEFAULT] = _row(DEFAULT, *(read_json(Path(path)) for path in METRICS))
    rows |= {name: row for name, row in found.items() if row}
    gathered = [rows[name] for name in sorted(rows) if name in found]
    gathered.sort(key=lambda row: row["accuracy"])
    write_json(RESULTS, gathered)
    return Gathered(gathered, [row["name"] for row in gathered if not found[row["name"]]])


def experiments_table(gathered: Gathered) -> Table:
    """What `gather_results` returns, for reading."""
    table = Table("experiment", "test accuracy", "interval", "validation", "variant")
    if gathered.kept:
        table.caption = (
            "kept from before, not run here with the parameters and the code as they are now: "
            + ", ".join(gathered.kept)
        )
    for row in gathered.rows:
        table.add_row(
            row["name"],
            f"{row['accuracy']:.4f}",
            f"{row['accuracy_low']:.4f} to {row['accuracy_high']:.4f}",
            f"{row['valid_accuracy']:.4f}",
            row["variant"],
        )
    return table


def _results_of(name: str, commit: str | None) -> dict[str, Any] | None:
    """The row of an experiment, if it was run with parameters and code as they are now."""
    if commit is None or not made_as_now(commit, read_mapping(_file(name))):
        return None
    return _row(name, *read_metrics(commit))


def _row(name: str, test: Mapping[str, Any], train: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, **accuracies(test, train), "seeds": 1, "variant": test["variant"]}


def accuracies(test: Mapping[str, Any], train: Mapping[str, Any]) -> dict[str, float]:
    """The accuracy on the test reviews with its interval, and on the validation reviews.

    Args:
        test: Contents of `reports/evaluate.json`.
        train: Contents of `reports/train.json`.
    """
    shown = {key: test[key] for key in ("accuracy", "accuracy_low", "accuracy_high")}
    return shown | {"valid_accuracy": train["valid_accuracy"]}


def _file(name: str) -> Path:
    return FOLDER / f"{name}.yaml"


def read_metrics(commit: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """`reports/evaluate.json` and `reports/train.json` as a commit has them.

    Raises:
        UserError: It does not.
    """
    test, train = (json.loads(git.require_committed(Path(path), commit)) for path in METRICS)
    return test, train


def made_as_now(commit: str, changes: Mapping[str, Any]) -> bool:
    """Whether an experiment had the parameters and the code that it would have today.

    Args:
        commit: Of the experiment.
        changes: What it changes in `params.yaml`.
    """
    params, lock = (git.require_committed(path, commit) for path in (PARAMS_FILE, LOCK))
    return (
        parse_yaml(params, f"{PARAMS_FILE} of {commit}")
        == merged(read_mapping(PARAMS_FILE), changes)
    ) and _evaluated_code(lock) == _evaluated_code(LOCK.read_text(encoding="utf-8"))


def _evaluated_code(lock: str) -> dict[str, str | None]:
    """Digest of each file or folder of code behind the test results of a `dvc.lock`."""
    return code_until(EVALUATE, parse_yaml(lock, str(LOCK))["stages"])


def kept_experiments() -> dict[str, str]:
    """The experiments that DVC keeps: name -> commit, the newest where several have one name."""
    if git.refusal():
        return {}  # DVC keeps them in Git
    found = re.findall(r"^\t(\w+) \[(.+)\]$", _dvc_exp("list", "--all-commits"), re.MULTILINE)
    kept: dict[str, str] = {}
    for commit in git.newest_last(abbreviated for abbreviated, _ in found):
        kept |= {name: commit for abbreviated, name in found if commit.startswith(abbreviated)}
    return kept


def _dvc_exp(*arguments: str) -> str:
    """What `dvc exp` prints; nothing where it fails, as it does where an experiment is missing."""
    done = ask_dvc("exp", *arguments)
    return str(done.stdout) if done.returncode == 0 else ""
