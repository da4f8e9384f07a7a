"""What the lens saw, as numbers for `reports/lens.json` and as points of its figures."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from imdb_rnn.lens.adding import Adding
from imdb_rnn.lens.cells import Array
from imdb_rnn.lens.course import Course, Snapshot
from imdb_rnn.lens.flow import band, factor_per_step, orders_of_magnitude
from imdb_rnn.lens.recall import Recall
from imdb_rnn.lens.small import CLIP_NORM
from imdb_rnn.lens.windows import PartAccuracies
from imdb_rnn.models.summary import parameter_count

QUANTILES = ("low", "median", "high")


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
        "error": {str(length): _rounded(value) for length, value in adding.error.items()},
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


def gradient_points(snapshots: Mapping[str, Snapshot]) -> pa.Table:
    """Bands of gradient norms: distance, and NAME_low, NAME_median, NAME_high of each network.

    What is zero is left out: it has no place on a logarithmic axis.
    """
    bands = {
        f"{name}_{quantile}": _nonzero(values)
        for name, snapshot in snapshots.items()
        for quantile, values in zip(QUANTILES, band(snapshot.flow.by_state), strict=True)
    }
    distances = np.arange(max(map(len, bands.values())))
    return pa.table({"distance": distances} | bands)


def clipping_points(courses: Mapping[str, Course]) -> pa.Table:
    """Norm of the whole gradient before and after clipping, by step."""
    columns: dict[str, Any] = {}
    for name, course in courses.items():
        columns[f"{name}_before"] = course.gradient_norms
        columns[f"{name}_after"] = np.minimum(course.gradient_norms, CLIP_NORM)
    steps = np.arange(1, max(map(len, columns.values())) + 1)
    return pa.table({"step": steps} | columns)


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


def _rounded(value: float | np.floating[Any]) -> float:
    """To four significant digits, which keeps small norms."""
    return float(f"{value:.4g}")
