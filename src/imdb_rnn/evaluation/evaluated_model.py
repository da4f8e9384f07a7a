"""A model's results on the test reviews, from wherever they were found, fit to be compared."""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.predictions import Predictions, listed

PREDICTIONS: Final = "reports/predictions.parquet"
ACCURACY: Final = ("accuracy", "accuracy_low", "accuracy_high")
"""Keys of the accuracy and its interval in `reports/evaluate.json`."""


class Recipe(NamedTuple):
    """What predictions were made with, as `dvc.lock` records it."""

    params: dict[str, Any]
    """Dotted name -> value."""
    code: Mapping[str, str | None] | None
    """File or folder below `src` -> DVC's digest; None where it is unknown."""


class EvaluatedModel(NamedTuple):
    """What a model said of the test reviews, and what it was made with."""

    name: str
    predictions: Predictions
    variant: str | None
    """None where no `evaluate.json` stands beside the predictions."""
    recipe: Recipe | None
    """None where no `dvc.lock` vouches for the predictions."""
    seeds: list[float] | None = None
    """Accuracy of the same parameters under each of several seeds; None where it is unknown."""


def require_comparable(first: EvaluatedModel, second: EvaluatedModel) -> None:
    """Refuse to compare results on different reviews.

    Raises:
        UserError: The variants, the classes or the reviews differ.
    """
    names = f"{first.name} and {second.name}"
    if first.variant and second.variant and first.variant != second.variant:
        raise UserError(
            f"{names}: variants {first.variant} and {second.variant} have different test reviews. "
            f"Compare results of one variant."
        )
    if first.predictions.classes != second.predictions.classes:
        raise UserError(
            f"{names}: their classes are {listed(first.predictions.classes)} and "
            f"{listed(second.predictions.classes)}. Compare results on the same classes, in the "
            f"same order."
        )
    ids, others = first.predictions.ids, second.predictions.ids
    if ids == others and (first.predictions.labels == second.predictions.labels).all():
        return
    common = len(set(ids) & set(others))
    raise UserError(
        f"{names}: not the same test reviews in the same order: {len(ids):,} and {len(others):,}, "
        f"{common:,} of them in both. `dvc repro` one side with the reviews of the other "
        f"(download in params.yaml)."
    )


def seed_accuracies(seeds: str, results: str) -> list[float] | None:
    """Accuracy of each seed in a `seeds.json`, if the run of an `evaluate.json` is one of them.

    Args:
        seeds: Text of the one.
        results: Text of the other.

    Returns:
        None also where one of them is missing or damaged.
    """
    try:
        found = seeds_of(json.loads(seeds), json.loads(results))
    except (ValueError, KeyError, TypeError):
        return None
    return [run["accuracy"] for run in found["runs"]] if found else None


def seeds_of(seeds: Mapping[str, Any] | None, test: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The recorded seeds if this run is one of them, else None.

    Args:
        seeds: Contents of `reports/seeds.json`, which may be of other parameters.
        test: Contents of `reports/evaluate.json`.
    """
    if seeds is None or seeds["variant"] != test["variant"]:
        return None
    runs = seeds["runs"]
    is_one = any(all(run.get(key, test[key]) == test[key] for key in ACCURACY) for run in runs)
    return seeds if is_one else None
