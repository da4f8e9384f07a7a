"""Watch small networks learn, and the trained classifier read parts of reviews."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from imdb_rnn.config import Params
from imdb_rnn.console import console, progress
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics import figures, results
from imdb_rnn.diagnostics.adding import Adding, add
from imdb_rnn.diagnostics.attempts import Attempt, attempt, begun, explode
from imdb_rnn.diagnostics.course import Course, Material, Snapshot, follow, gather, look
from imdb_rnn.diagnostics.delayed_recall import Recall, recall
from imdb_rnn.diagnostics.example import Examined, Example, examine
from imdb_rnn.diagnostics.findings import findings
from imdb_rnn.diagnostics.order import BagOfWords, OrderTaught, bag_of_words, teach_order
from imdb_rnn.diagnostics.small import SMALL_CELLS, small_shape
from imdb_rnn.diagnostics.starts import STARTS
from imdb_rnn.diagnostics.windows import PartAccuracies, read_parts
from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.curves import write_points
from imdb_rnn.evaluation.drawing import Figure
from imdb_rnn.evaluation.figures import write_figure
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.models.saved_model import load_model, load_tokenizer
from imdb_rnn.runtime.machine import prepare
from imdb_rnn.runtime.processes import side_by_side
from imdb_rnn.stages import run_stage

PREPARED = Path("data/prepared")
CLASSIFIER = Path("models/rnn")
TRUNCATION = Path("reports/bptt.json")
METRICS = Path("reports/diagnostics.json")
FIGURES = Path("reports/diagnostics")
POINTS = Path("reports/plots/diagnostics")

PADDINGS = {
    "masked": {},
    "front": {"padding": "pre", "mask_padding": False},
    "behind": {"padding": "post", "mask_padding": False},
}
"""What the network of the padding's effect, a tanh RNN, does with short reviews."""


def diagnostics(params: Params) -> None:
    """Read prepared reviews and model; write `reports/diagnostics.json`, points and pictures."""
    _use_one_thread()
    truncation = _read_truncation()
    dataset = read_json(PREPARED / "dataset.json")
    words = dataset["vocabulary_size"]
    material = gather(PREPARED, words, params)
    found = _carry_out(_studies(material, words, params), params.train.threads)
    cells: dict[str, Course] = found["cells"]
    padded: dict[str, Course] = found["padded"]
    starts: dict[str, dict[str, tuple[Snapshot, Attempt]]] = found["starts"]
    exploded: dict[str, dict[str, dict[str, Attempt]]] = found["exploded"]
    recalled: dict[str, Recall] = found["recalled"]
    added: dict[str, Adding] = found["added"]
    parts: PartAccuracies = found["parts"]
    examined: Examined = found["examined"]
    bag: BagOfWords = found["bag"]
    taught: OrderTaught = found["taught"]
    names = _names(examined.shown)
    summary = {
        "variant": dataset["variant"],
        "material": _material(material, params),
        "cells": {name: results.course_summary(course) for name, course in cells.items()},
        "initialization": {
            cell: {name: results.start_summary(*start) for name, start in by_name.items()}
            for cell, by_name in starts.items()
        },
        "explosion": {
            start: {
                optimizer: {way: results.attempt_summary(found) for way, found in ways.items()}
                for optimizer, ways in by_optimizer.items()
            }
            for start, by_optimizer in exploded.items()
        },
        "truncation": truncation,
        "padding": {name: results.padded_summary(course) for name, course in padded.items()},
        "recall": {name: results.recall_summary(found) for name, found in recalled.items()},
        "adding": {name: results.adding_summary(found) for name, found in added.items()},
        "windows": results.parts_summary(parts),
        "order": results.order_summary(bag, taught),
        "reading": results.example_summary(examined, names),
    }
    write_json(METRICS, summary)
    _draw_gradients(cells, starts, padded)
    _draw_trainings(cells, exploded, truncation)
    _draw_memory(recalled, added)
    _draw_reading(parts, bag, taught, len(material.valid))
    _draw_example(examined.shown, names)
    for name, sentence in findings(summary).items():
        console.print(f"{FIGURES / name}.png: {sentence}", markup=False)


def _read_truncation() -> dict[str, Any]:
    """What truncated training came to, whose times are not measured anew with every run."""
    if not TRUNCATION.exists():
        raise UserError(
            f"{TRUNCATION}: not there. Git has it; `python -m benchmarks.bptt` measures it anew."
        )
    measured: dict[str, Any] = read_json(TRUNCATION)
    return measured


def _studies(material: Material, words: int, params: Params) -> dict[str, Callable[[], Any]]:
    """What is to be found out, what takes longest first."""
    return {
        "starts": partial(_start, material, params),
        "taught": partial(teach_order, PREPARED, words, params),
        "parts": partial(_read_parts, params),
        "cells": partial(_follow_cells, material, params),
        "recalled": partial(_recall, params),
        "added": partial(_add, params),
        "examined": partial(_examine, params),
        "exploded": partial(explode, material, params),
        "padded": partial(_follow_padded, material, params),
        "bag": partial(bag_of_words, PREPARED, words),
    }


