"""What do MLflow and checkpoints cost a training? A server that is fast, slow, or not there.

    python -m benchmarks.training_overhead

Trains on real reviews of `data/prepared`, some hundred steps at a time with one thread, as the
stage `train` does: not recorded, recorded by a server beside it, by one that takes five seconds for
each answer, and by one that nobody started, in turn, so that all see the machine in the same state.
Writes `reports/training_overhead.json` and the table in docs/promises.md. Run it with nothing else
running.
"""

import math
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import chdir, closing, contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import requests
import typer

from benchmarks.document import fill_in, table
from benchmarks.machine import describe_machine
from imdb_rnn.config import Params, load_params
from imdb_rnn.console import console
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.diagnostics.small import in_memory
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.runtime.allocator import forget_primitives, keep_freed_memory
from imdb_rnn.runtime.determinism import flush_subnormal_numbers, make_deterministic
from imdb_rnn.signals import ending_together
from imdb_rnn.tracking.live import training_run
from imdb_rnn.training.checkpoint import SECONDS_BETWEEN, Checkpoint
from imdb_rnn.training.loop import Trainer, fit

PREPARED: Final = Path("data/prepared")
RESULTS: Final = Path("reports/training_overhead.json")
DOCUMENT: Final = Path("docs/promises.md")
DELAY_SECONDS: Final = 5.0
VALIDATION_REVIEWS: Final = 64
CHECKPOINTS: Final = 9
THREADS: Final = 1
UNRECORDED: Final = "not recorded"
NOBODY: Final = "http://127.0.0.1:1"
FORWARDED: Final = ("Content-Type", "Accept")


class Unrecorded:
    """Takes the place of the run in MLflow."""

    def log_step(self, step: int, metrics: dict[str, float]) -> None:
        """Steps are not recorded."""

    def log_epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        """Epochs are not recorded."""


class SlowProxy(ThreadingHTTPServer):
    """Passes requests on to another server, each after a while."""

    daemon_threads = True

    def __init__(self, port: int, upstream: str, delay: float) -> None:
        super().__init__(("127.0.0.1", port), SlowHandler)
        self.upstream = upstream
        self.delay = delay


class SlowHandler(BaseHTTPRequestHandler):
    """One connection to the proxy."""

    server: SlowProxy

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        time.sleep(self.server.delay)
        answer = requests.request(
            self.command,
            self.server.upstream + self.path,
            headers={name: self.headers[name] for name in FORWARDED if name in self.headers},
            data=body,
            timeout=60,
        )
        self.send_response(answer.status_code)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_PUT = do_PATCH = _pass_on  # noqa: N815 - http.server looks for these

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main(
    rounds: Annotated[int, typer.Option(help="Trainings of each kind.", min=1)] = 3,
    steps: Annotated[int, typer.Option(help="Gradient steps of a training.", min=1)] = 300,
) -> None:
    """Measure, and write the results."""
    make_deterministic(THREADS)
    flush_subnormal_numbers()
    keep_freed_memory()
    forget_primitives()
    params, facts = load_params(), read_json(PREPARED / "dataset.json")
    reviews = TrainingSet.labelled(_first("train", steps * params.train.batch_size))
    valid = _first("valid", VALIDATION_REVIEWS)
    with TemporaryDirectory(prefix="imdb-rnn-overhead-") as folder, servers(Path(folder)) as found:
        (Path(folder) / "data").mkdir()
        (Path(folder) / PREPARED).symlink_to(PREPARED.resolve())
        with chdir(folder):
            measure = Measurement(params, facts, reviews, valid)
            trainings = {name: list[dict[str, float]]() for name in found}
            for number in range(rounds):
                for name, address in found.items():
                    trainings[name].append(measure.training(address))
                    console.print(f"round {number + 1} of {rounds}, {name}: {trainings[name][-1]}")
            checkpoints = measure.checkpoints()
    results = {
        "machine": describe_machine(),
        "steps": steps,
        "rounds": rounds,
        "trainings": trainings,
        "slower": {name: _slower(trainings, name) for name in found if name != UNRECORDED},
        "end_seconds": {
            name: median(training["end_seconds"] for training in all_of)
            for name, all_of in trainings.items()
        },
        "checkpoint_seconds": checkpoints,
        "checkpoint_share": median(checkpoints) / SECONDS_BETWEEN,
    }
    write_json(RESULTS, results)
    fill_in(DOCUMENT, blocks(results))
    console.print(blocks(results)["overhead"])


