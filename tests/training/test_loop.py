import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from imdb_rnn.config import Train
from imdb_rnn.data.token_store import TokenStore, write_store
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.errors import UserError
from imdb_rnn.features.ngram_counts import count_ngrams
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.inference import predict_logits
from imdb_rnn.training.checkpoint import Checkpoint
from imdb_rnn.training.loop import Epoch, Step, Trainer, fit
from models.shapes import model_shape

GOOD, BAD = 2, 3


class Recorder:
    """Keeps what a training tells its observer."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, dict[str, float]]] = []
        self.epochs: list[tuple[int, dict[str, float]]] = []

    def log_step(self, step: int, metrics: dict[str, float]) -> None:
        self.steps.append((step, metrics))

    def log_epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        self.epochs.append((epoch, metrics))


def train_params(**changes: Any) -> Train:
    fields: dict[str, Any] = {
        "optimizer": "adamw",
        "learning_rate": 0.01,
        "weight_decay": 0.0,
        "momentum": 0.0,
        "schedule": "linear",
        "warmup": 0.1,
        "epochs": 3,
        "min_steps": 0,
        "batch_size": 16,
        "max_grad_norm": 1.0,
        "bptt_steps": None,
        "ema_decay": 0.0,
        "patience": None,
        "threads": 1,
        "device": "cpu",
    }
    return Train.model_validate(fields | changes)


def reviews(folder: Path, count: int, seed: int) -> TokenStore:
    """Reviews of noise words in which one word, somewhere, tells the label."""
    random = np.random.default_rng(seed)
    labels = [i % 2 for i in range(count)]
    words = [random.integers(4, 30, random.integers(1, 12)).astype(np.int32) for _ in labels]
    for review, label in zip(words, labels, strict=True):
        review[random.integers(len(review))] = GOOD if label else BAD
    return write_store(folder, words, labels, [str(i) for i in range(count)])


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[TokenStore, TokenStore]:
    folder = tmp_path_factory.mktemp("stores")
    return reviews(folder / "train", 400, 0), reviews(folder / "valid", 100, 1)


def run(
    stores: tuple[TokenStore, TokenStore], seed: int = 1, **changes: Any
) -> tuple[Classifier, list[Epoch], int, Recorder]:
    torch.set_num_threads(1)
    shape = model_shape(pooling="max", embedding_dropout=0.1, output_dropout=0.1)
    trainer = Trainer(
        Classifier(30, 12, shape, seed),
        TrainingSet.labelled(stores[0]),
        train_params(**changes),
        seed,
    )
    recorder = Recorder()
    with TemporaryDirectory() as folder:
        history, best = fit(trainer, stores[1], recorder, Checkpoint(Path(folder) / "none"))
    return trainer.classifier, history, best, recorder


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_a_telling_word_is_learned(stores: tuple[TokenStore, TokenStore], optimizer: str) -> None:
    rate = 0.5 if optimizer == "sgd" else 0.01
    _, history, best, _ = run(stores, optimizer=optimizer, learning_rate=rate, epochs=6)
    assert history[best - 1].valid_accuracy > 0.95


def test_a_telling_word_is_learned_for_each_of_three_classes(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    labels = [i % 3 for i in range(450)]
    words = [random.integers(5, 30, random.integers(1, 12)).astype(np.int32) for _ in labels]
    for review, label in zip(words, labels, strict=True):
        review[random.integers(len(review))] = 2 + label
    train, valid = (
        write_store(tmp_path / name, words[part], labels[part], [str(i) for i in range(450)][part])
        for name, part in (("train", slice(0, 360)), ("valid", slice(360, 450)))
    )
    classifier = Classifier(30, 12, model_shape(pooling="max"), 1, classes=3)
    trainer = Trainer(classifier, TrainingSet.labelled(train, 3), train_params(epochs=8), 1)
    history, best = fit(trainer, valid, Recorder(), Checkpoint(tmp_path / "none"))
    assert history[0].train_loss < 1.3, "near log 3, the loss of a guess"
    assert history[best - 1].valid_accuracy > 0.95


def test_equal_seeds_give_equal_bits_whatever_the_global_generator_says(
    stores: tuple[TokenStore, TokenStore],
) -> None:
    first, first_history, _, _ = run(stores)
    torch.manual_seed(1234)
    state = torch.get_rng_state()
    second, second_history, _, _ = run(stores)
    assert first_history == second_history
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, second.state_dict()[name])
    assert torch.equal(torch.get_rng_state(), state), "the global generator was moved"


def test_another_seed_gives_another_training(stores: tuple[TokenStore, TokenStore]) -> None:
    assert run(stores, seed=1)[1] != run(stores, seed=2)[1]


def test_the_losses_are_the_known_ones(stores: tuple[TokenStore, TokenStore]) -> None:
    """A change that should not alter results leaves these numbers alone."""
    _, history, _, _ = run(stores)
    losses = [epoch.train_loss for epoch in history] + [history[-1].valid_loss]
    assert losses == pytest.approx(GOLDEN_LOSSES, abs=1e-4)


GOLDEN_LOSSES = [0.66576, 0.62560, 0.57197, 0.56085]


def test_the_weights_of_the_best_epoch_are_kept(stores: tuple[TokenStore, TokenStore]) -> None:
    classifier, history, best, _ = run(stores, learning_rate=0.3, epochs=6, schedule="constant")
    scores = [(epoch.valid_accuracy, -epoch.valid_loss) for epoch in history]
    assert best < len(history), "the test needs a training that gets worse"
    assert scores[best - 1] == max(scores)
    logits = torch.from_numpy(predict_logits(classifier, stores[1], 7)).double()
    labels = torch.from_numpy(stores[1].labels.astype(np.float64))
    assert binary_cross_entropy_with_logits(logits, labels).item() == pytest.approx(
        -scores[best - 1][1]
    )


def test_the_running_average_of_the_weights_is_what_is_kept(
    stores: tuple[TokenStore, TokenStore],
) -> None:
    shape, params = model_shape(), train_params(ema_decay=0.5)
    trainer = Trainer(
        Classifier(30, 12, shape, seed=1), TrainingSet.labelled(stores[0]), params, seed=1
    )
    average = None
    for _ in itertools.islice(trainer.epoch(1), 5):
        now = trainer.classifier.output.weight.detach().clone()
        average = now if average is None else 0.5 * average + 0.5 * now
    torch.testing.assert_close(trainer.result.output.weight, average)


def test_few_reviews_are_read_until_there_are_steps_enough(
    stores: tuple[TokenStore, TokenStore],
) -> None:
    _, history, _, recorder = run(stores, epochs=1, min_steps=60)  # 25 steps an epoch
    assert len(history) == 3
    assert len(recorder.steps) == 75
    assert recorder.steps[-1][1]["learning_rate"] < 0.001, "the schedule ends with the last step"


def test_a_handful_of_reviews_is_not_read_for_ever(stores: tuple[TokenStore, TokenStore]) -> None:
    training = TrainingSet.labelled(stores[0])
    classifier = Classifier(30, 12, model_shape(), seed=1)
    trainer = Trainer(classifier, training, train_params(epochs=1, min_steps=100_000), seed=1)
    assert trainer.epochs == 20


def test_epochs_that_are_added_read_parts_of_reviews_and_can_be_resumed(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    words = [random.integers(4, 30, 200).astype(np.int32) for _ in range(40)]
    store = write_store(tmp_path, words, [0, 1] * 20, [str(i) for i in range(40)])

    def trainer() -> Trainer:
        classifier = Classifier(30, 200, model_shape(), seed=1)
        return Trainer(
            classifier, TrainingSet.labelled(store), train_params(epochs=1, min_steps=6), seed=1
        )

    whole = trainer()
    tokens = [sum(step.tokens for step in whole.epoch(number)) for number in (1, 2)]
    assert tokens[0] == whole.tokens(1) == 40 * 200
    assert whole.tokens(2) - whole.tokens(1) <= tokens[1] < 40 * 200
    halted = trainer()
    list(halted.epoch(1))
    next(steps := halted.epoch(2))
    steps.close()
    resumed = trainer()
    resumed.restore(halted.state())
    list(resumed.epoch(2))
    for name, weight in whole.result.state_dict().items():
        assert torch.equal(weight, resumed.result.state_dict()[name])


def test_the_average_of_a_short_training_forgets_its_beginning(
    stores: tuple[TokenStore, TokenStore],
) -> None:
    _, history, _, _ = run(stores, epochs=10, ema_decay=0.9999)
    assert history[-1].valid_loss < 0.1


def test_training_stops_when_validation_no_longer_improves(
    stores: tuple[TokenStore, TokenStore],
) -> None:
    changes: dict[str, Any] = {"learning_rate": 0.3, "epochs": 12, "schedule": "constant"}
    _, history, best, _ = run(stores, patience=2, **changes)
    assert len(history) == best + 2 < 12


def test_the_observer_sees_every_step_and_epoch_once(
    stores: tuple[TokenStore, TokenStore],
) -> None:
    _, history, _, recorder = run(stores)
    assert [step for step, _ in recorder.steps] == list(range(1, 3 * 25 + 1))
    assert [epoch for epoch, _ in recorder.epochs] == [1, 2, 3]
    assert recorder.epochs[0][1]["valid_loss"] == history[0].valid_loss


def test_a_step_that_takes_far_longer_is_told_and_changes_nothing(
    stores: tuple[TokenStore, TokenStore],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    expected, epoch = run(stores), Trainer.epoch
    capsys.readouterr()

    def disturbed(self: Trainer, number: int) -> Iterator[Step]:
        for step in epoch(self, number):
            yield step
            if self.steps_done == 30:  # of which the first epoch's 25 tell what is usual
                time.sleep(2)

    monkeypatch.setattr(Trainer, "epoch", disturbed)
    found = run(stores)
    assert capsys.readouterr().err.count("another process") == 1
    assert found[1:3] == expected[1:3]


def test_the_gradient_is_clipped_to_its_norm(stores: tuple[TokenStore, TokenStore]) -> None:
    def first_change(max_grad_norm: float | None) -> float:
        params = train_params(
            optimizer="sgd",
            learning_rate=1.0,
            schedule="constant",
            warmup=0.0,
            max_grad_norm=max_grad_norm,
        )
        classifier = Classifier(30, 12, model_shape(), seed=1)
        before = torch.nn.utils.parameters_to_vector(classifier.parameters()).detach()
        step = next(Trainer(classifier, TrainingSet.labelled(stores[0]), params, seed=1).epoch(1))
        after = torch.nn.utils.parameters_to_vector(classifier.parameters()).detach()
        assert step.gradient_norm > 0.01
        return float((after - before).norm())

    assert first_change(0.01) == pytest.approx(0.01, rel=1e-3)
    assert first_change(None) > 0.02


@pytest.mark.parametrize("words_at_once", [1, 40])
def test_a_batch_read_in_pieces_makes_the_same_step(
    stores: tuple[TokenStore, TokenStore], monkeypatch: pytest.MonkeyPatch, words_at_once: int
) -> None:
    def weights_after_a_step() -> tuple[torch.Tensor, float]:
        classifier = Classifier(30, 12, model_shape(pooling="max"), seed=1)
        trainer = Trainer(classifier, TrainingSet.labelled(stores[0]), train_params(), seed=1)
        step = next(trainer.epoch(1))
        return torch.nn.utils.parameters_to_vector(classifier.parameters()).detach(), step.loss

    whole, loss = weights_after_a_step()
    monkeypatch.setattr("imdb_rnn.training.loop.TOKENS_AT_ONCE", words_at_once)
    pieces, loss_of_pieces = weights_after_a_step()
    assert loss_of_pieces == pytest.approx(loss)
    # Adam's first step divides each gradient by its own size, so tiny ones may differ in sign.
    torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-4)


def test_a_diverging_training_ends_with_a_sentence(
    stores: tuple[TokenStore, TokenStore], tmp_path: Path
) -> None:
    params = train_params(optimizer="sgd", max_grad_norm=None).model_copy(
        update={"learning_rate": 1e38}
    )
    trainer = Trainer(
        Classifier(30, 12, model_shape(), seed=1), TrainingSet.labelled(stores[0]), params, seed=1
    )
    with pytest.raises(UserError, match=r"diverged.*train.learning_rate"):
        fit(trainer, stores[1], Recorder(), Checkpoint(tmp_path / "none"))


@pytest.mark.parametrize(
    ("schedule", "last"), [("constant", 0.01), ("linear", 0.0002), ("cosine", 0.0)]
)
def test_the_learning_rate_warms_up_and_follows_its_schedule(
    stores: tuple[TokenStore, TokenStore], schedule: str, last: float
) -> None:
    _, _, _, recorder = run(stores, schedule=schedule, warmup=0.2, epochs=2)
    rates = [metrics["learning_rate"] for _, metrics in recorder.steps]
    assert rates[0] < rates[5] < rates[9] <= rates[10] == pytest.approx(0.01)
    assert rates[-1] == pytest.approx(last, abs=1e-4)


def test_predictions_do_not_depend_on_the_batch_size(
    stores: tuple[TokenStore, TokenStore],
) -> None:
    classifier = run(stores, epochs=1)[0]
    one_by_one = predict_logits(classifier, stores[1], 1)
    assert predict_logits(classifier, stores[1], 64) == pytest.approx(one_by_one, abs=1e-6)


def test_a_review_does_not_read_what_its_own_label_added_to_its_phrases(tmp_path: Path) -> None:
    words = [np.array([GOOD, 4], dtype=np.int32), np.array([4, BAD], dtype=np.int32)]
    training = TrainingSet.labelled(write_store(tmp_path, words, [1, 0], ["a", "b"]))
    table = count_ngrams(training, vocabulary_size=5, max_ngram=1, min_df=1)
    classifier = Classifier(5, 2, model_shape(), seed=1, ngrams=table.sizes)
    classifier.phrases.load_state_dict(table.state_dict())
    read: list[torch.Tensor] = []
    classifier.phrases.register_forward_hook(lambda _, __, log_odds: read.append(log_odds))
    next(Trainer(classifier, training, train_params(), seed=1).epoch(1))
    log_odds = sorted(sorted(review) for review in read[0][..., 0].T.tolist())
    # Nobody else has the words GOOD and BAD; word 4 stands in the review of the other class.
    np.testing.assert_allclose(log_odds, [[-np.log(2), 0], [0, np.log(2)]], atol=1e-6)
