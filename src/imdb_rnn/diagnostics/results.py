"""What was measured, as numbers for `reports/diagnostics.json` and as points of its figures."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from imdb_rnn.diagnostics.adding import Adding
from imdb_rnn.diagnostics.attempts import Attempt
from imdb_rnn.diagnostics.cells import Array
from imdb_rnn.diagnostics.course import Course, Snapshot
from imdb_rnn.diagnostics.delayed_recall import Recall
from imdb_rnn.diagnostics.example import Examined, Example
from imdb_rnn.diagnostics.flow import band, factor_per_step, orders_of_magnitude
from imdb_rnn.diagnostics.order import BagOfWords, OrderTaught
from imdb_rnn.diagnostics.small import CLIP_NORM
from imdb_rnn.diagnostics.windows import PartAccuracies
from imdb_rnn.models.summary import parameter_count

QUANTILES: Final = ("low", "median", "high")
BY_EPOCH: Final = (
    "factor_per_step",
    "memory_factor_per_step",
    "spectral_radius",
    "largest_singular_value",
)
"""What `spectrum_points` has of each network."""
NAMED: Final = 4
"""Words of a review that are named for each class, the strongest."""


def course_summary(course: Course) -> dict[str, Any]:
    """A network's numbers: how it was clipped, how good it got, and each of its epochs."""
    norms = course.gradient_norms
    return {
        "parameters": parameter_count(course.classifier),
        "accuracy": _rounded(course.accuracy),
        "largest_gradient_norm": _rounded(norms.max()),
        "median_gradient_norm": _rounded(np.median(norms)),
        "clipped_share": _rounded((norms > CLIP_NORM).mean()),
        "epochs": {
            str(epoch): snapshot_summary(snapshot)
            for epoch, snapshot in enumerate(course.snapshots)
        },
    }


def snapshot_summary(snapshot: Snapshot) -> dict[str, float]:
    """Medians over the reviews, at the nearest and the farthest word, and W_h."""
    _, median, _ = band(snapshot.flow.by_state)
    summary = {
        "norm_at_last_word": median[0],
        "norm_at_farthest_word": median[-1],
        "orders_of_magnitude": orders_of_magnitude(median),
        "factor_per_step": factor_per_step(median),
        "spectral_radius": snapshot.spectrum.radius,
        "largest_singular_value": snapshot.spectrum.largest_singular_value,
    }
    if snapshot.flow.by_memory is not None:
        _, by_memory, _ = band(snapshot.flow.by_memory)
        # The loss reads h_t, so the last cell state itself has no part in it.
        summary["memory_factor_per_step"] = factor_per_step(by_memory[1:])
    return {name: _rounded(value) for name, value in summary.items()}


def start_summary(snapshot: Snapshot, taught: Attempt) -> dict[str, Any]:
    """A network as it starts, and what it comes to from there."""
    return snapshot_summary(snapshot) | {"taught": attempt_summary(taught)}


def attempt_summary(attempt: Attempt) -> dict[str, Any]:
    """How far a training came, how large its gradients were, and how good the network got."""
    norms = attempt.gradient_norms
    return {
        "steps": len(norms),
        "share_above_limit": _rounded((norms > CLIP_NORM).sum() / max(len(norms), 1)),
        "largest_gradient_norm": _rounded(norms.max(initial=0)),
        "accuracy": None if attempt.accuracy is None else _rounded(attempt.accuracy),
    }


def order_summary(bag: BagOfWords, taught: OrderTaught) -> dict[str, Any]:
    """Accuracies of who is given no order, and of the same network with it."""
    return {
        "bag_of_words": {"accuracy": _rounded(bag.accuracy), "learned": bag.learned},
        "small_network": {
            "in_order": _rounded(taught.in_order),
            "shuffled": _rounded(taught.shuffled),
            "learned": taught.learned,
        },
    }


def padded_summary(course: Course) -> dict[str, Any]:
    """A network that meets padding: what arrives at the last real word of a short review."""
    return {
        "accuracy": _rounded(course.accuracy),
        "norm_at_last_word": {
            str(epoch): _rounded(np.median(snapshot.flow.by_state[0]))
            for epoch, snapshot in enumerate(course.snapshots)
        },
    }


