"""The notebook's network at equal mathematics: its own loop against the project's, step by step.

The notebook's own loop runs twice, the second time with subnormal numbers set to zero, as the
project's does. All start from the same weights and read the same batches, each in a process of its
own, in turn, a piece of an epoch at a time, so that all see the machine in the same state. Writes
the blocks of [docs/profile.md](../docs/profile.md) and `reports/notebook_speed.json`.

Usage: python -m benchmarks.notebook_speed [--rounds N]
"""

import multiprocessing
import time
from collections.abc import Iterator
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final, Literal

import numpy as np
import torch
import typer
from torch import nn

from benchmarks.document import fill_in, table
from benchmarks.machine import describe_machine
from benchmarks.notebook import (
    BATCH_SIZE,
    VOCABULARY_SIZE,
    WIDTH,
    NotebookNetwork,
    NotebookTraining,
)
from benchmarks.pipeline import experiment_params
from benchmarks.reviews import Reviews
from benchmarks.words import PADDING, WordIds
from imdb_rnn.config import Params
from imdb_rnn.console import console
from imdb_rnn.data.batches import shuffled_batches
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.io.json_file import write_json
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.runtime.machine import prepare
from imdb_rnn.signals import ending_together
from imdb_rnn.training.loop import Trainer

RESULTS: Final = Path("reports/notebook_speed.json")
DOCUMENT: Final = Path("docs/profile.md")
COMPARED_LOSSES: Final = 200
STEPS_AT_ONCE: Final = 100
PROFILED_STEPS: Final = 20
OPERATIONS_SHOWN: Final = 8
SEED: Final = 1

# Forward, and backward by the weights and by the inputs, of two 128 x 128 matrices: 2 operations
# each for every entry and word.
FLOATING_POINT_OPERATIONS: Final = 2 * 3 * 2 * 128 * 128 * BATCH_SIZE * WIDTH

Loop = Literal["notebook", "flushed", "project"]
LOOPS: Final[tuple[Loop, ...]] = ("notebook", "flushed", "project")
HEADINGS: Final[dict[Loop, str]] = {
    "notebook": "the notebook's loop",
    "flushed": "the same without subnormal numbers",
    "project": "this project",
}


def main(
    rounds: Annotated[int, typer.Option(help="Epochs of each loop.", min=1)] = 3,
    steps: Annotated[int, typer.Option(help="Steps of an epoch; 0 takes all.", min=0)] = 0,
) -> None:
    """Compare, print, and write the results."""
    train = Reviews.read("train")
    tokens = WordIds(train.texts, VOCABULARY_SIZE).rectangle(train.texts, WIDTH, "post")
    results = compare(tokens, train.labels, rounds, steps)
    write_json(RESULTS, results)
    fill_in(DOCUMENT, blocks(results))
    console.print(blocks(results)["speed"])


def compare(
    tokens: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], rounds: int, steps: int = 0
) -> dict[str, Any]:
    """Train all loops for some epochs in turn.

    Args:
        tokens: int64 [reviews, time], padded behind.
        labels: [reviews].
        rounds: Epochs of each loop, each from fresh weights.
        steps: Steps of an epoch; 0 takes all.
    """
    epochs: dict[Loop, list[dict[str, Any]]] = {loop: [] for loop in LOOPS}
    for number in range(rounds):
        for loop, epoch in _epochs_in_turn(tokens, labels, steps).items():
            epochs[loop].append(epoch)
            console.print(
                f"round {number + 1} of {rounds}: {loop} {epoch['seconds']:.1f} s, "
                f"processor {epoch['cpu_seconds']:.1f} s"
            )
    losses = {loop: np.array(epochs[loop][0]["losses"][:COMPARED_LOSSES]) for loop in LOOPS}
    machine = describe_machine()
    return {
        "machine": machine,
        "rounds": rounds,
        "steps": len(epochs["notebook"][0]["losses"]),
        "ratios": {loop: _ratio(epochs, loop) for loop in LOOPS},
        "largest_loss_difference": max(
            float(np.abs(losses[loop] - losses["notebook"]).max()) for loop in LOOPS
        ),
        "losses_compared": len(losses["notebook"]),
        "loops": {loop: _summary(epochs[loop], machine["gflops_float32"]) for loop in LOOPS},
    }


