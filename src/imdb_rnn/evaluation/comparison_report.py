"""A comparison in words and tables."""

from collections.abc import Mapping
from math import hypot
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from imdb_rnn.evaluation.comparison import CONFIDENCE, Comparison, Difference
from imdb_rnn.evaluation.seed_variance import SeedLuck

FLIPS_SHOWN: Final = 10
_WORDS_SHOWN: Final = 30


def verdict(comparison: Comparison, first: str, second: str) -> str:
    """Which model is better, how sure that is, and what the test reviews could have shown.

    Args:
        comparison: Of the two.
        first: What to call the first model.
        second: What to call the second.
    """
    if comparison.only_first + comparison.only_second == 0:
        return f"{second} cannot be told apart from {first}: both are right on the same reviews."
    gap = comparison.measures["accuracy"]
    measured = (
        f"{_points(gap.value)} points of accuracy ({CONFIDENCE:.0%} interval "
        f"{_points(gap.interval.low)} to {_points(gap.interval.high)})"
    )
    chance = (
        f"{_share(comparison.mcnemar_p)} of equally good models would show as much "
        f"(exact McNemar p = {comparison.mcnemar_p:.2g})"
    )
    if comparison.outcome != "cannot be told apart":
        return f"{second} is {comparison.outcome} than {first}: {measured}; {chance}."
    visible = (
        f"{comparison.reviews:,} reviews show a difference of "
        f"{100 * comparison.visible_difference:.2f} points four times out of five"
    )
    needed = comparison.reviews_needed
    more = (
        f"; this one would take about {_about(needed - comparison.reviews)} more" if needed else ""
    )
    return f"{second} cannot be told apart from {first}: {measured}; {chance}. {visible}{more}."


def seeds_sentence(luck: SeedLuck, comparison: Comparison, first: str, second: str) -> str:
    """How the difference compares with what seeds and the choice of test reviews do to it.

    Args:
        luck: Of the seeds of one or both models.
        comparison: Of one run of each.
        first: What to call the first model.
        second: What to call the second.
    """
    sampling = comparison.sampling_error
    both = hypot(luck.sd, sampling)
    gap = abs(comparison.measures["accuracy"].value)
    times = f"; the measured difference is {gap / both:.1f} times both together" if both else ""
    return (
        f"{_seeds(luck, first, second)} two single runs differ by {_size(luck.sd)} points by "
        f"their seeds and by {_size(sampling)} by the choice of test reviews (standard "
        f"deviations){times}."
    )


def _seeds(luck: SeedLuck, first: str, second: str) -> str:
    known = [(name, side) for name, side in ((first, luck.first), (second, luck.second)) if side]
    counts = " and ".join(str(side.n) for _, side in known)
    if luck.means:
        low, high = luck.means.interval
        return (
            f"Over {counts} seeds the mean accuracies differ by {_points(luck.means.value)} points "
            f"(Welch {CONFIDENCE:.0%} interval {_points(low)} to {_points(high)});"
        )
    told = " and ".join(f"{_size(side.sd)} points for {name}" for name, side in known)
    alike = "" if luck.first and luck.second else " if the other varies as much,"
    return f"Over {counts} seeds the accuracy has a standard deviation of {told};{alike}"


def measures_table(comparison: Comparison, first: str, second: str) -> Table:
    """Accuracy, log loss and AUC of both, with the difference and its interval."""
    table = Table(
        "", escape(first), escape(second), "difference", "interval", box=None, pad_edge=False
    )
    table.title = f"{comparison.reviews:,} test reviews"
    table.caption = f"paired {CONFIDENCE:.0%} intervals; a smaller log loss is better"
    for name, measure in comparison.measures.items():
        table.add_row(name, *_numbers(measure))
    return table


def flips_table(comparison: Comparison, texts: Mapping[str, str]) -> Table:
    """The reviews whose class changed, largest change of probability first.

    Args:
        comparison: Of the two models.
        texts: Id -> text, as far as known.
    """
    table = Table("review", "is", "A", "B", "begins", box=None, pad_edge=False)
    flips = comparison.flips
    table.title = (
        f"{len(flips):,} reviews changed class; the {min(len(flips), FLIPS_SHOWN)} clearest"
    )
    for flip in flips[:FLIPS_SHOWN]:
        words = texts.get(flip.id, "").replace("<br />", " ").split()[:_WORDS_SHOWN]
        label = "pos" if flip.label else "neg"
        table.add_row(
            flip.id, label, f"{flip.first:.3f}", f"{flip.second:.3f}", escape(" ".join(words))
        )
    return table


def _numbers(measure: Difference) -> tuple[str, str, str, str]:
    low, high = measure.interval
    return (
        f"{measure.first:.4f}",
        f"{measure.second:.4f}",
        f"{measure.value:+.4f}",
        f"{low:+.4f} to {high:+.4f}",
    )


def _points(difference: float) -> str:
    return f"{100 * difference:+.2f}"


def _size(sd: float) -> str:
    return f"{100 * sd:.2f}"


def _share(p: float) -> str:
    """How many comparisons a probability stands for."""
    if p >= 0.01:  # noqa: PLR2004 - smaller ones are easier to grasp as one of so many
        return f"{p:.0%} of the comparisons"
    return f"one comparison in {_about(round(1 / p))}"


def _about(count: int) -> str:
    """Two significant digits."""
    return f"{int(float(f'{count:.2g}')):,}"


def as_json(
    comparison: Comparison, texts: Mapping[str, str], luck: SeedLuck | None = None
) -> dict[str, Any]:
    """All that there is to say, for scripts: every number, and every review that changed class.

    Args:
        comparison: Of the two models.
        texts: Id -> text, as far as known.
        luck: Of their seeds; None where neither has several.
    """
    return {
        "reviews": comparison.reviews,
        "outcome": comparison.outcome,
        "confidence": CONFIDENCE,
        "measures": {
            name: {
                "a": measure.first,
                "b": measure.second,
                "difference": measure.value,
                "difference_low": measure.interval.low,
                "difference_high": measure.interval.high,
            }
            for name, measure in comparison.measures.items()
        },
        "only_a_right": comparison.only_first,
        "only_b_right": comparison.only_second,
        "mcnemar_p": comparison.mcnemar_p,
        "visible_difference": comparison.visible_difference,
        "reviews_needed": comparison.reviews_needed,
        "sampling_error": comparison.sampling_error,
        "seeds": _seeds_as_json(luck) if luck else None,
        "flips": [
            {
                "id": flip.id,
                "label": flip.label,
                "a": flip.first,
                "b": flip.second,
                "text": texts.get(flip.id),
            }
            for flip in comparison.flips
        ],
    }


def _seeds_as_json(luck: SeedLuck) -> dict[str, Any]:
    return {
        "a": luck.first._asdict() if luck.first else None,
        "b": luck.second._asdict() if luck.second else None,
        "sd": luck.sd,
        "difference": luck.means.value if luck.means else None,
        "difference_low": luck.means.interval.low if luck.means else None,
        "difference_high": luck.means.interval.high if luck.means else None,
    }
