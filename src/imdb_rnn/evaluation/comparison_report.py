"""A comparison in words and tables."""

from collections.abc import Mapping, Sequence
from math import hypot
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from imdb_rnn.data.classes import is_binary
from imdb_rnn.evaluation.comparison import CONFIDENCE, Comparison, Difference
from imdb_rnn.evaluation.seed_variance import SeedVariance

SHOWN: Final = 10
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


def seeds_sentence(variance: SeedVariance, comparison: Comparison, first: str, second: str) -> str:
    """How the difference compares with what seeds and the choice of test reviews do to it.

    Args:
        variance: Of the seeds of one or both models.
        comparison: Of one run of each.
        first: What to call the first model.
        second: What to call the second.
    """
    sampling = comparison.sampling_error
    both = hypot(variance.sd, sampling)
    gap = abs(comparison.measures["accuracy"].value)
    times = f"; the measured difference is {gap / both:.1f} times both together" if both else ""
    return (
        f"{_seeds(variance, first, second)} two single runs differ by {_size(variance.sd)} points "
        f"by their seeds and by {_size(sampling)} by the choice of test reviews (standard "
        f"deviations){times}."
    )


def _seeds(variance: SeedVariance, first: str, second: str) -> str:
    known = [
        (name, side) for name, side in ((first, variance.first), (second, variance.second)) if side
    ]
    counts = " and ".join(str(side.n) for _, side in known)
    if variance.means:
        low, high = variance.means.interval
        return (
            f"Over {counts} seeds the mean accuracies differ by {_points(variance.means.value)} "
            f"points (Welch {CONFIDENCE:.0%} interval {_points(low)} to {_points(high)});"
        )
    told = " and ".join(f"{_size(side.sd)} points for {name}" for name, side in known)
    alike = "" if variance.first and variance.second else " if the other varies as much,"
    return f"Over {counts} seeds the accuracy has a standard deviation of {told};{alike}"


def measures_table(comparison: Comparison, first: str, second: str) -> Table:
    """Accuracy, log loss and AUC of both, with the difference and its interval."""
    table = Table(
        "", escape(first), escape(second), "difference", "interval", box=None, pad_edge=False
    )
    table.title = f"{comparison.reviews:,} test reviews"
    smaller = " and ".join(_TITLES[name] for name in _TITLES if name in comparison.measures)
    table.caption = f"paired {CONFIDENCE:.0%} intervals; a smaller {smaller} is better"
    for name, measure in comparison.measures.items():
        table.add_row(name, *_numbers(measure))
    return table


_TITLES: Final = {"log_loss": "log loss", "mean_absolute_error": "mean absolute error"}
"""Of the measures that count what is wrong."""


def disagreements_table(comparison: Comparison, texts: Mapping[str, str]) -> Table:
    """The reviews whose class changed, largest change of probability first.

    Args:
        comparison: Of the two models.
        texts: Id -> text, as far as known.
    """
    table = Table("review", "is", "A", "B", "begins", box=None, pad_edge=False)
    shown = comparison.disagreements[:SHOWN]
    table.title = (
        f"{len(comparison.disagreements):,} reviews changed class; the {len(shown)} clearest"
    )
    classes = comparison.classes
    said = f"the probability of {classes[1]}" if is_binary(len(classes)) else "what the model says"
    table.caption = escape(f"A and B: {said}")
    for review in shown:
        words = texts.get(review.id, "").replace("<br />", " ").split()[:_WORDS_SHOWN]
        answers = (
            _answer(review.first, review.first_label, classes),
            _answer(review.second, review.second_label, classes),
        )
        told = (review.id, classes[review.label], *answers, " ".join(words))
        table.add_row(*map(escape, told))
    return table


def _answer(probability: float, label: int, classes: Sequence[str]) -> str:
    share = f"{probability:.3f}"
    return share if is_binary(len(classes)) else f"{classes[label]} {share}"


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
    comparison: Comparison, texts: Mapping[str, str], variance: SeedVariance | None = None
) -> dict[str, Any]:
    """All that there is to say, for scripts: every number, and every review that changed class.

    Args:
        comparison: Of the two models.
        texts: Id -> text, as far as known.
        variance: Of their seeds; None where neither has several.
    """
    return {
        "reviews": comparison.reviews,
        "classes": list(comparison.classes),
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
        "seeds": _seeds_as_json(variance) if variance else None,
        "disagreements": [
            {
                "id": review.id,
                "label": review.label,
                "a": review.first,
                "b": review.second,
                "a_label": review.first_label,
                "b_label": review.second_label,
                "text": texts.get(review.id),
            }
            for review in comparison.disagreements
        ],
    }


def _seeds_as_json(variance: SeedVariance) -> dict[str, Any]:
    return {
        "a": variance.first._asdict() if variance.first else None,
        "b": variance.second._asdict() if variance.second else None,
        "sd": variance.sd,
        "difference": variance.means.value if variance.means else None,
        "difference_low": variance.means.interval.low if variance.means else None,
        "difference_high": variance.means.interval.high if variance.means else None,
    }
