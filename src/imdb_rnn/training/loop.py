"""Fitting the classifier: epochs of gradient steps, validation after each, the best one kept."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from imdb_rnn.console import console, progress
from imdb_rnn.corpus.batches import collate, shuffled_batches
from imdb_rnn.corpus.store import TokenStore
from imdb_rnn.corpus.training_set import TrainingSet
from imdb_rnn.errors import InputRefusedError
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.params import Train
from imdb_rnn.training.optimization import build_optimizer, build_schedule
from imdb_rnn.training.prediction import predict_logits

VALIDATION_BATCH_SIZE = 256
WORDS_AT_ONCE = 20_000
"""A batch of more words is read in pieces whose gradients add up to the same: memory is bounded."""


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training reviews came to; losses in nats, training with dropout."""

    epoch: int
    train_loss: float
    train_accuracy: float
    valid_loss: float
    valid_accuracy: float
    learning_rate: float


class Observer(Protocol):
    """Whoever wants to see a training as it goes on."""

    def log_step(self, step: int, metrics: dict[str, float]) -> None:
        """After each gradient step, counted from 1."""

    def log_epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        """After each validation, counted from 1."""


@dataclass(frozen=True)
class Step:
    """What one batch came to."""

    reviews: int
    loss: float
    """Mean over the batch, in nats."""
    correct: int
    gradient_norm: float
    """Of the whole gradient, before clipping."""
    learning_rate: float


def fit(trainer: "Trainer", valid: TokenStore, observer: Observer) -> tuple[list[Epoch], int]:
    """Train, and leave the weights of the epoch with the best validation accuracy.

    Of equal accuracies the lower loss decides.

    Args:
        trainer: Holds the classifier, the reviews to learn from, and the parameters.
        valid: Reviews that choose the epoch.
        observer: Sees each step and epoch.

    Returns:
        All epochs, and the number of the best, counted from 1.
    """
    params, classifier = trainer.params, trainer.classifier
    history: list[Epoch] = []
    best, best_weights = 0, _copy_weights(trainer.result)
    for number in range(1, params.epochs + 1):
        steps = []
        with progress(f"epoch {number} of {params.epochs}", len(trainer.reviews)) as advance:
            for step in trainer.epoch(number):
                steps.append(step)
                observer.log_step(trainer.steps_done, _step_metrics(step))
                advance(step.reviews, f"loss {step.loss:.3f}")
        epoch = _summarize(number, steps, *_validate(trainer.result, valid))
        history.append(epoch)
        observer.log_epoch(number, {k: v for k, v in asdict(epoch).items() if k != "epoch"})
        _print_epoch(epoch, params.epochs)
        if best == 0 or _score(epoch) > _score(history[best - 1]):
            best, best_weights = number, _copy_weights(trainer.result)
        if params.patience is not None and number - best >= params.patience:
            console.print(
                f"no better validation accuracy in {params.patience} epochs: stopped early"
            )
            break
    classifier.load_state_dict(best_weights)
    return history, best