def _ratio(epochs: dict[Loop, list[dict[str, Any]]], loop: Loop) -> float:
    """Median over the rounds of a loop's time by the project's."""
    ratios: list[float] = [
        one["seconds"] / project["seconds"]
        for one, project in zip(epochs[loop], epochs["project"], strict=True)
    ]
    return median(ratios)


def _summary(epochs: list[dict[str, Any]], gflops: float) -> dict[str, Any]:
    steps = len(epochs[0]["losses"])
    step_seconds = median(epoch["seconds"] for epoch in epochs) / steps
    return {
        "step_ms": 1000 * step_seconds,
        "cpu_step_ms": 1000 * median(epoch["cpu_seconds"] for epoch in epochs) / steps,
        "epoch_seconds": [epoch["seconds"] for epoch in epochs],
        "tokens_per_second": BATCH_SIZE * WIDTH / step_seconds,
        "share_of_matrix_limit": FLOATING_POINT_OPERATIONS / step_seconds / 1e9 / gflops,
        "operations": epochs[0]["operations"],
    }


def _epochs_in_turn(
    tokens: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], steps: int
) -> dict[Loop, dict[str, Any]]:
    """One epoch of each loop, some steps of each in turn."""
    spawn = multiprocessing.get_context("spawn")
    ends: dict[Loop, Connection] = {}
    workers: dict[Loop, Any] = {}
    for loop in LOOPS:
        ends[loop], theirs = spawn.Pipe()
        worker = spawn.Process(target=_work, args=(theirs, loop, tokens, labels), daemon=True)
        worker.start()
        workers[loop] = worker
        ends[loop].recv()  # it is ready
    total = steps or -(-len(tokens) // BATCH_SIZE)
    epochs: dict[Loop, dict[str, Any]] = {
        loop: {"seconds": 0.0, "cpu_seconds": 0.0, "losses": []} for loop in LOOPS
    }
    for begin in range(0, total, STEPS_AT_ONCE):
        for loop in LOOPS:
            ends[loop].send(min(STEPS_AT_ONCE, total - begin))
            seconds, cpu_seconds, losses = ends[loop].recv()
            epochs[loop]["seconds"] += seconds
            epochs[loop]["cpu_seconds"] += cpu_seconds
            epochs[loop]["losses"] += losses
    for loop in LOOPS:
        ends[loop].send(None)
        epochs[loop]["operations"] = ends[loop].recv()
        workers[loop].join()  # before the next one is profiled, which it would slow down
    return epochs


def _work(
    connection: Connection, loop: Loop, tokens: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]
) -> None:
    """Take as many steps as each message says; at None, profile some more and end."""
    params = Params.model_validate(experiment_params("notebook"))
    if loop == "flushed":
        torch.set_flush_denormal(True)
    epochs = project_steps if loop == "project" else notebook_steps
    steps = epochs(tokens, labels, params)
    connection.send("ready")
    while (number := connection.recv()) is not None:
        began, began_cpu = time.perf_counter(), time.process_time()
        losses = list(islice(steps, number))
        connection.send((time.perf_counter() - began, time.process_time() - began_cpu, losses))
    connection.send(_profile(steps))


def _batches(tokens: np.ndarray[Any, Any], number: int) -> list[np.ndarray[Any, Any]]:
    """The reviews of each step of an epoch, as the project's loop draws them."""
    lengths = np.full(len(tokens), tokens.shape[1])
    return shuffled_batches(lengths, BATCH_SIZE, SEED, number, by_length=False)


def _classifier(params: Params) -> Classifier:
    return Classifier(VOCABULARY_SIZE, WIDTH, params.model, SEED)


