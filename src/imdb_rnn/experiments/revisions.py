"""Evaluated models as a Git revision, a DVC experiment or a predictions file has them.

Those of a run in MLflow come from `tracking.registry`.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

from rich.markup import escape
from rich.table import Table

from imdb_rnn.data.reviews import read_reviews, variant_of
from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.evaluated_model import PREDICTIONS, EvaluatedModel, Recipe, seed_accuracies
from imdb_rnn.evaluation.predictions import read_predictions
from imdb_rnn.experiments.named import ask_dvc, kept_experiments
from imdb_rnn.io.yaml_file import parse_yaml
from imdb_rnn.messages import of_dvc
from imdb_rnn.repository import git
from imdb_rnn.repository.dvc import EVALUATE, code_until, file_digest, flatten, recorded_outputs


class Changes(NamedTuple):
    """How two recipes differ."""

    params: dict[str, tuple[Any, Any]]
    """Dotted name -> value on each side, None where it has none."""
    code: list[str] | None
    """Files whose content differs, or that just one side has; None where that is unknown."""


def load_results(name: str) -> EvaluatedModel:
    """Find out what a name stands for and read its predictions.

    Args:
        name: Path of a predictions file, or anything that Git or DVC resolves: a branch, a tag, a
            commit, the name of an experiment.

    Raises:
        UserError: It is none of these, or has no usable predictions.
    """
    path = Path(name)
    if path.is_file() or path.suffix == ".parquet":
        return _results_of_file(path)
    return _results_of_commit(_commit(name), name)


def changes(first: EvaluatedModel, second: EvaluatedModel) -> Changes | None:
    """What was changed between two results; None where a recipe is unknown."""
    if first.recipe is None or second.recipe is None:
        return None
    (params, code), (other_params, other_code) = first.recipe, second.recipe
    unknown = code is None or other_code is None
    return Changes(
        _differing(params, other_params),
        None if unknown else list(_differing(code or {}, other_code or {})),
    )


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Name -> value on each side, for the names whose values differ."""
    pairs = {name: (first.get(name), second.get(name)) for name in sorted({*first, *second})}
    return {name: (one, other) for name, (one, other) in pairs.items() if one != other}


def changes_table(changed: Changes | None, first: str, second: str) -> Table:
    """Parameters that differ, with the value on each side, and how many files of code do.

    Args:
        changed: From `changes`.
        first: What to call one side.
        second: What to call the other.
    """
    table = Table("parameter", escape(first), escape(second), box=None, pad_edge=False)
    if changed is None:
        table.caption = "what was changed is unknown: no dvc.lock vouches for a predictions file"
        return table
    for name, values in changed.params.items():
        table.add_row(name, *(escape(json.dumps(value)) for value in values))
    files = "unknown" if changed.code is None else len(changed.code)
    table.caption = f"parameters that differ: {len(changed.params)}, files of code: {files}"
    return table


def review_texts(path: Path, results: EvaluatedModel) -> dict[str, str]:
    """Id -> text of the test reviews; empty where the file is missing or of another variant.

    Args:
        path: A review table such as `data/raw/test.parquet`.
        results: Whose reviews are looked for.
    """
    if not path.exists() or variant_of(path) != results.variant:
        return {}
    table = read_reviews(path)
    return dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))


def _results_of_file(path: Path) -> EvaluatedModel:
    if not path.is_file():
        raise UserError(f"{path}: no such file. `dvc repro evaluate` writes {PREDICTIONS}.")
    results, lock = _text(path.with_name("evaluate.json")), _text(path.parent.parent / "dvc.lock")
    return EvaluatedModel(
        str(path),
        read_predictions(path, str(path)),
        _variant(results),
        _recipe(lock, file_digest(path)) if lock else None,
        seed_accuracies(_text(path.with_name("seeds.json")), results),
    )


def _results_of_commit(commit: str, name: str) -> EvaluatedModel:
    lock = git.committed(Path("dvc.lock"), commit)
    recipe = _recipe(lock) if lock else None
    if recipe is None:
        raise UserError(
            f"{name}: its dvc.lock has no {PREDICTIONS} or cannot be read. "
            f"Run `dvc repro` there and commit dvc.lock, or name another revision."
        )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.parquet"
        done = ask_dvc("get", ".", PREDICTIONS, "--rev", commit, "--out", str(path))
        if done.returncode != 0:
            raise UserError(
                f"{name}: DVC cannot get its {PREDICTIONS}: {of_dvc(done.stderr)}. "
                f"`dvc pull` or, with the revision checked out, `dvc repro` brings them back."
            )
        predictions = read_predictions(path, f"{PREDICTIONS} of {name}")
    results, seeds = (
        git.committed(Path(f"reports/{file}.json"), commit) for file in ("evaluate", "seeds")
    )
    return EvaluatedModel(
        name, predictions, _variant(results), recipe, seed_accuracies(seeds, results)
    )


def _commit(name: str) -> str:
    if commit := git.commit_of(name):
        return commit
    if refusal := git.refusal():
        raise UserError(f"{name}: no file of that name, and no revision. {refusal}")
    experiment = kept_experiments().get(name)
    if experiment is None:
        raise UserError(
            f"{name}: no file, no Git revision and no DVC experiment of that name here. "
            f"`dvc exp list --all-commits` and `git log` name those that there are; an MLflow run "
            f"goes by its id of 32 digits.{_OLDER_ARE_MISSING if git.is_shallow() else ''}"
        )
    return experiment


_OLDER_ARE_MISSING: Final = (
    " This clone is shallow and lacks older commits; `git fetch --unshallow` brings them."
)


def _recipe(lock: str, digest: str | None = None) -> Recipe | None:
    """What the predictions in a `dvc.lock` were made with.

    None if they are not (these) in it, or it is damaged, by marks of a conflict for instance.

    Args:
        lock: Contents of the file.
        digest: MD5 that the predictions must have, if known.
    """
    try:
        stages: dict[str, Any] = parse_yaml(lock, "dvc.lock")["stages"]
        outputs = recorded_outputs(stages)
    except (UserError, KeyError, TypeError, AttributeError):
        return None
    if PREDICTIONS not in outputs or digest not in (None, outputs[PREDICTIONS]):
        return None
    return Recipe(
        params={
            name: value
            for stage in stages.values()
            for values in stage.get("params", {}).values()
            for name, value in flatten(values).items()
        },
        code=code_until(EVALUATE, stages),
    )


def _variant(results: str) -> str | None:
    """The variant that an `evaluate.json` names."""
    try:
        variant: str | None = json.loads(results).get("variant")
    except (ValueError, AttributeError):
        return None
    return variant


def _text(path: Path) -> str:
    """A file's contents; empty where it is missing."""
    return path.read_text(encoding="utf-8") if path.exists() else ""
