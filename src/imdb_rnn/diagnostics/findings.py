"""What each figure shows, as a sentence made of the numbers in `reports/diagnostics.json`."""

from collections.abc import Callable, Mapping, Sequence
from math import hypot, sqrt
from typing import Any, Final

TITLES: Final = {"tanh": "tanh RNN", "relu": "ReLU RNN", "gru": "GRU", "lstm": "LSTM"}

_REMEMBERED: Final = 0.95
_ADDED: Final = 0.02
_PLACES: Final = ("first", "middle", "last")
_STANDARD_ERRORS: Final = 2
"""Accuracies that differ by fewer cannot be told apart; two keep 5 % of mistakes."""


def findings(results: Mapping[str, Any]) -> dict[str, str]:
    """A sentence for each figure, by the figure's name.

    Args:
        results: Contents of `reports/diagnostics.json`.
    """
    return {
        "gradients": _gradients(results),
        "spectrum": _spectrum(results),
        "initialization": _initialization(results),
        "clipping": _clipping(results["cells"]),
        "explosion": _explosion(results["explosion"]),
        "truncation": _truncation(results["truncation"]),
        "recall": _recall(results["recall"]),
        "adding": _adding(results["adding"]),
        "padding": _padding(results),
        "windows": _windows(results["windows"]),
        "order": _order(results),
        "reading": _reading(results),
    }


def standard_error(accuracy: float, reviews: int) -> float:
    """Of an accuracy that was counted on so many reviews: that of a binomial share."""
    return sqrt(accuracy * (1 - accuracy) / reviews)


def _gradients(results: Mapping[str, Any]) -> str:
    last = str(results["material"]["epochs"])
    cells = results["cells"]
    said = [
        f"{TITLES[name]} {_shrinkage(cell['epochs']['0'])} before training, "
        f"{_shrinkage(cell['epochs'][last])} after it"
        for name, cell in cells.items()
    ]
    before, after = cells["lstm"]["epochs"]["0"], cells["lstm"]["epochs"][last]
    words = results["material"]["words"]
    return (
        f"Over the last {words} words of a review, the median gradient of the state h shrinks by "
        f"so many powers of ten: {'; '.join(said)}. A step back multiplies the gradient of the "
        f"LSTM's memory c by {before['memory_factor_per_step']:.3f} before training and by "
        f"{after['memory_factor_per_step']:.3f} after it, and that of its h by "
        f"{before['factor_per_step']:.3f} and {after['factor_per_step']:.3f}."
    )


def _shrinkage(snapshot: Mapping[str, float]) -> str:
    if snapshot["norm_at_farthest_word"] == 0:
        return "all there are"
    return f"{snapshot['orders_of_magnitude']:.1f}"


def _spectrum(results: Mapping[str, Any]) -> str:
    last = str(results["material"]["epochs"])
    ends = {name: cell["epochs"][last] for name, cell in results["cells"].items()}
    said = [
        f"{TITLES[name]} {end['factor_per_step']:.3f} ({end['spectral_radius']:.2f}, "
        f"{end['largest_singular_value']:.2f})"
        for name, end in ends.items()
    ]
    return (
        "After training, a step back multiplies the median gradient by the first number, while "
        "the recurrent matrix has the spectral radius and the largest singular value in brackets: "
        f"{', '.join(said)}."
    )


def _initialization(results: Mapping[str, Any]) -> str:
    starts, material = results["initialization"], results["material"]
    factors = _by_start(starts, lambda start: f"{start['factor_per_step']:.3f}")
    accuracies = _by_start(starts, lambda start: _outcome(start["taught"]))
    return (
        f"Before any training, each step back multiplies the median gradient by: {factors}. "
        f"After {_counted(material['epochs'], 'epoch')} on {material['learned']:,} reviews from "
        f"there, the accuracy on {material['validation']:,} others is: {accuracies}; of these the "
        f"standard error is at most {standard_error(0.5, material['validation']):.3f}."
    )


def _by_start(starts: Mapping[str, Any], said: Callable[[Mapping[str, Any]], str]) -> str:
    return "; ".join(
        f"{TITLES[cell]} " + ", ".join(f"{said(start)} ({name})" for name, start in named.items())
        for cell, named in starts.items()
    )


def _outcome(taught: Mapping[str, Any]) -> str:
    if taught["accuracy"] is None:
        return f"diverged at step {taught['steps'] + 1}"
    return f"{taught['accuracy']:.3f}"


def _clipping(cells: Mapping[str, Any]) -> str:
    said = [
        f"{TITLES[name]} {cell['clipped_share']:.0%} (largest {cell['largest_gradient_norm']:.3g})"
        for name, cell in cells.items()
    ]
    return f"The gradient's norm is clipped to 1 in this share of the steps: {', '.join(said)}."


def _explosion(exploded: Mapping[str, Any]) -> str:
    said = []
    for start, by_optimizer in exploded.items():
        clipped = by_optimizer["Adam"]["clipped"]
        ends = [
            f"{optimizer} {_outcome(ways['clipped'])} with clipping and "
            f"{_outcome(ways['not clipped'])} without"
            for optimizer, ways in by_optimizer.items()
        ]
        said.append(
            f"from the start {start} (largest norm {clipped['largest_gradient_norm']:.3g}, "
            f"{clipped['share_above_limit']:.0%} of Adam's steps clipped) {', '.join(ends)}"
        )
    return f"Accuracy of a ReLU RNN whose weights get large gradients: {'; '.join(said)}."


