"""Accuracy, time and memory against `train.bptt_steps`, on real reviews.

    python -m benchmarks.bptt

Reads `data/prepared`, writes `reports/bptt.json`, of which the stage `diagnostics` draws a
figure, and its table in `docs/lesson.md`. Each length is trained in a process of its own, whose
largest memory the system knows. Run it with nothing else running.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from benchmarks.document import fill_in, table
from benchmarks.machine import in_own_process, peak_bytes
from imdb_rnn.config import load_params
from imdb_rnn.console import console
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.diagnostics.small import SMALL_CELLS, accuracy, last_words, small_config
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.signals import ending_together
from imdb_rnn.training.loop import Trainer

PREPARED: Final = Path("data/prepared")
RESULT: Final = Path("reports/bptt.json")
LESSON: Final = Path("docs/lesson.md")
STEPS: Final = (1, 5, 20, 50, None)
CELL: Final = "lstm"
REVIEWS, WORDS, EPOCHS = 4000, 200, 3


def main() -> None:
    """Train with each length and write the table."""
    rows = []
    for steps in STEPS:
        rows.append(in_own_process(measure, steps))
        console.print(rows[-1])
    material = {"cell": CELL, "reviews": REVIEWS, "words": WORDS, "epochs": EPOCHS}
    classes = read_json(PREPARED / "dataset.json")["classes"]
    results = material | {"classes": classes, "rows": rows}
    write_json(RESULT, results)
    fill_in(LESSON, {"bptt": lesson_block(results)})


def lesson_block(results: Mapping[str, Any]) -> str:
    """What the lesson says between its markers, from the contents of `reports/bptt.json`."""
    head = ("`train.bptt_steps`", "validation accuracy", "seconds an epoch", "peak memory, MiB")
    rows = [
        (
            "none" if row["bptt_steps"] is None else str(row["bptt_steps"]),
            f"{row['valid_accuracy']:.4f}",
            f"{row['seconds_an_epoch']:.1f}",
            f"{row['peak_mib']:,}",
        )
        for row in results["rows"]
    ]
    return (
        f"{SMALL_CELLS[results['cell']].title} of {results['epochs']} epochs over the last "
        f"{results['words']} words of {results['reviews']:,} reviews, read by its last state:\n\n"
    ) + table(head, rows)


def measure(bptt_steps: int | None) -> dict[str, Any]:
    """Train a small LSTM that reads by its last state, initialized as the project does."""
    params = load_params()
    torch.set_num_threads(params.train.threads)
    train, valid = (TokenStore.open(PREPARED / split) for split in ("train", "valid"))
    chosen = np.random.default_rng(params.seed).permutation(len(train))[:REVIEWS]
    config = small_config(params, CELL, initialization="orthogonal")
    dataset = read_json(PREPARED / "dataset.json")
    classes = len(dataset["classes"])
    classifier = Classifier(dataset["vocabulary_size"], WORDS, config, params.seed, classes=classes)
    classifier.bptt_steps = bptt_steps
    settings = params.train.model_copy(update={"epochs": EPOCHS, "ema_decay": 0.0})
    reviews = TrainingSet.labelled(last_words(train, chosen, WORDS), classes)
    trainer = Trainer(classifier, reviews, settings, params.seed)
    held_out = last_words(valid, np.arange(len(valid)), WORDS)
    began = time.perf_counter()
    for epoch in range(1, EPOCHS + 1):
        for _ in trainer.epoch(epoch):
            pass
    seconds = (time.perf_counter() - began) / EPOCHS
    return {
        "bptt_steps": bptt_steps,
        "valid_accuracy": round(accuracy(classifier, held_out), 4),
        "seconds_an_epoch": round(seconds, 1),
        "peak_mib": peak_bytes() // 2**20,
    }


if __name__ == "__main__":
    with ending_together():
        main()
