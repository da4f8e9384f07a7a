"""The test results of a run in one short table."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from imdb_rnn.data.reviews import is_imdb
from imdb_rnn.evaluation.behaviour import HELD_OUT, OVERALL
from imdb_rnn.evaluation.predictions import MODEL, TITLES


def results_table(results: Mapping[str, Any]) -> Group:
    """The test accuracy with its interval, and how far the network is ahead of each baseline.

    Where classes are numbers, the same of the mean absolute error.

    Args:
        results: Contents of `reports/evaluate.json`.
    """
    table = Table("", "accuracy", "network ahead by", "McNemar p", box=None, pad_edge=False)
    texts = "reviews" if is_imdb(results["variant"]) else "texts"
    table.title = f"{results['n_test']:,} test {texts}, variant {escape(results['variant'])}"
    table.caption = f"percent, with {results['confidence']:.0%} intervals"
    table.add_row(TITLES[MODEL], _percent(results, "accuracy"))
    for name, baseline in results["baselines"].items():
        table.add_row(
            TITLES[name],
            f"{100 * baseline['accuracy']:.2f}",
            _percent(baseline, "difference"),
            f"{baseline['mcnemar_p']:.2g}",
        )
    tables = [table, _errors_table(results)] if "mean_absolute_error" in results else [table]
    return Group(*tables, standing(results), *_behaviour(results))


def standing(results: Mapping[str, Any]) -> str:
    """Whether the network or the strongest linear model is ahead, by how much, and how surely.

    Args:
        results: Contents of `reports/evaluate.json`.
    """
    name, strongest = max(results["baselines"].items(), key=lambda item: item[1]["accuracy"])
    gap, *ends = (100 * strongest[f"difference{end}"] for end in ("", "_low", "_high"))
    if strongest["mcnemar_p"] >= 1 - results["confidence"]:
        where, sign = "cannot be told apart from", 1
    else:
        where, sign = ("is ahead of", 1) if gap > 0 else ("is behind", -1)
    low, high = sorted(sign * end for end in ends)
    return (
        f"The {TITLES[MODEL]} {where} the {TITLES[name]}: {sign * gap:.2f} points of accuracy "
        f"({results['confidence']:.0%} interval {low:.2f} to {high:.2f}, "
        f"McNemar p = {strongest['mcnemar_p']:.2g})."
    )


def _behaviour(results: Mapping[str, Any]) -> Iterator[str]:
    """A line on short sentences, where the models were asked any."""
    if "behaviour" not in results:
        return
    overall = results["behaviour"][HELD_OUT][OVERALL]
    others = [f"{TITLES[name]} {100 * share:.1f}" for name, share in overall["baselines"].items()]
    yield (
        f"Of {overall['n']:,} short sentences (held-out templates) the {TITLES[MODEL]} has "
        f"{100 * overall['accuracy']:.1f} % right ({'; '.join(others)})."
    )


def _errors_table(results: Mapping[str, Any]) -> Table:
    """How far answers are from the right number, where classes are numbers."""
    table = Table("", "mean absolute error", "network minus it", box=None, pad_edge=False)
    table.add_row(TITLES[MODEL], _number(results, "mean_absolute_error"))
    for name, baseline in results["baselines"].items():
        gap = _number(baseline, "mean_absolute_error_difference", sign="+")
        table.add_row(TITLES[name], f"{baseline['mean_absolute_error']:.3f}", gap)
    return table


def _number(numbers: Mapping[str, float], name: str, sign: str = "") -> str:
    value, low, high = (f"{numbers[f'{name}{end}']:{sign}.3f}" for end in ("", "_low", "_high"))
    return f"{value} ({low}, {high})"


def _percent(numbers: Mapping[str, float], name: str) -> str:
    value, low, high = (100 * numbers[f"{name}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.2f} ({low:.2f}, {high:.2f})"