def recall_summary(recall: Recall) -> dict[str, Any]:
    """A cell's size and its accuracy by delay."""
    return {
        "hidden_size": recall.hidden_size,
        "parameters": recall.parameters,
        "accuracy": {str(delay): _rounded(value) for delay, value in recall.accuracy.items()},
    }


def adding_summary(adding: Adding) -> dict[str, Any]:
    """A cell's size and its error by length."""
    return {
        "hidden_size": adding.hidden_size,
        "parameters": adding.parameters,
        "mean_squared_error": {
            str(length): _rounded(value) for length, value in adding.error.items()
        },
    }


def parts_summary(parts: PartAccuracies) -> dict[str, Any]:
    """Accuracies of the trained classifier."""
    return {
        "whole": _rounded(parts.whole),
        "shuffled": _rounded(parts.shuffled),
        **{
            place: {str(length): _rounded(value) for length, value in accuracies.items()}
            for place, accuracies in parts.parts.items()
        },
    }


def example_summary(examined: Examined, names: Sequence[str]) -> dict[str, Any]:
    """How the shown review's verdict turned, by which words, and how well evidence adds up.

    Args:
        examined: By the trained classifier.
        names: Of the shown review's words.
    """
    shown = examined.shown
    return {
        "reviews": len(examined.residuals),
        "shortest": int(examined.lengths.min()),
        "longest": int(examined.lengths.max()),
        "largest_residual": _rounded(examined.residuals.max()),
        "median_difference": _rounded(np.median(examined.differences)),
        "shown": {
            "review": shown.name,
            "label": "positive" if shown.positive else "negative",
            "words": len(shown.words),
            "turn": shown.turn + 1,
            "probability_at_turn": _rounded(shown.probabilities[shown.turn]),
            "probability": _rounded(shown.probabilities[-1]),
            "for": [names[i] for i in _strongest(shown, 1)],
            "against": [names[i] for i in _strongest(shown, -1)],
        },
    }


def example_points(shown: Example) -> pa.Table:
    """By position from 1: probability after the word, and the word's evidence."""
    return pa.table(
        {
            "position": range(1, len(shown.words) + 1),
            "probability": [_rounded(value) for value in shown.probabilities],
            "evidence": [_rounded(value) for value in shown.evidence.tokens],
        }
    )


def strongest_words(shown: Example, names: Sequence[str]) -> dict[int, str]:
    """The words with most evidence for either class, by position from 1."""
    return {i + 1: names[i] for sign in (1, -1) for i in _strongest(shown, sign)}


def _strongest(shown: Example, sign: int) -> list[int]:
    """Places of at most `NAMED` words whose evidence has a sign, the strongest first."""
    evidence = sign * shown.evidence.tokens
    return [int(i) for i in np.argsort(-evidence, kind="stable")[:NAMED] if evidence[i] > 0]


def gradient_points(snapshots: Mapping[str, Snapshot]) -> pa.Table:
    """Bands of gradient norms: distance, and NAME_low, NAME_median, NAME_high of each network.

    An LSTM has NAME_memory as well, the median by its cell state. What is zero is left out: it has
    no place on a logarithmic axis.
    """
    columns = {
        name: _nonzero(values)
        for network, snapshot in snapshots.items()
        for name, values in _gradient_columns(network, snapshot)
    }
    distances = np.arange(max(map(len, columns.values())))
    return pa.table({"distance": distances} | columns)


def _gradient_columns(network: str, snapshot: Snapshot) -> Iterator[tuple[str, Array]]:
    for quantile, values in zip(QUANTILES, band(snapshot.flow.by_state), strict=True):
        yield f"{network}_{quantile}", values
    if snapshot.flow.by_memory is not None:
        yield f"{network}_memory", band(snapshot.flow.by_memory)[1]


def spectrum_points(courses: Mapping[str, Course]) -> pa.Table:
    """By epoch, 0 being the start: CELL_QUANTITY for each of `BY_EPOCH` that the cell has."""
    by_cell = {
        cell: [snapshot_summary(snapshot) for snapshot in course.snapshots]
        for cell, course in courses.items()
    }
    columns = {
        f"{cell}_{quantity}": [epoch[quantity] for epoch in epochs]
        for cell, epochs in by_cell.items()
        for quantity in BY_EPOCH
        if quantity in epochs[0]
    }
    return pa.table({"epoch": range(max(map(len, columns.values())))} | columns)


