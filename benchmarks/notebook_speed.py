"""The notebook's network at equal mathematics: its own loop against this project's, step by step.

    python -m benchmarks.notebook_speed --rounds 3

The notebook's own loop runs twice, the second time with subnormal numbers set to zero, as the
project's does. All start from the same weights and read the same batches, in turn, each in a
process of its own. Writes `reports/notebook_speed.json` and its table in docs/benchmarks.md.
"""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Final

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from benchmarks import notebook
from benchmarks.baseline import Reviews
from benchmarks.document import fill_in, table
from benchmarks.machine import describe_machine, in_own_process
from benchmarks.pipeline import experiment_params
from benchmarks.words import PADDING, WordIds
from imdb_rnn.config import Params
from imdb_rnn.console import console
from imdb_rnn.data.batches import shuffled_batches
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.diagnostics.small import in_memory
from imdb_rnn.io.json_file import write_json
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.runtime.machine import prepare
from imdb_rnn.signals import ending_together
from imdb_rnn.training.loop import Trainer

RESULTS: Final = Path("reports/notebook_speed.json")
DOCUMENT: Final = Path("docs/benchmarks.md")
SEED: Final = 1
LOOPS: Final = {
    "notebook": "the notebook's loop",
    "flushed": "the same without subnormal numbers",
    "project": "this project",
}


def main(
    rounds: Annotated[int, typer.Option(help="Epochs of each loop.", min=1)] = 3,
) -> None:
    """Compare, print, and write the results."""
    found: dict[str, list[float]] = {loop: [] for loop in LOOPS}
    for _ in range(rounds):
        for loop, milliseconds in found.items():
            milliseconds.append(in_own_process(step_ms, loop))
            console.print(f"{loop}: {milliseconds[-1]:.1f} ms a step")
    pairs = {loop: zip(times, found["project"], strict=True) for loop, times in found.items()}
    results = {
        "machine": describe_machine(),
        "rounds": rounds,
        "ratios": {loop: median(a / b for a, b in both) for loop, both in pairs.items()},
        "step_ms": {loop: median(times) for loop, times in found.items()},
    }
    write_json(RESULTS, results)
    fill_in(DOCUMENT, blocks(results))
    console.print(blocks(results)["notebook"])


def step_ms(loop: str) -> float:
    """Train for one epoch: the time that a step takes, on average."""
    train = Reviews.read("train")
    words = WordIds(train.texts, notebook.VOCABULARY_SIZE)
    tokens = words.rectangle(train.texts, notebook.WIDTH, "post")
    params = Params.model_validate(experiment_params("notebook"))
    if loop == "flushed":
        torch.set_flush_denormal(True)
    taken = (project_steps if loop == "project" else notebook_steps)(tokens, train.labels, params)
    next(taken)  # the first step sets everything up
    began = time.perf_counter()
    number = sum(1 for _ in taken)
    return 1000 * (time.perf_counter() - began) / number


def notebook_steps(
    tokens: NDArray[np.int64], labels: NDArray[np.int64], params: Params
) -> Iterator[float]:
    """Losses of the notebook's loop, from the weights that the project's classifier starts with.

    Args:
        tokens: [reviews, time], padded behind.
        labels: [reviews].
        params: Those of the experiment `notebook`.
    """
    network, classifier = notebook.NotebookNetwork(), _classifier(params)
    plain_layer: Any = classifier.layers[0]
    network.embedding.load_state_dict(classifier.embedding.state_dict())
    network.rnn.load_state_dict(plain_layer.forwards.state_dict())
    network.fc.load_state_dict(classifier.output.state_dict())
    lengths = np.full(len(tokens), tokens.shape[1])
    batches = shuffled_batches(lengths, notebook.BATCH_SIZE, SEED, 1, by_length=False)
    sampler = [batch.tolist() for batch in batches]
    loader = DataLoader(notebook.dataset(tokens, labels), batch_sampler=sampler)
    yield from notebook.train_epoch(network, notebook.optimizer_of(network), loader)


def project_steps(
    tokens: NDArray[np.int64], labels: NDArray[np.int64], params: Params
) -> Iterator[float]:
    """Losses of the project's loop on the same reviews, set up as the stage `train` does."""
    prepare(params.train.threads, flush_subnormal=True, primitive_cache=False)
    texts = [row[row != PADDING].astype(np.int32) for row in tokens]
    reviews = TrainingSet.labelled(in_memory(texts, labels.astype(np.int8)))
    trainer = Trainer(_classifier(params), reviews, params.train, SEED)
    for step in trainer.epoch(1):
        yield step.loss


def _classifier(params: Params) -> Classifier:
    return Classifier(notebook.VOCABULARY_SIZE, notebook.WIDTH, params.model, SEED)


def blocks(results: Mapping[str, Any]) -> dict[str, str]:
    """The table in docs/benchmarks.md."""
    rows = [
        (title, f"{results['step_ms'][loop]:.1f}", f"{results['ratios'][loop]:.2f}")
        for loop, title in LOOPS.items()
    ]
    head = ("", "a step, ms", "multiple of this project's time")
    said = f"{results['machine']['processor']}: {results['rounds']} epochs of each, in turn."
    return {"notebook": f"{table(head, rows)}\n{said}\n"}


if __name__ == "__main__":
    with ending_together():
        typer.run(main)
