"""Accuracy, time and memory against `train.bptt_steps`, on real reviews.

    python -m benchmarks.bptt

Reads `data/prepared`, writes `reports/bptt.json`, of which the stage `diagnostics` draws a
figure, and its table in `docs/lesson.md`. Each length is trained in a process of its own, whose
largest memory the system knows. Run it with nothing else running.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.document import fill_in, table
from benchmarks.memory import peak_bytes
from imdb_rnn.config import Params, load_params
from imdb_rnn.console import console
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.diagnostics.small import SMALL_CELLS, accuracy, last_words, small_config
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.signals import ending_together
from imdb_rnn.training.loop import Trainer

PREPARED = Path("data/prepared")
RESULT = Path("reports/bptt.json")
LESSON = Path("docs/lesson.md")
STEPS = (1, 5, 20, 50, None)
REVIEWS, WORDS, EPOCHS = 4000, 200, 3
CELL = "lstm"


def main() -> None:
    """Train with each length and write the table."""
    if len(sys.argv) > 1:
        sys.stdout.write(json.dumps(measure(json.loads(sys.argv[1]))) + "\n")
        return
    results = {
        "cell": CELL,
        "reviews": REVIEWS,
        "words": WORDS,
        "epochs": EPOCHS,
        "rows": [_in_own_process(steps) for steps in STEPS],
    }
    write_json(RESULT, results)
    fill_in(LESSON, {"bptt": lesson_block(results)})


def lesson_block(results: Mapping[str, Any] | None) -> str:
    """What the lesson says between its markers.

    Args:
        results: Contents of `reports/bptt.json`; None before they were measured.
    """
    if results is None:
        return "Not measured yet.\n"
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
        f"{results['words']} words of {results['reviews']:,} reviews, judged by its last state:\n\n"
    ) + table(head, rows)


def measure(bptt_steps: int | None) -> dict[str, Any]:
    """Train a small LSTM that is judged by its last state, started as the project starts one."""
    params = load_params()
    torch.set_num_threads(params.train.threads)
    trainer, valid = _trainer(params, bptt_steps)
    began = time.perf_counter()
    for epoch in range(1, EPOCHS + 1):
        for _ in trainer.epoch(epoch):
            pass
    seconds = (time.perf_counter() - began) / EPOCHS
    return {
        "bptt_steps": bptt_steps,
        "valid_accuracy": round(accuracy(trainer.classifier, valid), 4),
        "seconds_an_epoch": round(seconds, 1),
        "peak_mib": peak_bytes() // 2**20,
    }


def _trainer(params: Params, bptt_steps: int | None) -> tuple[Trainer, TokenStore]:
    train, valid = (TokenStore.open(PREPARED / split) for split in ("train", "valid"))
    chosen = np.random.default_rng(params.seed).permutation(len(train))[:REVIEWS]
    config = small_config(params, CELL, initialization="orthogonal")
    size = read_json(PREPARED / "dataset.json")["vocabulary_size"]
    classifier = Classifier(size, WORDS, config, params.seed)
    classifier.bptt_steps = bptt_steps
    settings = params.train.model_copy(update={"epochs": EPOCHS, "ema_decay": 0.0})
    reviews = TrainingSet.labelled(last_words(train, chosen, WORDS))
    return (
        Trainer(classifier, reviews, settings, params.seed),
        last_words(valid, np.arange(len(valid)), WORDS),
    )


def _in_own_process(bptt_steps: int | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.bptt", json.dumps(bptt_steps)]
    done = subprocess.run(
        command, check=True, capture_output=True, encoding="utf-8", env=os.environ
    )
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    console.print(row)
    return row


if __name__ == "__main__":
    with ending_together():
        main()
