"""Trainings that may fail: what a start comes to, and clipping where gradients explode."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from imdb_rnn.config import Params
from imdb_rnn.diagnostics.cells import Array
from imdb_rnn.diagnostics.course import Material
from imdb_rnn.diagnostics.small import CLIP_NORM, accuracy, small_shape, small_trainer
from imdb_rnn.diagnostics.starts import STARTS, started
from imdb_rnn.errors import UserError
from imdb_rnn.models.classifier import Classifier

EXPLODING: Final = ("identity", "normal, radius 1.5")
"""Starts of the ReLU RNN under which its weights get large gradients; keys of `STARTS["relu"]`."""

OPTIMIZERS: Final[dict[str, dict[str, object]]] = {
    "Adam": {},
    "gradient descent": {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.0},
}
"""Adam, which `small_trainer` has, divides a step by the size of past gradients; plain descent
takes them as they are."""

CLIPPING: Final = {"clipped": CLIP_NORM, "not clipped": None}

_LARGEST: Final = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Attempt:
    """A training to its last step, or to the one that made the loss infinite or undefined."""

    gradient_norms: Array
    """Of the whole gradient before clipping, [steps taken]; at most the largest float32."""
    losses: Array
    """Of each batch in nats, [steps taken]."""
    accuracy: float | None
    """On the validation reviews; None where the training diverged."""


def begun(cell: str, start: str, material: Material, params: Params) -> Classifier:
    """A small network that has learned nothing yet.

    Args:
        cell: A key of `STARTS`.
        start: A key of `STARTS[cell]`.
        material: Says how many words there are.
        params: Of the diagnostics and of the seed.
    """
    shape = small_shape(params, cell, initialization="orthogonal")
    classifier = Classifier(material.vocabulary_size, params.diagnostics.words, shape, params.seed)
    return started(classifier, STARTS[cell][start], params.seed)


def attempt(
    classifier: Classifier, material: Material, params: Params, **changes: object
) -> Attempt:
    """Teach a small network for `diagnostics.epochs`, or until its training diverges.

    Args:
        classifier: Changed in place.
        material: Reviews to learn from and to be judged on.
        params: Of the diagnostics and of the seed.
        changes: Fields of `Train` in which the training is not that of `small_trainer`.
    """
    trainer = small_trainer(classifier, material.learned, params, **changes)
    norms, losses = [], []
    try:
        for epoch in range(1, params.diagnostics.epochs + 1):
            for step in trainer.epoch(epoch):
                norms.append(step.gradient_norm)
                losses.append(step.loss)
    except UserError:  # the loss is no number any more
        reached = None
    else:
        reached = accuracy(classifier, material.valid)
    finite = np.nan_to_num(np.array(norms), nan=_LARGEST, posinf=_LARGEST)
    return Attempt(finite, np.array(losses), reached)


def explode(material: Material, params: Params) -> dict[str, dict[str, dict[str, Attempt]]]:
    """The ReLU RNN from starts with large gradients, with and without clipping.

    Returns:
        By start, then by optimizer, then by whether it was clipped.
    """
    return {
        start: {
            optimizer: {
                name: attempt(
                    begun("relu", start, material, params),
                    material,
                    params,
                    **settings,
                    max_grad_norm=limit,
                )
                for name, limit in CLIPPING.items()
            }
            for optimizer, settings in OPTIMIZERS.items()
        }
        for start in EXPLODING
    }
