"""Small networks that are trained on real reviews, with what was measured on the way."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics.equations import Array
from imdb_rnn.diagnostics.gradient_flow import Snapshot, snapshot
from imdb_rnn.diagnostics.small import MAX_GRAD_NORM, accuracy, small_trainer
from imdb_rnn.diagnostics.study import Material
from imdb_rnn.errors import UserError
from imdb_rnn.models.classifier import Classifier

_LARGEST: Final = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Training:
    """A training to its last step, or to the one that made the loss infinite or undefined."""

    snapshots: list[Snapshot]
    """At initialisation, then after each epoch; none unless there were reviews to measure on."""
    gradient_norms: Array
    """Of the whole gradient before clipping, [steps taken]; at most the largest float32."""
    losses: Array
    """Of each batch in nats, [steps taken]."""
    accuracy: float | None
    """On the validation reviews; None where the training diverged."""

    def numbers(self) -> dict[str, Any]:
        """How far it came, how large its gradients were, and how good the network got."""
        norms = self.gradient_norms
        return {
            "steps": len(norms),
            "share_above_limit": (norms > MAX_GRAD_NORM).sum() / max(len(norms), 1),
            "largest_gradient_norm": norms.max(initial=0),
            "accuracy": self.accuracy,
        }


def train(
    classifier: Classifier,
    material: Material,
    measured: TokenStore | None = None,
    **changes: object,
) -> Training:
    """Train a small network for `diagnostics.epochs`, or until its training diverges.

    Args:
        classifier: Changed in place.
        material: Reviews to learn from and to be evaluated on.
        measured: Reviews to measure gradients through time on, after each epoch, over the words
            that the shortest has.
        changes: Fields of `Train` in which the training is not that of `small_trainer`.

    Raises:
        UserError: The training diverged, and there are reviews to measure on.
    """
    trainer = small_trainer(classifier, material.learned, material.params, **changes)
    snapshots, norms, losses = _measure(classifier, measured), [], []
    reached = None
    try:
        for epoch in range(1, material.params.diagnostics.epochs + 1):
            for step in trainer.epoch(epoch):
                norms.append(step.gradient_norm)
                losses.append(step.loss)
            snapshots += _measure(classifier, measured)
        reached = accuracy(classifier, material.valid)
    except UserError:  # the loss is no number any more
        if measured is not None:
            raise
    finite = np.nan_to_num(np.array(norms), nan=_LARGEST, posinf=_LARGEST)
    return Training(snapshots, finite, np.array(losses), reached)


def _measure(classifier: Classifier, reviews: TokenStore | None) -> list[Snapshot]:
    if reviews is None:
        return []
    return [snapshot(classifier, reviews, int(reviews.lengths.min()))]


def by_epoch(trainings: Mapping[str, Training]) -> dict[str, Snapshot]:
    """All snapshots, named NETWORK_EPOCH."""
    return {
        f"{name}_{epoch}": found
        for name, training in trainings.items()
        for epoch, found in enumerate(training.snapshots)
    }


def outcome(numbers: Mapping[str, Any]) -> str:
    """What `Training.numbers` say: the accuracy, or the step at which the training diverged."""
    if numbers["accuracy"] is None:
        return f"diverged at step {numbers['steps'] + 1}"
    return f"{numbers['accuracy']:.3f}"
