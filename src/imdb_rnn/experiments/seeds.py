"""The same parameters under several seeds: how much do results vary?"""

from pathlib import Path
from statistics import mean, stdev
from typing import Any, Final

from rich.table import Table

from imdb_rnn.config import PARAMS_FILE, read_mapping
from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.figures import seeds_figure, write_figure
from imdb_rnn.experiments.named import (
    METRICS,
    accuracies,
    kept_experiments,
    made_as_now,
    read_metrics,
    require_experiments,
    run_changed,
)
from imdb_rnn.io.json_file import read_json, write_json

RESULTS: Final = Path("reports/seeds.json")
FIGURE: Final = Path("reports/seeds.png")


def run_seeds(n: int) -> dict[str, Any]:
    """Bring `reports/seeds.json` and its figure up to date and return the former.

    Args:
        n: Number of seeds, counted on from the one in `params.yaml`; that one's result is the
            working folder's, which must be up to date.

    Raises:
        UserError: One of the runs failed, or DVC could keep none.
    """
    require_experiments()
    first: int = read_mapping(PARAMS_FILE)["seed"]
    own, train = (read_json(Path(path)) for path in METRICS)
    runs = [{"seed": first, **accuracies(own, train)}]
    kept = kept_experiments()
    for seed in range(first + 1, first + n):
        commit = kept.get(experiment_name(seed))
        if commit is None or not made_as_now(commit, {"seed": seed}):
            commit = _run(seed)
        test, train = read_metrics(commit)
        _require_same_variant(seed, test["variant"], own["variant"])
        runs.append({"seed": seed, **accuracies(test, train)})
    measured = [run["accuracy"] for run in runs]
    results = {
        "variant": own["variant"],
        "n": n,
        "accuracy_mean": round(mean(measured), 6),
        "accuracy_sd": round(stdev(measured), 6),
        "accuracy_min": min(measured),
        "accuracy_max": max(measured),
        "baselines": {name: found["accuracy"] for name, found in own["baselines"].items()},
        "runs": runs,
    }
    write_json(RESULTS, results)
    write_figure(FIGURE, seeds_figure(results))
    return results


def seeds_table(results: dict[str, Any]) -> Table:
    """What `run_seeds` returns, for reading."""
    table = Table("seed", "test accuracy", "validation", title="Seeds", title_justify="left")
    table.caption = "each seed holds out other reviews, so validation columns do not compare"
    for run in results["runs"]:
        table.add_row(str(run["seed"]), f"{run['accuracy']:.4f}", f"{run['valid_accuracy']:.4f}")
    table.add_section()
    table.add_row("mean", f"{results['accuracy_mean']:.4f}", "")
    table.add_row("standard deviation", f"{results['accuracy_sd']:.4f}", "")
    table.add_row("lowest", f"{results['accuracy_min']:.4f}", "")
    table.add_row("highest", f"{results['accuracy_max']:.4f}", "")
    return table


def _run(seed: int) -> str:
    code = run_changed(experiment_name(seed), {"seed": seed})
    if code != 0:
        raise UserError(
            f"seed {seed}: `dvc exp run` failed with exit code {code}; its messages stand above. "
            "The seeds that are done are kept; the same command goes on from there."
        )
    return kept_experiments()[experiment_name(seed)]


def _require_same_variant(seed: int, variant: str, own: str) -> None:
    if variant != own:
        raise UserError(
            f"seed {seed}: it was run on the variant {variant}, the working folder on {own}; they "
            "cannot be put together. `dvc exp remove seed-"
            f"{seed}` forgets it, once the reviews of {own} can be reached again."
        )


def experiment_name(seed: int) -> str:
    """What DVC calls the run of a seed."""
    return f"seed-{seed}"
