import signal
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.errors import UserError
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.training.checkpoint import Checkpoint
from imdb_rnn.training.loop import Epoch, Trainer, fit
from limits import largest_file
from models.shapes import model_shape
from training.test_loop import Recorder, reviews, train_params


class KilledError(Exception):
    """Stands in for a kill that leaves no time for anything."""


class Killer(Recorder):
    """Ends a training right after one of its steps."""

    def __init__(self, last_step: int) -> None:
        super().__init__()
        self._last_step = last_step

    def log_step(self, step: int, metrics: dict[str, float]) -> None:
        super().log_step(step, metrics)
        if step == self._last_step:
            raise KilledError


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[TokenStore, TokenStore]:
    folder = tmp_path_factory.mktemp("stores")
    return reviews(folder / "train", 100, 0), reviews(folder / "valid", 40, 1)


def train(
    stores: tuple[TokenStore, TokenStore],
    checkpoint: Checkpoint,
    observer: Recorder,
    **changes: Any,
) -> tuple[bytes, list[Epoch], int]:
    """The bytes of the weights, the history, and the best epoch."""
    torch.set_num_threads(1)
    shape = model_shape(pooling="max", embedding_dropout=0.2, output_dropout=0.2, word_dropout=0.1)
    trainer = Trainer(
        Classifier(30, 12, shape, seed=1),
        TrainingSet.labelled(stores[0]),
        train_params(epochs=2, **changes),
        seed=1,
    )
    history, best = fit(trainer, stores[1], observer, checkpoint)
    weights = trainer.classifier.state_dict().values()
    return b"".join(weight.numpy().tobytes() for weight in weights), history, best


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ema_decay": 0.9},
        {"optimizer": "sgd", "momentum": 0.9, "schedule": "cosine"},
        {"optimizer": "sgd", "schedule": "constant"},
        {"optimizer": "adam", "max_grad_norm": None, "patience": 1},
    ],
)
def test_a_training_killed_after_any_step_ends_as_if_nothing_had_happened(
    stores: tuple[TokenStore, TokenStore], tmp_path: Path, changes: dict[str, Any]
) -> None:
    undisturbed = Recorder()
    expected = train(stores, Checkpoint(tmp_path / "undisturbed"), undisturbed, **changes)
    for last_step in range(1, len(undisturbed.steps) + 1):
        # A checkpoint after every step, and one after every third step or so.
        for seconds_between in (0.0, 1e9):
            checkpoint = Checkpoint(tmp_path / f"{last_step}-{seconds_between}", seconds_between)
            with pytest.raises(KilledError):
                train(stores, checkpoint, Killer(last_step), **changes)
            again = Recorder()
            assert train(stores, checkpoint, again, **changes) == expected
            assert again.steps == undisturbed.steps[-len(again.steps) :]
            if not seconds_between:
                assert again.steps[0][0] == last_step  # no step before it is taken again


class Interrupter(Recorder):
    """Sends SIGINT after the fifth step."""

    def log_step(self, step: int, metrics: dict[str, float]) -> None:
        super().log_step(step, metrics)
        if step == 5:
            signal.raise_signal(signal.SIGINT)


def test_a_training_that_is_asked_to_stop_saves_first(
    stores: tuple[TokenStore, TokenStore], tmp_path: Path
) -> None:
    expected = train(stores, Checkpoint(tmp_path / "undisturbed"), Recorder())
    checkpoint = Checkpoint(tmp_path / "checkpoint", seconds_between=1e9)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(stores, checkpoint, Interrupter())
    assert signal.getsignal(signal.SIGINT) is before
    again = Recorder()
    assert train(stores, checkpoint, again) == expected
    assert again.steps[0][0] == 6


def test_an_ignored_signal_stops_nothing(
    stores: tuple[TokenStore, TokenStore], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A shell without job control has its background jobs ignore SIGINT."""
    expected = train(stores, Checkpoint(tmp_path / "undisturbed"), Recorder())
    capsys.readouterr()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert train(stores, Checkpoint(tmp_path / "checkpoint"), Interrupter()) == expected
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert "stopped" not in capsys.readouterr().out


@pytest.mark.fault
def test_a_disk_without_room_for_a_checkpoint_leaves_the_one_before(
    stores: tuple[TokenStore, TokenStore], tmp_path: Path
) -> None:
    class FullDisk(Recorder):
        def log_step(self, step: int, metrics: dict[str, float]) -> None:
            super().log_step(step, metrics)
            if step == 5:
                full.enter_context(largest_file(1000))

    expected = train(stores, Checkpoint(tmp_path / "undisturbed"), Recorder())
    path = tmp_path / "cache" / "checkpoint"
    with pytest.raises(OSError, match="File too large") as fault, ExitStack() as full:
        train(stores, Checkpoint(path, seconds_between=0.0), FullDisk())
    assert fault.value.filename == str(path)
    assert list(path.parent.iterdir()) == [path]
    again = Recorder()
    assert train(stores, Checkpoint(path), again) == expected
    assert again.steps[0][0] == 5


def test_a_finished_training_is_not_repeated(
    stores: tuple[TokenStore, TokenStore], tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    expected = train(stores, checkpoint, Recorder())
    again = Recorder()
    assert train(stores, checkpoint, again) == expected
    assert again.steps == []


def test_after_discarding_the_training_starts_over(
    stores: tuple[TokenStore, TokenStore], tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint")
    expected = train(stores, checkpoint, Recorder())
    checkpoint.discard()
    again = Recorder()
    assert train(stores, checkpoint, again) == expected
    assert again.steps[0][0] == 1


STATE = {
    "text": "a",
    "number": 0.1 + 0.2,
    "nothing": None,
    "nested": {"tensors": [torch.arange(6.0).reshape(2, 3), torch.tensor(3)]},
}


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "below" / "checkpoint")
    assert checkpoint.read() is None
    checkpoint.write(STATE)
    state = checkpoint.read()
    assert state is not None
    assert state["number"] == 0.1 + 0.2
    assert (state["text"], state["nothing"]) == ("a", None)
    matrix, scalar = state["nested"]["tensors"]
    assert torch.equal(matrix, torch.arange(6.0).reshape(2, 3))
    assert scalar.shape == ()


@pytest.mark.fault
@given(st.data())
def test_damage_anywhere_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damage") / "checkpoint"
    checkpoint = Checkpoint(path)
    checkpoint.write(STATE)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"checkpoint is damaged.*Delete the file"):
        checkpoint.read()


@pytest.mark.fault
def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    np.save(tmp_path / "array.npy", np.zeros(3))
    path.write_bytes((tmp_path / "array.npy").read_bytes())
    with pytest.raises(UserError, match="damaged"):
        Checkpoint(path).read()
