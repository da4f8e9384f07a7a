"""Fitting the classifier: epochs of gradient steps, validation after each, the best one kept.

All that a training has reached is in the state of its `Trainer` and in its `TrainingState`. Both go
into checkpoints, from which it continues to the same end as if nothing had happened.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Protocol, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from imdb_rnn.config import Train
from imdb_rnn.console import console, progress
from imdb_rnn.data.batches import collate, shuffled_batches
from imdb_rnn.data.classes import targets_of
from imdb_rnn.data.crops import Crops, random_crops, whole
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.data.training_set import TrainingSet
from imdb_rnn.errors import UserError
from imdb_rnn.models import head
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.inference import predict_logits
from imdb_rnn.training.checkpoint import Checkpoint
from imdb_rnn.training.optimization import build_optimizer, build_schedule
from imdb_rnn.training.pace import Pace
from imdb_rnn.training.stopping import StopRequest, deferred_stop

VALIDATION_BATCH_SIZE = 256
MOST_EPOCHS_FOR_STEPS = 20
"""`min_steps` asks for no more: a hundred reviews are learned by heart, even in parts."""
TOKENS_AT_ONCE = 20_000
"""A batch of more tokens is read in pieces whose gradients add up, so that memory is bounded."""


@dataclass(frozen=True)
class Epoch:
    """Results of one pass over the training reviews; losses in nats, training with dropout.

    Training accuracy counts a review as right whose likeliest class is that of its target, which
    for an unlabelled review is the teacher's opinion.
    """

    epoch: int
    train_loss: float
    train_accuracy: float
    valid_loss: float
    valid_accuracy: float
    learning_rate: float


class Observer(Protocol):
    """Sees a training as it goes on.

    What it was told must outlive the process: a training that goes on from a checkpoint does not
    repeat it.
    """

    def log_step(self, step: int, metrics: dict[str, float]) -> None:
        """After each gradient step, counted from 1."""

    def log_epoch(self, epoch: int, metrics: dict[str, float]) -> None:
        """After each validation, counted from 1."""


@dataclass(frozen=True)
class Step:
    """Results of one batch."""

    reviews: int
    tokens: int
    """As many as were read, padding among them."""
    loss: float
    """Mean over the batch, in nats."""
    correct: int
    gradient_norm: float
    """Of the whole gradient, before clipping."""
    learning_rate: float


@dataclass
class Totals:
    """Sums over the steps of the epoch under way."""

    reviews: int = 0
    loss: float = 0.0
    correct: int = 0
    learning_rate: float = 0.0

    def add(self, step: Step) -> None:
        """Count a step in."""
        self.reviews += step.reviews
        self.loss += step.loss * step.reviews
        self.correct += step.correct
        self.learning_rate = step.learning_rate


@dataclass
class TrainingState:
    """What a training has seen so far, and its best weights."""

    best_weights: dict[str, torch.Tensor]
    best: int = 0
    """Number of the best epoch, counted from 1; 0 before the first is done."""
    history: list[Epoch] = field(default_factory=list)
    totals: Totals = field(default_factory=Totals)

    def state(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {
            **vars(self),
            "history": [vars(e) for e in self.history],
            "totals": vars(self.totals),
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """The training whose checkpoint this was."""
        history = [Epoch(**epoch) for epoch in state["history"]]
        return cls(**{**state, "history": history, "totals": Totals(**state["totals"])})

    def finish_epoch(self, result: Classifier, valid: TokenStore) -> Epoch:
        """Validate, close the epoch, and keep its weights if they are the best so far.

        Of equal accuracies the lower loss decides.
        """
        number = len(self.history) + 1
        epoch = _summarize(number, self.totals, *_validate(result, valid))
        if self.best == 0 or _score(epoch) > _score(self.history[self.best - 1]):
            self.best, self.best_weights = number, _copy_weights(result)
        self.history.append(epoch)
        self.totals = Totals()
        return epoch

    def is_over(self, epochs: int, patience: int | None) -> bool:
        """Whether all epochs are done, or no better one is waited for any longer."""
        done = len(self.history)
        stale = patience is not None and done - self.best >= patience
        return done == epochs or (done > 0 and stale)


def fit(
    trainer: "Trainer", valid: TokenStore, observer: Observer, checkpoint: Checkpoint
) -> tuple[list[Epoch], int]:
    """Train, and leave the weights of the epoch with the best validation accuracy.

    Args:
        trainer: Holds the classifier, the reviews to learn from, and the parameters.
        valid: Reviews that choose the epoch.
        observer: Sees each step and epoch.
        checkpoint: Where the training goes on if it was stopped before; left for the caller to
            discard once the result is safe.

    Returns:
        All epochs, and the number of the best, counted from 1.

    Raises:
        UserError: The training diverges, or the checkpoint is damaged.
    """
    params, pace = trainer.params, Pace()
    training = _restored(trainer, checkpoint) or TrainingState(_copy_weights(trainer.result))

    def save() -> None:
        checkpoint.write({"trainer": trainer.state(), "training": training.state()})

    with deferred_stop() as stop_request:
        while not training.is_over(trainer.epochs, params.patience):
            for _ in _steps(trainer, training, observer, pace):
                if stop_request or checkpoint.due():
                    save()
                _stop_if_asked(stop_request, trainer.steps_done)
            epoch = training.finish_epoch(trainer.result, valid)
            observer.log_epoch(
                epoch.epoch, {k: v for k, v in asdict(epoch).items() if k != "epoch"}
            )
            _print_epoch(epoch, trainer.epochs)
            save()
            _stop_if_asked(stop_request, trainer.steps_done)
    if len(training.history) < trainer.epochs:
        console.print(f"no better validation accuracy in {params.patience} epochs: stopped early")
    trainer.classifier.load_state_dict(training.best_weights)
    return training.history, training.best


def _steps(
    trainer: "Trainer", training: TrainingState, observer: Observer, pace: Pace
) -> Iterator[Step]:
    """Take the steps of one epoch that are not done yet, and show them."""
    number = len(training.history) + 1
    left = len(trainer.reviews) - training.totals.reviews
    with progress(f"epoch {number} of {trainer.epochs}", left) as advance:
        for step in _timed(trainer.epoch(number), pace):
            training.totals.add(step)
            observer.log_step(trainer.steps_done, _step_metrics(step))
            advance(step.reviews, f"loss {step.loss:.3f}")
            yield step


def _timed(steps: Iterator[Step], pace: Pace) -> Iterator[Step]:
    began = time.perf_counter()
    for step in steps:
        pace.note(began, time.perf_counter(), step.tokens)
        yield step
        began = time.perf_counter()


def _stop_if_asked(request: StopRequest, steps_done: int) -> None:
    """End the training by the signal that was held back until its state was saved."""
    if request:
        console.print(f"stopped and saved after step {steps_done}; `dvc repro` goes on from there")
        request.deliver()


def _restored(trainer: "Trainer", checkpoint: Checkpoint) -> TrainingState | None:
    """Bring the trainer to where the checkpoint was written; None if there is none."""
    state = checkpoint.read()
    if state is None:
        return None
    trainer.restore(state["trainer"])
    console.print(f"an earlier training goes on after step {trainer.steps_done:,}")
    return TrainingState.restored(state["training"])


class Trainer:
    """Takes the gradient steps.

    Args:
        classifier: On the device that trains it; changed in place.
        reviews: To learn from, labelled or with probabilities that replace the label; the
            classifier's n-grams, if it has any, were counted on them, and a review is left out of
            what its own count.
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
        self._steps_an_epoch = math.ceil(len(reviews) / params.batch_size)
        self.epochs = max(
            params.epochs,
            min(math.ceil(params.min_steps / self._steps_an_epoch), MOST_EPOCHS_FOR_STEPS),
        )
        steps = self._steps_an_epoch * self.epochs
        self._optimizer = build_optimizer(classifier.parameters(), params)
        self._schedule = build_schedule(self._optimizer, params, steps)
        self._average = _running_average(classifier, params.ema_decay, steps)
        self._targets = torch.from_numpy(reviews.targets)
        self._crops = whole(reviews.lengths)
        self.steps_done = 0

    @property
    def result(self) -> Classifier:
        """The trained network: the classifier, or the running average of its weights."""
        return cast("Classifier", self._average.module) if self._average else self.classifier

    def state(self) -> dict[str, Any]:
        """All that the next step depends on, besides parameters and reviews."""
        optimizer = self._optimizer.state_dict()
        return {
            "steps_done": self.steps_done,
            "weights": self.classifier.state_dict(),
            "average": self._average.state_dict() if self._average else None,
            "moments": list(optimizer["state"].values()),
            "groups": optimizer["param_groups"],
            "schedule": self._schedule.state_dict(),
            "dropout": self._dropout.get_state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from the state of a trainer of the same parameters and reviews."""
        self.steps_done = state["steps_done"]
        self.classifier.load_state_dict(state["weights"])
        if self._average:
            self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(
            {"state": dict(enumerate(state["moments"])), "param_groups": state["groups"]}
        )
        self._schedule.load_state_dict(state["schedule"])
        self._dropout.set_state(state["dropout"])

    def epoch(self, number: int) -> Iterator[Step]:
        """Take those steps of an epoch that are left, one for each that is asked for.

        Order, crops and dropout follow from (seed, epoch) alone.

        Args:
            number: Of the epoch, counted from 1; those before it must be done.

        Raises:
            UserError: The loss is no longer a finite number.
        """
        done = self.steps_done - (number - 1) * self._steps_an_epoch
        if done == 0:
            self._dropout.manual_seed(_derive_seed(self._seed, number))
        self._crops = self._crops_of(number)
        batches = shuffled_batches(
            self._crops.lengths,
            self.params.batch_size,
            self._seed,
            number,
            # Filled to one width, all batches cost the same in any order.
            by_length=self.classifier.batch_width is None,
        )
        for batch in batches[done:]:
            yield self._step(batch)

    def tokens(self, epochs: int) -> int:
        """Tokens that so many epochs read, without padding."""
        return sum(int(self._crops_of(number).lengths.sum()) for number in range(1, epochs + 1))

    def _crops_of(self, epoch: int) -> Crops:
        """What an epoch reads: all reviews, and parts of them where `min_steps` adds epochs."""
        if epoch <= self.params.epochs:
            return whole(self.reviews.lengths)
        return random_crops(self.reviews.lengths, self._seed, epoch)

    def _step(self, batch: NDArray[np.int64]) -> Step:
        targets = self._targets[batch]
        self._optimizer.zero_grad()
        logits = torch.cat([self._backward(piece, len(batch)) for piece in self._pieces(batch)])
        loss = head.loss(logits, targets)
        _refuse_divergence(loss, f"the loss of step {self.steps_done + 1}")
        norm = self._clip_gradient()
        rate = self._schedule.get_last_lr()[0]
        self._optimizer.step()
        self._schedule.step()
        if self._average:
            self._average.update_parameters(self.classifier)
        self.steps_done += 1
        correct = int(head.is_right(logits, targets).sum())
        tokens = len(batch) * self._width(batch)
        return Step(len(batch), tokens, loss.item(), correct, norm.item(), float(rate))

    def _clip_gradient(self) -> torch.Tensor:
        """Shorten the whole gradient to the limit, if there is one; returns its norm before."""
        weights = list(self.classifier.parameters())
        norm = get_total_norm([weight.grad for weight in weights if weight.grad is not None])
        if self.params.max_grad_norm:
            clip_grads_with_norm_(weights, self.params.max_grad_norm, norm)
        return norm

    def _pieces(self, batch: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """The batch in parts that are read at once."""
        pieces = math.ceil(len(batch) * self._width(batch) / TOKENS_AT_ONCE)
        return np.array_split(batch, min(pieces, len(batch)))

    def _width(self, batch: NDArray[np.int64]) -> int:
        """To how many tokens the reviews of a batch are filled up."""
        return self.classifier.batch_width or int(self._crops.lengths[batch].max())

    def _read(self, review: int) -> NDArray[np.int32]:
        """Token ids of a review, or of the part of it that this epoch reads."""
        begin, length = (each[review] for each in self._crops)
        return self.reviews[review][begin : begin + length]

    def _backward(self, piece: NDArray[np.int64], batch_size: int) -> torch.Tensor:
        """Add the piece's share of the batch's gradient; returns its logits, on the CPU."""
        device = self.classifier.device
        tokens, lengths = collate(
            [self._read(i) for i in piece],
            self.classifier.config.padding,
            self.classifier.batch_width,
        )
        targets = self._targets[piece].to(device)
        logits: torch.Tensor = self.classifier(
            tokens.to(device), lengths.to(device), self._dropout, targets
        )
        losses = head.loss(logits, targets, reduction="sum")
        (losses / batch_size).backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
        return logits.detach().cpu()


SPANS_OF_AVERAGE: Final = 4
"""The running average looks back 1 / (1 - decay) steps; so many such spans fit into a training.

Of the weights with which it began, exp(-SPANS_OF_AVERAGE) is then left at the end, or 2 %.
"""


def _running_average(classifier: Classifier, decay: float, steps: int) -> AveragedModel | None:
    """The exponential moving average of the weights, if one is asked for.

    Args:
        classifier: In training.
        decay: Share that outlives a step.
        steps: Of the whole training; where they are few, less outlives a step.
    """
    if decay == 0:
        return None
    decay = min(decay, max(0.0, 1 - SPANS_OF_AVERAGE / steps))
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
    return AveragedModel(classifier, multi_avg_fn=average)


def _validate(classifier: Classifier, valid: TokenStore) -> tuple[float, float]:
    """Loss and accuracy on the validation reviews."""
    logits = torch.from_numpy(predict_logits(classifier, valid, VALIDATION_BATCH_SIZE))
    targets = torch.from_numpy(targets_of(valid.labels, classifier.classes))
    loss = head.loss(logits.double(), targets.double())
    _refuse_divergence(loss, "the validation loss")
    accuracy = head.is_right(logits, targets).double().mean()
    return loss.item(), accuracy.item()


def _refuse_divergence(loss: torch.Tensor, what: str) -> None:
    if not loss.isfinite():
        raise UserError(
            f"Training has diverged: {what} is {loss.item()}. Lower train.learning_rate, or set "
            "train.max_grad_norm (1.0 is usual)."
        )


def _score(epoch: Epoch) -> tuple[float, float]:
    return epoch.valid_accuracy, -epoch.valid_loss


def _summarize(number: int, totals: Totals, valid_loss: float, valid_accuracy: float) -> Epoch:
    return Epoch(
        epoch=number,
        train_loss=totals.loss / totals.reviews,
        train_accuracy=totals.correct / totals.reviews,
        valid_loss=valid_loss,
        valid_accuracy=valid_accuracy,
        learning_rate=totals.learning_rate,
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
