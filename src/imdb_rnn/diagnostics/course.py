"""Small networks while they learn from real reviews: what arrives of the gradient, and where."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from imdb_rnn.config import Model, Params
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics.cells import Array
from imdb_rnn.diagnostics.flow import Flow, Spectrum, gradient_flow, spectrum
from imdb_rnn.diagnostics.small import accuracy, last_words, small_trainer
from imdb_rnn.errors import UserError
from imdb_rnn.models.classifier import Classifier


class Material(NamedTuple):
    """Real reviews for small networks; none is both learned from and measured on."""

    vocabulary_size: int
    learned: TokenStore
    """Their last words."""
    full: TokenStore
    """The last words of long reviews, so that none of them is padded."""
    short: TokenStore
    """Reviews that are padding for the greater part once they are filled up."""
    valid: TokenStore
    """The last words of the validation reviews."""


class Snapshot(NamedTuple):
    """A network at one moment."""

    flow: Flow
    spectrum: Spectrum


@dataclass(frozen=True)
class Course:
    """A network from its first weights to the end of its last epoch."""

    classifier: Classifier
    """As it ended."""
    snapshots: list[Snapshot]
    """At initialisation, then after each epoch."""
    gradient_norms: Array
    """Of the whole gradient before clipping, [steps]."""
    accuracy: float
    """On the validation reviews, in the end."""


def gather(prepared: Path, vocabulary_size: int, params: Params) -> Material:
    """Draw reviews for the small networks.

    Args:
        prepared: Folder of the token stores.
        vocabulary_size: Number of word ids.
        params: Their numbers and lengths stand in `diagnostics`, the draw follows from `seed`.

    Raises:
        UserError: There are too few reviews, or none that are long or short enough.
    """
    diagnostics = params.diagnostics
    train, valid = (TokenStore.open(prepared / split) for split in ("train", "valid"))
    order = np.random.default_rng(params.seed).permutation(len(train))
    learned, rest = order[: diagnostics.reviews], order[diagnostics.reviews :]
    lengths = train.lengths[rest]
    least, most = shortest_padded(params), diagnostics.words // 2
    full = rest[lengths >= diagnostics.words][: diagnostics.measured_reviews]
    short = rest[(least <= lengths) & (lengths <= most)][: diagnostics.measured_reviews]
    if len(full) == 0 or len(short) == 0:
        raise UserError(
            f"diagnostics: of the {len(train):,} training reviews, {len(rest):,} are left to "
            f"measure gradients on; {len(full):,} have at least {diagnostics.words} words "
            f"{len(short):,} have {least} to {most}, and some of both are needed. Change "
            "diagnostics.words, or lower diagnostics.reviews."
        )
    return Material(
        vocabulary_size,
        last_words(train, learned, diagnostics.words),
        last_words(train, full, diagnostics.words),
        last_words(train, short, diagnostics.words),
        last_words(valid, np.arange(len(valid)), diagnostics.words),
    )


def shortest_padded(params: Params) -> int:
    """Words of the shortest review that the effect of padding is measured on."""
    return max(1, params.diagnostics.words // 8)


def follow(shape: Model, material: Material, reviews: TokenStore, params: Params) -> Course:
    """Teach a small network and measure its gradients after each epoch.

    Args:
        shape: From `small.small_shape`.
        material: Reviews to learn from and to be judged on.
        reviews: To measure on; each is measured over the words that the shortest has.
        params: Of the diagnostics and of the seed.
    """
    words = int(reviews.lengths.min())
    classifier = Classifier(material.vocabulary_size, params.diagnostics.words, shape, params.seed)
    trainer = small_trainer(classifier, material.learned, params)
    snapshots = [look(classifier, reviews, words)]
    norms: list[float] = []
    for epoch in range(1, params.diagnostics.epochs + 1):
        norms += [step.gradient_norm for step in trainer.epoch(epoch)]
        snapshots.append(look(classifier, reviews, words))
    return Course(classifier, snapshots, np.array(norms), accuracy(classifier, material.valid))


def look(classifier: Classifier, reviews: TokenStore, words: int) -> Snapshot:
    """A small network as it is now; see `flow.gradient_flow`."""
    return Snapshot(gradient_flow(classifier, reviews, words), spectrum(classifier))
