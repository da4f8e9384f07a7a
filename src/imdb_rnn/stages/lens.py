"""Watch small networks learn, and the trained classifier read parts of reviews."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from imdb_rnn.console import console, progress
from imdb_rnn.corpus.store import TokenStore
from imdb_rnn.evaluation.curves import write_points
from imdb_rnn.evaluation.figures import write_figure
from imdb_rnn.jsonfile import read_json, write_json
from imdb_rnn.lens import figures, results
from imdb_rnn.lens.adding import Adding, add
from imdb_rnn.lens.course import Course, Material, Snapshot, follow, gather, look
from imdb_rnn.lens.findings import findings
from imdb_rnn.lens.recall import Recall, recall
from imdb_rnn.lens.small import SMALL_CELLS, small_shape
from imdb_rnn.lens.starts import STARTS, started
from imdb_rnn.lens.windows import PartAccuracies, read_parts
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.params import Params
from imdb_rnn.serving.model_folder import load_model
from imdb_rnn.stages import run_stage
from imdb_rnn.training.allocator import keep_freed_memory
from imdb_rnn.training.determinism import make_deterministic

PREPARED = Path("data/prepared")
CLASSIFIER = Path("models/rnn")
METRICS = Path("reports/lens.json")
FIGURES = Path("reports/lens")
POINTS = Path("reports/plots/lens")

PADDINGS = {
    "masked": {},
    "front": {"padding": "pre", "mask_padding": False},
    "behind": {"padding": "post", "mask_padding": False},
}
"""What the network of the padding's effect, a tanh RNN, does with short reviews."""


def lens(params: Params) -> None:
    """Read prepared reviews and model; write `reports/lens.json`, points and pictures."""
    make_deterministic(threads=1)  # a second one costs networks this small more than it brings
    keep_freed_memory()
    dataset = read_json(PREPARED / "dataset.json")
    material = gather(PREPARED, dataset["vocabulary_size"], params)
    cells = _follow_cells(material, params)
    starts = _start(material, params)
    padded = _follow_padded(material, params)
    recalled, added = _recall(params), _add(params)
    make_deterministic(params.train.threads)
    parts = read_parts(load_model(CLASSIFIER), TokenStore.open(PREPARED / "valid"), params.seed)
    summary = {
        "edition": dataset["edition"],
        "material": _material(material, params),
        "cells": {name: results.course_summary(course) for name, course in cells.items()},
        "initialization": {
            cell: {name: results.snapshot_summary(start) for name, start in by_name.items()}
            for cell, by_name in starts.items()
        },
        "padding": {name: results.padded_summary(course) for name, course in padded.items()},
        "recall": {name: results.recall_summary(found) for name, found in recalled.items()},
        "adding": {name: results.adding_summary(found) for name, found in added.items()},
        "windows": results.parts_summary(parts),
    }
    write_json(METRICS, summary)
    _draw(cells, starts, padded, (recalled, added), parts)
    for name, sentence in findings(summary).items():
        console.print(f"{FIGURES / name}.png: {sentence}", markup=False)


def _follow_cells(material: Material, params: Params) -> dict[str, Course]:
    courses = {}
    with progress("cells", len(SMALL_CELLS)) as advance:
        for cell in SMALL_CELLS:
            courses[cell] = follow(small_shape(params, cell), material, material.full, params)
            advance()
    return courses


def _start(material: Material, params: Params) -> dict[str, dict[str, Snapshot]]:
    return {
        cell: {
            name: look(
                started(_orthogonal(cell, material, params), start, params.seed),
                material.full,
                params.lens.words,
            )
            for name, start in starts.items()
        }
        for cell, starts in STARTS.items()
    }


def _orthogonal(cell: str, material: Material, params: Params) -> Classifier:
    shape = small_shape(params, cell, initialization="orthogonal")
    return Classifier(material.vocabulary_size, params.lens.words, shape, params.seed)


def _follow_padded(material: Material, params: Params) -> dict[str, Course]:
    return {
        name: follow(small_shape(params, "tanh", **choices), material, material.short, params)
        for name, choices in PADDINGS.items()
    }


def _recall(params: Params) -> dict[str, Recall]:
    recalled = {}
    with progress("recall", len(SMALL_CELLS)) as advance:
        for cell in SMALL_CELLS:
            recalled[cell] = recall(params, cell)
            advance()
    return recalled


def _add(params: Params) -> dict[str, Adding]:
    added = {}
    with progress("adding", len(SMALL_CELLS)) as advance:
        for cell in SMALL_CELLS:
            added[cell] = add(params, cell)
            advance()
    return added


def _material(material: Material, params: Params) -> dict[str, Any]:
    """What was read, for whoever reads the numbers."""
    return {
        "words": params.lens.words,
        "epochs": params.lens.epochs,
        "learned": len(material.learned),
        "measured": len(material.full),
        "measured_short": len(material.short),
        "median_words_of_short": float(np.median(material.short.lengths)),
        "validation": len(material.valid),
    }


def _draw(
    cells: Mapping[str, Course],
    starts: Mapping[str, Mapping[str, Snapshot]],
    padded: Mapping[str, Course],
    probes: tuple[Mapping[str, Recall], Mapping[str, Adding]],
    parts: PartAccuracies,
) -> None:
    """Write each figure's points and picture."""
    recalled, added = probes
    by_start = {
        f"{cell}_{name}": start for cell, named in starts.items() for name, start in named.items()
    }
    drawn = {
        "gradients": (results.gradient_points(_by_epoch(cells)), figures.gradients_figure),
        "initialization": (results.gradient_points(by_start), figures.initialization_figure),
        "clipping": (results.clipping_points(cells), figures.clipping_figure),
        "padding": (results.gradient_points(_by_epoch(padded)), figures.padding_figure),
        "recall": (results.recall_points(recalled), figures.recall_figure),
        "adding": (results.adding_points(added), figures.adding_figure),
    }
    for name, (points, draw) in drawn.items():
        write_points(POINTS / f"{name}.csv", points, decimals=None)
        write_figure(FIGURES / f"{name}.png", draw(points))
    points = results.parts_points(parts)
    write_points(POINTS / "windows.csv", points)
    picture = figures.windows_figure(points, parts.whole, parts.shuffled)
    write_figure(FIGURES / "windows.png", picture)


def _by_epoch(courses: Mapping[str, Course]) -> dict[str, Snapshot]:
    return {
        f"{name}_{epoch}": snapshot
        for name, course in courses.items()
        for epoch, snapshot in enumerate(course.snapshots)
    }


if __name__ == "__main__":
    run_stage(lens)