def blocks(results: Mapping[str, Any]) -> dict[str, str]:
    """The table in docs/promises.md."""
    rows = [
        [
            f"recorded by a server that {name}",
            f"{100 * slower:+.1f} %",
            f"{results['end_seconds'][name]:.1f} s",
        ]
        for name, slower in results["slower"].items()
    ]
    checkpoint = median(results["checkpoint_seconds"])
    rows.append(
        [
            f"a checkpoint of {checkpoint:.2f} s every {SECONDS_BETWEEN:g} s",
            f"{100 * results['checkpoint_share']:+.1f} %",
            "",
        ]
    )
    return {"overhead": table(["training", "time", "wait at its end"], rows)}


def _slower(trainings: Mapping[str, list[dict[str, float]]], name: str) -> float:
    """Median over the rounds of the share by which a recorded training takes longer."""
    return median(
        recorded["seconds"] / unrecorded["seconds"] - 1
        for recorded, unrecorded in zip(trainings[name], trainings[UNRECORDED], strict=True)
    )


class Measurement:
    """Trains the same from the start, each time.

    Args:
        params: All of `params.yaml`.
        facts: Contents of `data/prepared/dataset.json`.
        reviews: To learn from, one epoch.
        valid: To validate on.
    """

    def __init__(
        self, params: Params, facts: Mapping[str, Any], reviews: TrainingSet, valid: TokenStore
    ) -> None:
        self._params = params
        self._facts = facts
        self._reviews = reviews
        self._valid = valid
        self._states = count(1)

    def training(self, address: str | None) -> dict[str, float]:
        """Train and record it at an address, or not at all.

        Returns:
            The seconds until the last step is done, and those until the run is closed.
        """
        os.environ["MLFLOW_TRACKING_URI"] = address or ""
        # A seed of its own, because a state that has a run already is not recorded twice.
        state = self._params.model_copy(update={"seed": next(self._states)})
        trainer = self._trainer()
        began = time.perf_counter()
        with training_run(state) if address else nullcontext(Unrecorded()) as run:
            fit(trainer, self._valid, run, Checkpoint(Path("checkpoint"), math.inf))
            done = time.perf_counter()
        closed = time.perf_counter()
        Path("checkpoint").unlink()
        _wait_for_sender()
        return {"seconds": done - began, "end_seconds": closed - done}

    def checkpoints(self) -> list[float]:
        """Seconds that checkpoints take."""
        trainer = self._trainer()
        fit(trainer, self._valid, Unrecorded(), checkpoint := Checkpoint(Path("checkpoint")))
        state = checkpoint.read()
        if state is None:
            raise RuntimeError("the training has left no checkpoint")
        seconds = []
        for _ in range(CHECKPOINTS):
            began = time.perf_counter()
            checkpoint.write({"trainer": trainer.state(), "training": state["training"]})
            seconds.append(time.perf_counter() - began)
        return seconds

    def _trainer(self) -> Trainer:
        classifier = Classifier(
            self._facts["vocabulary_size"],
            self._facts["max_length"],
            self._params.model,
            self._params.seed,
        )
        train = self._params.train.model_copy(update={"epochs": 1})
        return Trainer(classifier, self._reviews, train, self._params.seed)


def _first(split: str, wanted: int) -> TokenStore:
    """So many reviews of a split, or all that it has."""
    store = TokenStore.open(PREPARED / split)
    return in_memory([store[i] for i in range(min(wanted, len(store)))], store.labels[:wanted])


def _wait_for_sender() -> None:
    """A training's process ends without it; here the next would run beside it."""
    for thread in threading.enumerate():
        if thread.name == "mlflow-sender":
            thread.join()


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, str | None]]:
    """What a training is recorded by -> the address."""
    port, slow = _free_port(), _free_port()
    fast = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(
        [*command, "--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/runs.db"],
        cwd=folder,
        env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # A process of its own: the training must not share its interpreter with the proxy.
    proxy = multiprocessing.get_context("spawn").Process(
        target=_serve_slowly, args=(slow, fast), daemon=True
    )
    proxy.start()
    try:
        _wait_until_up(fast)
        yield {
            UNRECORDED: None,
            "answers at once": fast,
            f"takes {DELAY_SECONDS:g} s for each answer": f"http://127.0.0.1:{slow}",
            "is not there": NOBODY,
        }
    finally:
        proxy.terminate()
        server.terminate()
        server.wait()


def _serve_slowly(port: int, upstream: str) -> None:
    with SlowProxy(port, upstream, DELAY_SECONDS) as proxy:
        proxy.serve_forever()


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_up(address: str) -> None:
    for _ in range(600):
        try:
            if requests.get(f"{address}/health", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise RuntimeError(f"the MLflow server at {address} does not start")


if __name__ == "__main__":
    with ending_together():
        typer.run(main)
