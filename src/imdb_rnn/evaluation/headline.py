"""What a run of the pipeline came to, in one short table."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from imdb_rnn.evaluation.predictions import MODEL, TITLES


def headline(results: Mapping[str, Any]) -> Table:
    """The test accuracy with its interval, and each baseline with how far the network is ahead.

    Args:
        results: Contents of `reports/evaluate.json`.
    """
    table = Table("", "accuracy", "network ahead by", "McNemar p", box=None, pad_edge=False)
    table.title = f"{results['n_test']:,} test reviews, edition {results['edition']}"
    table.caption = f"percent, with {results['confidence']:.0%} intervals"
    table.add_row(TITLES[MODEL], _percent(results, "accuracy"))
    for name, baseline in results["baselines"].items():
        table.add_row(
            TITLES[name],
            f"{100 * baseline['accuracy']:.2f}",
            _percent(baseline, "difference"),
            f"{baseline['mcnemar_p']:.2g}",
        )
    return table


def _percent(numbers: Mapping[str, float], name: str) -> str:
    value, low, high = (100 * numbers[f"{name}{end}"] for end in ("", "_low", "_high"))
    return f"{value:.2f} ({low:.2f}, {high:.2f})"