def _truncation(measured: Mapping[str, Any]) -> str:
    rows = {row["bptt_steps"]: row for row in measured["rows"]}
    accuracies = [
        f"{row['valid_accuracy']:.3f} ({f'k = {steps}' if steps else 'uncut'})"
        for steps, row in rows.items()
    ]
    shortest, uncut = min(filter(None, rows)), rows[None]
    memory = [row["peak_mib"] for row in rows.values()]
    return (
        "Measured by `python -m benchmarks.bptt`, not anew in each run: an "
        f"{TITLES[measured['cell']]} whose gradient is cut after every k words gets so many "
        f"validation reviews right: {', '.join(accuracies)}. An epoch takes "
        f"{rows[shortest]['seconds_an_epoch']:.1f} seconds with k = {shortest}, a call for each "
        f"piece, and {uncut['seconds_an_epoch']:.1f} uncut; the process needs {min(memory)} to "
        f"{max(memory)} MiB."
    )


def _padding(results: Mapping[str, Any]) -> str:
    padding, reviews = results["padding"], results["material"]["validation"]
    norms = {name: case["norm_at_last_word"]["0"] for name, case in padding.items()}
    reached = [padding[name]["accuracy"] for name in ("masked", "front", "behind")]
    masked, front, behind = (f"{accuracy:.3f}" for accuracy in reached)
    verdict = _told_apart(max(reached), min(reached), reviews)
    return (
        f"Before training, the median gradient at the last real word of a short review is "
        f"{norms['masked']:.2g} with padding masked, {norms['front']:.2g} with padding in front "
        f"and {norms['behind']:.2g} with padding behind; after training, the three networks reach "
        f"validation accuracies of {masked}, {front} and {behind} (standard error "
        f"{standard_error(max(reached), reviews):.3f}), {verdict}."
    )


def _told_apart(first: float, second: float, reviews: int) -> str:
    """Whether two accuracies on so many reviews, as if on different ones, differ by chance."""
    error = hypot(standard_error(first, reviews), standard_error(second, reviews))
    if abs(first - second) < _STANDARD_ERRORS * error:
        return "which cannot be told apart"
    return "which differ by more than chance explains"


def _recall(cells: Mapping[str, Any]) -> str:
    said = [f"{TITLES[name]} {_remembered(cell['accuracy'])}" for name, cell in cells.items()]
    return (
        f"The longest delay at which, as at all shorter ones, at least {_REMEMBERED:.0%} of the "
        f"marked words are recalled: {', '.join(said)}."
    )


def _remembered(accuracy: Mapping[str, float]) -> str:
    return _longest({delay: value >= _REMEMBERED for delay, value in accuracy.items()})


def _longest(succeeded: Mapping[str, bool]) -> str:
    """Up to where all numbers of steps, in order, were a success."""
    longest = "none"
    for steps, success in succeeded.items():
        if not success:
            return longest
        longest = f"{steps} steps"
    return f"at least {longest} (the longest tried)"


def _adding(cells: Mapping[str, Any]) -> str:
    said = [f"{TITLES[name]} {_added(cell['mean_squared_error'])}" for name, cell in cells.items()]
    return (
        "The longest sequence for which, as for all shorter ones, the mean squared error of the "
        f"sum is at most {_ADDED} (always answering 1 has 0.167): {', '.join(said)}."
    )


def _added(error: Mapping[str, float]) -> str:
    return _longest({length: value <= _ADDED for length, value in error.items()})


def _windows(windows: Mapping[str, Any]) -> str:
    length = list(windows["last"])[-1]
    parts = ", ".join(f"{windows[place][length]:.3f} ({place})" for place in _PLACES)
    return (
        f"The trained classifier reaches {windows['whole']:.3f} on whole validation reviews, "
        f"and with {length} words alone {parts}."
    )


def _order(results: Mapping[str, Any]) -> str:
    parts, reviews = results["windows"], results["material"]["validation"]
    bag, small = results["order"]["bag_of_words"], results["order"]["small_network"]
    return (
        f"Of {reviews:,} validation reviews (standard error at most "
        f"{standard_error(0.5, reviews):.3f}) a bag of words, fitted on the {bag['learned']:,} "
        f"training reviews, gets {bag['accuracy']:.3f} right; the trained classifier "
        f"{parts['whole']:.3f}, and {parts['shuffled']:.3f} when it is given their words shuffled, "
        f"though it expects them in order. A small LSTM taught on "
        f"{small['learned']:,} reviews gets {small['in_order']:.3f} right with words in order, and "
        f"{small['shuffled']:.3f} taught and judged on shuffled words, "
        f"{_told_apart(small['in_order'], small['shuffled'], reviews)}."
    )


def _reading(results: Mapping[str, Any]) -> str:
    reading = results["reading"]
    shown = reading["shown"]
    return (
        f"The probability of positive after each word of a {shown['label']} validation review, and "
        f"the evidence of the words: after word {shown['turn']} of {shown['words']} the classifier "
        f"gives {shown['probability_at_turn']:.3f}, at the end {shown['probability']:.3f}. For "
        f"positive speak most {_quoted(shown['for'])}, against it {_quoted(shown['against'])}. Of "
        f"{_counted(reading['reviews'], 'review')} of {reading['shortest']} to "
        f"{reading['longest']} words integrated gradients leave "
        f"{reading['largest_residual']:.2g} or less unexplained, in log odds, where the median "
        f"difference to explain is {reading['median_difference']:.2f}."
    )


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"“{word}”" for word in words) or "no word"


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"