def notebook_steps(
    tokens: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], params: Params
) -> Iterator[float]:
    """Losses of the notebook's loop, from the weights that the project's classifier starts with."""
    network, classifier = NotebookNetwork(), _classifier(params)
    pairs: list[tuple[nn.Module, nn.Module]] = [
        (network.embedding, classifier.embedding),
        (network.rnn, classifier.layers[0].forwards),  # type: ignore[list-item]  # typed as any module
        (network.fc, classifier.output),
    ]
    for own, other in pairs:
        own.load_state_dict(other.state_dict())
    training = NotebookTraining(network, tokens, labels)
    for number in (1, 2):
        yield from training.steps([batch.tolist() for batch in _batches(tokens, number)])


def project_steps(
    tokens: np.ndarray[Any, Any], labels: np.ndarray[Any, Any], params: Params
) -> Iterator[float]:
    """Losses of the project's loop, set up as the stage `train` does."""
    prepare(params.train.threads, flush_subnormal=True, primitive_cache=False)
    trainer = Trainer(_classifier(params), _training_set(tokens, labels), params.train, SEED)
    for number in (1, 2):
        for step in trainer.epoch(number):
            yield step.loss


def _training_set(tokens: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> TrainingSet:
    """The same reviews in a token store, without their padding."""
    lengths = (tokens != PADDING).sum(1)
    store = TokenStore(
        tokens[tokens != PADDING].astype(np.int32),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        labels.astype(np.int8),
        np.array([str(number) for number in range(len(labels))]),
    )
    return TrainingSet.labelled(store)


def _profile(steps: Iterator[float]) -> list[dict[str, Any]]:
    """The operations on which most processor time is spent, in milliseconds a step."""
    for _ in islice(steps, PROFILED_STEPS):  # since the last step the others had the machine
        pass
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for _ in islice(steps, PROFILED_STEPS):
            pass
    operations = sorted(
        profile.key_averages(), key=lambda found: found.self_cpu_time_total, reverse=True
    )
    return [
        {
            "name": found.key,
            "ms": found.self_cpu_time_total / 1000 / PROFILED_STEPS,
            "calls": found.count / PROFILED_STEPS,
        }
        for found in operations[:OPERATIONS_SHOWN]
    ]


def blocks(results: dict[str, Any]) -> dict[str, str]:
    """The generated parts of the document."""
    loops = results["loops"]
    speed = table(
        ["", *HEADINGS.values()],
        [
            ["a step, ms", *(f"{loops[loop]['step_ms']:.1f}" for loop in LOOPS)],
            [
                "multiple of this project's time",
                *(f"{results['ratios'][loop]:.2f}" for loop in LOOPS),
            ],
            [
                "processor time a step, ms",
                *(f"{loops[loop]['cpu_step_ms']:.1f}" for loop in LOOPS),
            ],
            [
                "thousand tokens a second, padding counted",
                *(f"{loops[loop]['tokens_per_second'] / 1000:.0f}" for loop in LOOPS),
            ],
            [
                "share of the matrix product's speed",
                *(f"{loops[loop]['share_of_matrix_limit']:.0%}" for loop in LOOPS),
            ],
        ],
    )
    said = (
        f"{results['machine']['processor']}: "
        f"{results['rounds']} epochs of {results['steps']} steps each, in turn; "
        f"large float32 matrix products reach {results['machine']['gflops_float32']:.0f} GFLOP/s. "
        f"Over the first {results['losses_compared']} steps the losses differ by at most "
        f"{results['largest_loss_difference']:.1e}."
    )
    operations = {
        f"operations-{loop}": table(
            ["operation", "calls a step", "ms a step"],
            [
                [f"`{found['name']}`", f"{found['calls']:.0f}", f"{found['ms']:.2f}"]
                for found in loops[loop]["operations"]
            ],
        )
        for loop in LOOPS
    }
    return {
        "speed": f"\n{speed}\n{said}\n\n",
        **{name: f"\n{rows}\n" for name, rows in operations.items()},
    }


if __name__ == "__main__":
    with ending_together():
        typer.run(main)