class Trainer:
    """Takes the gradient steps.

    Args:
        classifier: On the device that trains it; changed in place.
        reviews: To learn from, labelled or with a probability that stands in for the label.
        params: Optimisation.
        seed: Of the order of reviews and of dropout.
    """

    def __init__(
        self, classifier: Classifier, reviews: TrainingSet, params: Train, seed: int
    ) -> None:
        self.classifier = classifier
        self.reviews = reviews
        self.params = params
        self._seed = seed
        self._dropout = torch.Generator(classifier.device)
        steps = math.ceil(len(reviews) / params.batch_size) * params.epochs
        self._optimizer = build_optimizer(classifier.parameters(), params)
        self._schedule = build_schedule(self._optimizer, params, steps)
        self._average = _running_average(classifier, params.weight_averaging)
        self._targets = torch.from_numpy(reviews.targets)
        self.steps_done = 0

    @property
    def result(self) -> Classifier:
        """What training has come to: the classifier, or the running average of its weights."""
        return cast("Classifier", self._average.module) if self._average else self.classifier

    def epoch(self, number: int) -> Iterator[Step]:
        """Take the steps of one epoch, counted from 1, one for each that is asked for.

        Order and dropout follow from (seed, epoch) alone.

        Raises:
            InputRefusedError: The loss is no longer a finite number.
        """
        self._dropout.manual_seed(_derive_seed(self._seed, number))
        batches = shuffled_batches(
            self.reviews.lengths,
            self.params.batch_size,
            self._seed,
            number,
            # Filled to one width, all batches cost the same in any order.
            by_length=self.classifier.batch_width is None,
        )
        for batch in batches:
            yield self._step(batch)

    def _step(self, batch: NDArray[np.int64]) -> Step:
        targets = self._targets[batch]
        self._optimizer.zero_grad()
        logits = torch.cat([self._backward(piece, len(batch)) for piece in self._pieces(batch)])
        loss = binary_cross_entropy_with_logits(logits, targets)
        _refuse_divergence(loss, f"the loss of step {self.steps_done + 1}")
        limit = self.params.clip_norm or math.inf
        norm = clip_grad_norm_(self.classifier.parameters(), limit)
        rate = self._schedule.get_last_lr()[0]
        self._optimizer.step()
        self._schedule.step()
        if self._average:
            self._average.update_parameters(self.classifier)
        self.steps_done += 1
        correct = int(((logits > 0) == (targets > 0.5)).sum())  # noqa: PLR2004 - even odds
        return Step(len(targets), loss.item(), correct, norm.item(), float(rate))

    def _pieces(self, batch: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """The batch in parts that are read at once."""
        width = self.classifier.batch_width or int(self.reviews.lengths[batch].max())
        pieces = math.ceil(len(batch) * width / WORDS_AT_ONCE)
        return np.array_split(batch, min(pieces, len(batch)))

    def _backward(self, piece: NDArray[np.int64], batch_size: int) -> torch.Tensor:
        """Add the piece's share of the batch's gradient; returns its logits, on the CPU."""
        device = self.classifier.device
        tokens, lengths = collate(
            [self.reviews[i] for i in piece],
            self.classifier.shape.padding,
            self.classifier.batch_width,
        )
        logits: torch.Tensor = self.classifier(tokens.to(device), lengths.to(device), self._dropout)
        losses = binary_cross_entropy_with_logits(
            logits, self._targets[piece].to(device), reduction="sum"
        )
        (losses / batch_size).backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
        return logits.detach().cpu()


def _running_average(classifier: Classifier, decay: float) -> AveragedModel | None:
    """The exponential moving average of the weights, if one is asked for."""
    if decay == 0:
        return None
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
    return AveragedModel(classifier, multi_avg_fn=average)


def _validate(classifier: Classifier, valid: TokenStore) -> tuple[float, float]:
    """Loss and accuracy on the validation reviews."""
    logits = torch.from_numpy(predict_logits(classifier, valid, VALIDATION_BATCH_SIZE))
    labels = torch.from_numpy(valid.labels.astype(np.float32))
    loss = binary_cross_entropy_with_logits(logits.double(), labels.double())
    _refuse_divergence(loss, "the validation loss")
    accuracy = ((logits > 0) == (labels > 0)).double().mean()
    return loss.item(), accuracy.item()


def _refuse_divergence(loss: torch.Tensor, what: str) -> None:
    if not loss.isfinite():
        raise InputRefusedError(
            f"Training has diverged: {what} is {loss.item()}. Lower train.learning_rate, or set "
            "train.clip_norm (1.0 is usual)."
        )


def _score(epoch: Epoch) -> tuple[float, float]:
    return epoch.valid_accuracy, -epoch.valid_loss


def _summarize(number: int, steps: list[Step], valid_loss: float, valid_accuracy: float) -> Epoch:
    reviews = sum(step.reviews for step in steps)
    return Epoch(
        epoch=number,
        train_loss=sum(step.loss * step.reviews for step in steps) / reviews,
        train_accuracy=sum(step.correct for step in steps) / reviews,
        valid_loss=valid_loss,
        valid_accuracy=valid_accuracy,
        learning_rate=steps[-1].learning_rate,
    )


def _step_metrics(step: Step) -> dict[str, float]:
    return {
        "loss": step.loss,
        "gradient_norm": step.gradient_norm,
        "learning_rate": step.learning_rate,
    }


def _print_epoch(epoch: Epoch, epochs: int) -> None:
    console.print(
        f"epoch {epoch.epoch} of {epochs}: "
        f"train loss {epoch.train_loss:.4f}, accuracy {epoch.train_accuracy:.4f}; "
        f"validation loss {epoch.valid_loss:.4f}, accuracy {epoch.valid_accuracy:.4f}"
    )


def _copy_weights(classifier: Classifier) -> dict[str, torch.Tensor]:
    return {name: weight.clone() for name, weight in classifier.state_dict().items()}


def _derive_seed(seed: int, epoch: int) -> int:
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0])