def _carry_out(studies: Mapping[str, Callable[[], Any]], processes: int) -> dict[str, Any]:
    """What came of each study, which does not depend on the number of processes."""
    found = {}
    with progress("studies", len(studies)) as advance:
        for name, result in side_by_side(studies, processes, _use_one_thread):
            found[name] = result
            advance()
    return found


def _use_one_thread() -> None:
    # A second thread costs networks this small more than it brings, and far more on a busy machine.
    prepare(threads=1, flush_subnormal=True)


def _follow_cells(material: Material, params: Params) -> dict[str, Course]:
    return {
        cell: follow(small_shape(params, cell), material, material.full, params)
        for cell in SMALL_CELLS
    }


def _start(material: Material, params: Params) -> dict[str, dict[str, tuple[Snapshot, Attempt]]]:
    """Of each start what its gradients are, and what a training comes to from there."""
    found: dict[str, dict[str, tuple[Snapshot, Attempt]]] = {}
    for cell, starts in STARTS.items():
        found[cell] = {}
        for name in starts:
            classifier = begun(cell, name, material, params)
            snapshot = look(classifier, material.full, params.diagnostics.words)
            found[cell][name] = snapshot, attempt(classifier, material, params)
    return found


def _follow_padded(material: Material, params: Params) -> dict[str, Course]:
    return {
        name: follow(small_shape(params, "tanh", **choices), material, material.short, params)
        for name, choices in PADDINGS.items()
    }


def _recall(params: Params) -> dict[str, Recall]:
    return {cell: recall(params, cell) for cell in SMALL_CELLS}


def _add(params: Params) -> dict[str, Adding]:
    return {cell: add(params, cell) for cell in SMALL_CELLS}


def _read_parts(params: Params) -> PartAccuracies:
    return read_parts(load_model(CLASSIFIER), TokenStore.open(PREPARED / "valid"), params.seed)


def _examine(params: Params) -> Examined:
    valid = TokenStore.open(PREPARED / "valid")
    return examine(load_model(CLASSIFIER), valid, params.diagnostics.words, params.seed)


def _material(material: Material, params: Params) -> dict[str, Any]:
    """What was read, for whoever reads the numbers."""
    return {
        "words": params.diagnostics.words,
        "epochs": params.diagnostics.epochs,
        "learned": len(material.learned),
        "measured": len(material.full),
        "measured_short": len(material.short),
        "median_words_of_short": float(np.median(material.short.lengths)),
        "validation": len(material.valid),
    }


def _names(example: Example) -> list[str]:
    """The review's words as the classifier knows them."""
    tokenizer = load_tokenizer(CLASSIFIER)
    return [tokenizer.token(int(word)) for word in example.words]


def _draw_gradients(
    cells: Mapping[str, Course],
    starts: Mapping[str, Mapping[str, tuple[Snapshot, Attempt]]],
    padded: Mapping[str, Course],
) -> None:
    by_start = {
        f"{cell}_{name}": snapshot
        for cell, named in starts.items()
        for name, (snapshot, _) in named.items()
    }
    _draw("gradients", results.gradient_points(_by_epoch(cells)), figures.gradients_figure)
    _draw("spectrum", results.spectrum_points(cells), figures.spectrum_figure)
    _draw("initialization", results.gradient_points(by_start), figures.initialization_figure)
    _draw("padding", results.gradient_points(_by_epoch(padded)), figures.padding_figure)


def _draw_trainings(
    cells: Mapping[str, Course],
    exploded: Mapping[str, Mapping[str, Mapping[str, Attempt]]],
    truncation: Mapping[str, Any],
) -> None:
    _draw("clipping", results.clipping_points(cells), figures.clipping_figure)
    _draw("explosion", results.explosion_points(exploded), figures.explosion_figure)
    _draw("truncation", results.truncation_points(truncation), figures.truncation_figure)


def _draw_memory(recalled: Mapping[str, Recall], added: Mapping[str, Adding]) -> None:
    _draw("recall", results.recall_points(recalled), figures.recall_figure)
    _draw("adding", results.adding_points(added), figures.adding_figure)


def _draw_reading(
    parts: PartAccuracies, bag: BagOfWords, taught: OrderTaught, reviews: int
) -> None:
    _draw(
        "windows",
        results.parts_points(parts),
        lambda points: figures.windows_figure(points, parts.whole),
    )
    _draw(
        "order",
        results.order_points(parts, bag, taught),
        lambda points: figures.order_figure(points, reviews),
    )


def _draw_example(shown: Example, names: list[str]) -> None:
    named = results.strongest_words(shown, names)
    _draw(
        "reading",
        results.example_points(shown),
        lambda points: figures.reading_figure(points, named),
    )


def _draw(name: str, points: pa.Table, figure: Callable[[pa.Table], Figure]) -> None:
    """Write a figure's points and its picture."""
    write_points(POINTS / f"{name}.csv", points, decimals=None)
    write_figure(FIGURES / f"{name}.png", figure(points))


def _by_epoch(courses: Mapping[str, Course]) -> dict[str, Snapshot]:
    return {
        f"{name}_{epoch}": snapshot
        for name, course in courses.items()
        for epoch, snapshot in enumerate(course.snapshots)
    }


if __name__ == "__main__":
    run_stage(diagnostics)