def clipping_points(courses: Mapping[str, Course]) -> pa.Table:
    """Norm of the whole gradient before and after clipping, by step."""
    columns: dict[str, Any] = {}
    for name, course in courses.items():
        columns[f"{name}_before"] = course.gradient_norms
        columns[f"{name}_after"] = np.minimum(course.gradient_norms, CLIP_NORM)
    steps = np.arange(1, max(map(len, columns.values())) + 1)
    return pa.table({"step": steps} | columns)


def explosion_points(exploded: Mapping[str, Mapping[str, Mapping[str, Attempt]]]) -> pa.Table:
    """By step: START_OPTIMIZER_CLIPPING_norm before clipping, and _loss; empty once it diverged."""
    columns: dict[str, Array] = {}
    for start, by_optimizer in exploded.items():
        for optimizer, by_clipping in by_optimizer.items():
            for clipping, attempt in by_clipping.items():
                name = f"{start}_{optimizer}_{clipping}"
                columns |= {f"{name}_norm": attempt.gradient_norms, f"{name}_loss": attempt.losses}
    steps = max(map(len, columns.values()))
    padded = {name: _significant(values, steps) for name, values in columns.items()}
    return pa.table({"step": range(1, steps + 1)} | padded)


def truncation_points(measured: Mapping[str, Any]) -> pa.Table:
    """By words that the gradient goes back: accuracy, seconds an epoch, mebibytes.

    Args:
        measured: Contents of `reports/bptt.json`; uncut, a gradient goes back over all words.
    """
    rows: Sequence[Mapping[str, Any]] = measured["rows"]
    return pa.table(
        {
            "words": [row["bptt_steps"] or measured["words"] for row in rows],
            "accuracy": [row["valid_accuracy"] for row in rows],
            "seconds": [row["seconds_an_epoch"] for row in rows],
            "mebibytes": [row["peak_mib"] for row in rows],
        }
    )


def order_points(parts: PartAccuracies, bag: BagOfWords, taught: OrderTaught) -> pa.Table:
    """Accuracies on the validation reviews: who, accuracy."""
    accuracies = {
        "classifier in order": parts.whole,
        "classifier shuffled": parts.shuffled,
        "bag of words": bag.accuracy,
        "small LSTM in order": taught.in_order,
        "small LSTM shuffled": taught.shuffled,
    }
    return pa.table({"who": list(accuracies), "accuracy": list(accuracies.values())})


def recall_points(recalls: Mapping[str, Recall]) -> pa.Table:
    """Accuracy by delay, a column for each cell."""
    delays = list(next(iter(recalls.values())).accuracy)
    cells = {name: list(recall.accuracy.values()) for name, recall in recalls.items()}
    return pa.table({"delay": delays} | cells)


def adding_points(addings: Mapping[str, Adding]) -> pa.Table:
    """Mean squared error by length, a column for each cell."""
    lengths = list(next(iter(addings.values())).error)
    cells = {name: list(adding.error.values()) for name, adding in addings.items()}
    return pa.table({"length": lengths} | cells)


def parts_points(parts: PartAccuracies) -> pa.Table:
    """Accuracy by the length of the window, a column for each of its places."""
    lengths = list(next(iter(parts.parts.values())))
    places = {place: list(values.values()) for place, values in parts.parts.items()}
    return pa.table({"words": lengths} | places)


def _nonzero(values: Array) -> pa.Array:
    kept = [float(f"{value:.6g}") if value > 0 else None for value in values]
    return pa.array(kept, pa.float64())


def _significant(values: Array, length: int) -> pa.Array:
    """To six digits, and filled up with nothing to a length."""
    kept = [float(f"{value:.6g}") for value in values]
    return pa.array(kept + [None] * (length - len(kept)), pa.float64())


def _rounded(value: float | np.floating[Any]) -> float:
    """To four significant digits, which keeps small norms."""
    return float(f"{value:.4g}")
