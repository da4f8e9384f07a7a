"""A training that is under way, recorded without holding it up."""

import json
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from mlflow.entities import Metric

from imdb_rnn.config import Params
from imdb_rnn.console import error_console
from imdb_rnn.errors import naming
from imdb_rnn.repository.dvc import fingerprint, main_checkout
from imdb_rnn.tracking.connection import answered, warn
from imdb_rnn.tracking.run import PROVENANCE, StateRun, points_at, read_output

SECONDS_BETWEEN_FLUSHES: Final = 5.0
SECONDS_TO_FINISH: Final = 15.0
"""How long the end of a training waits for what is still to be sent."""


class Journal:
    """Points of one state's curves that MLflow may not have yet, in a file, a JSON list a line.

    A process that is killed loses none of them.

    Args:
        state: The fingerprint.
    """

    def __init__(self, state: str) -> None:
        self._path = main_checkout() / ".cache" / "curves" / f"{state}.jsonl"

    def points(self) -> list[Metric]:
        """What is in the file; a line that a killed process left unfinished is passed over."""
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [point for line in lines if (point := _parse_point(line))]

    def open(self) -> None:
        """Prepare for adding points behind those that are there."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a", encoding="utf-8")
        self._file.write("\n")  # an unfinished line ends here

    def append(self, points: Iterable[Metric]) -> None:
        """Add points; they are out of this process's hands on return.

        Raises:
            OSError: They cannot be written; the error names the file.
        """
        with naming(self._path):
            for point in points:
                entry = [point.key, point.value, point.timestamp, point.step]
                self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Add no more."""
        self._file.close()

    def remove(self) -> None:
        """Forget the points, which MLflow has."""
        self._path.unlink(missing_ok=True)


def _parse_point(line: str) -> Metric | None:
    try:
        key, value, timestamp, step = json.loads(line)
        return Metric(str(key), float(value), int(timestamp), int(step))
    except (ValueError, TypeError):
        return None


class LiveRun:
    """The run of a training that is under way; a thread sends, so that no server slows it down.

    What is logged goes into a journal first. Sent in whole, it is removed. The first call that
    MLflow does not answer is reported, and from then on nothing is sent: the training is worth more
    than its record. What the journal still holds is sent by the next attempt at the same state, or
    by `imdb-rnn track`.
    """

    def __init__(self, params: Params) -> None:
        self._params = params
        self._journal: Journal | None = None
        self._unsent: deque[Metric] = deque()
        self._status: str | None = None
        self._news = threading.Event()
        self._sender = threading.Thread(
            target=answered, args=(self._send,), name="mlflow-sender", daemon=True
        )
        answered(self._begin)

    def _begin(self) -> None:
        dataset = read_output(PROVENANCE)
        journal = Journal(fingerprint(self._params, dataset))
        self._unsent.extend(journal.points())  # of an earlier attempt
        journal.open()
        self._journal = journal
        self._dataset = dataset
        self._sender.start()

    def log_step(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add to the curves over gradient steps, `step/NAME`; sent a few seconds' worth at once.

        Args:
            step: Counted from 1 over the whole training.
            metrics: Value of each curve.
        """
        self._log(points_at("step", step, metrics))

    def log_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Add to the curves over epochs, `epoch/NAME`, and have all that is pending sent.

        Args:
            epoch: Counted from 1.
            metrics: Value of each curve.
        """
        self._log(points_at("epoch", epoch, metrics))
        self._news.set()

    def close(self, status: str) -> None:
        """Have the rest sent, and the final status set: FINISHED, FAILED or KILLED.

        Waits some seconds at most.
        """
        self._status = status
        self._news.set()
        if self._sender.is_alive():
            self._sender.join(SECONDS_TO_FINISH)
            if self._sender.is_alive():
                warn(f"has not taken everything within {SECONDS_TO_FINISH:g} s")
        if self._journal:
            self._journal.close()

    def _log(self, points: Sequence[Metric]) -> None:
        if self._journal:
            try:
                self._journal.append(points)
            except OSError as fault:
                self._journal = None
                error_console.print(
                    f"{fault.filename}: {fault.strerror}. The training goes on without this copy "
                    "of its curves; points that MLflow does not take are lost.",
                    style="yellow",
                )
        if self._sender.is_alive():
            self._unsent.extend(points)

    def _send(self) -> None:
        """The sender: opens the run, keeps up with the training, closes the run."""
        run = StateRun(self._params, self._dataset)
        run.describe()
        run.set_status("RUNNING")
        status = None
        while status is None:
            self._news.wait(SECONDS_BETWEEN_FLUSHES)
            self._news.clear()
            status = self._status  # before the points: none is logged once it is set
            run.extend_curves([self._unsent.popleft() for _ in range(len(self._unsent))])
        run.set_status(status)
        if self._journal:
            self._journal.remove()


@contextmanager
def training_run(params: Params) -> Iterator[LiveRun]:
    """Record a training while it goes on; a state that was trained before gets its old run back.

    Steps that an earlier attempt at the same state has logged are not logged again.

    Args:
        params: All of `params.yaml`.
    """
    run = LiveRun(params)
    try:
        yield run
    except (KeyboardInterrupt, SystemExit):
        run.close("KILLED")
        raise
    except BaseException:
        run.close("FAILED")
        raise
    run.close("FINISHED")
