"""Hidden units that tell a class of reviews from the others, and units that negations move.

Which units these are is measured on labelled reviews and not on the text that is looked at: among
a hundred units some would follow any single text by chance. A unit is measured by its state in the
last recurrent layer, which is what the classifier pools.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from imdb_rnn.data.batches import collate
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.data.tokenizer import PADDING_ID, UNKNOWN_ID, Tokenizer
from imdb_rnn.models.classifier import Classifier, tokens_first

NEGATIONS: Final = (
    *("not", "no", "never", "nor", "neither", "nothing", "nobody", "none", "without", "cannot"),
    "t",  # what the tokenizer makes of "isn't" ends so
)
REVIEWS: Final = 500
"""At most so many are measured on: two seconds, and a correlation's error is below 0.05."""
UNITS_OF_EACH_KIND: Final = 2

_REVIEWS_AT_ONCE: Final = 50
_SMALLEST: Final = 1e-12

Array = NDArray[np.float64]
Tokens = NDArray[np.int32]


class Units(NamedTuple):
    """What was measured on all units of the last layer, float64 [units] each."""

    reviews: int
    """Number of reviews that were measured on."""
    mean: Array
    """Of the state, over the tokens of all reviews."""
    deviation: Array
    """Standard deviation of the same."""
    of_class: Array
    """Correlation, over the reviews, of the unit's mean state in a review with whether it is of the
    class."""
    negation: Array
    """How far the unit moves when negations are hidden behind the unknown token, in units of how
    far it moves when as many other known tokens are. Summed over all tokens of the reviews, so that
    what lasts counts for more. 0 where there are no negations."""


class Unit(NamedTuple):
    """A unit while one text is read."""

    name: str
    measure: str
    """What it was chosen for, in plain text."""
    states: Array
    """After each token, in standard deviations from its mean over the reviews [tokens]."""


class Watched(NamedTuple):
    """Units while one text is read, the strongest of each kind first."""

    reviews: int
    """Number of reviews on which they were chosen."""
    of_class: list[Unit]
    negation: list[Unit]


def known_negations(tokenizer: Tokenizer) -> list[int]:
    """Ids of those `NEGATIONS` that are in the vocabulary."""
    ids = map(tokenizer.token_id, NEGATIONS)
    return [i for i in ids if i is not None]


def measure_units(
    classifier: Classifier, reviews: TokenStore, negations: Sequence[int], label: int = 1
) -> Units:
    """Look for both kinds of units; equal reviews make equal numbers.

    Args:
        classifier: In evaluation mode.
        reviews: Labelled; at most `REVIEWS` are drawn from them.
        negations: Token ids.
        label: Place of the class.
    """
    generator = np.random.default_rng(0)
    drawn = generator.permutation(len(reviews))[:REVIEWS]
    sums, squares, by_negations, by_others = 0.0, 0.0, 0.0, 0.0
    means: list[Array] = []
    for batch in np.array_split(drawn, -(-len(drawn) // _REVIEWS_AT_ONCE)):
        read = [reviews[i] for i in batch]
        without, control = zip(
            *(_without_negations(review, negations, generator) for review in read), strict=True
        )
        states = unit_states(classifier, read)
        sums += states.sum(0)
        squares += (states**2).sum(0)
        by_negations += np.abs(unit_states(classifier, without) - states).sum(0)
        by_others += np.abs(unit_states(classifier, control) - states).sum(0)
        means.append(_means(states, read))
    count = reviews.lengths[drawn].sum()
    mean = sums / count
    return Units(
        len(drawn),
        mean,
        np.sqrt(np.maximum(squares / count - mean**2, 0)),
        _correlation(np.concatenate(means), (reviews.labels[drawn] == label).astype(np.float64)),
        by_negations / np.maximum(by_others, _SMALLEST),
    )


def watch_units(classifier: Classifier, units: Units, tokens: Tokens) -> Watched:
    """The strongest units of both kinds while a text is read.

    Args:
        classifier: In evaluation mode.
        units: Measured on the same classifier.
        tokens: Token ids int32 [tokens] of the text.
    """
    states = unit_states(classifier, [tokens])
    states = (states - units.mean) / np.maximum(units.deviation, _SMALLEST)

    def unit(i: int, measure: str) -> Unit:
        return Unit(_name(classifier, i), measure, states[:, i])

    return Watched(
        units.reviews,
        [unit(i, f"correlation {units.of_class[i]:+.2f}") for i in _strongest(units.of_class)],
        [unit(i, f"{units.negation[i]:.1f} times as far") for i in _strongest(units.negation)],
    )


@torch.inference_mode()
def unit_states(classifier: Classifier, reviews: Sequence[Tokens]) -> Array:
    """States of the last layer after each token, review behind review, [all tokens, units].

    Args:
        classifier: In evaluation mode.
        reviews: Token ids int32 [tokens] each.
    """
    tokens, lengths = collate(reviews, classifier.config.padding, classifier.batch_width)
    seen: list[torch.Tensor] = []
    hook = classifier.layers[-1].register_forward_hook(lambda *call: seen.append(call[2]))
    try:
        classifier(tokens, lengths)
    finally:
        hook.remove()
    if classifier.config.mask_padding and classifier.config.padding == "pre":
        tokens = tokens_first(tokens, lengths)  # as the layers read them
    states: Array = seen[0].transpose(0, 1)[tokens != PADDING_ID].double().numpy()
    return states


def _means(states: Array, reviews: Sequence[Tokens]) -> Array:
    """Mean state of each review, [reviews, units]."""
    lengths = np.array([len(review) for review in reviews])
    sums = np.add.reduceat(states, np.cumsum(lengths) - lengths, axis=0)
    means: Array = sums / lengths[:, None]
    return means


def _correlation(means: Array, labels: Array) -> Array:
    """Pearson's, of each column with the labels; 0 where either is constant."""
    means, labels = means - means.mean(0), labels - labels.mean()
    norms = np.linalg.norm(means, axis=0) * np.linalg.norm(labels)
    correlation: Array = labels @ means / np.maximum(norms, _SMALLEST)
    return correlation


def _without_negations(
    review: Tokens, negations: Sequence[int], generator: np.random.Generator
) -> tuple[Tokens, Tokens]:
    """The review with its negations hidden, and with as many other known tokens hidden."""
    is_negation = np.isin(review, negations)
    others = np.flatnonzero(~is_negation & (review != UNKNOWN_ID))
    drawn = generator.permutation(others)[: is_negation.sum()]
    return _hidden(review, np.flatnonzero(is_negation)), _hidden(review, drawn)


def _hidden(review: Tokens, places: NDArray[np.intp]) -> Tokens:
    hidden = review.copy()
    hidden[places] = UNKNOWN_ID
    return hidden


def _strongest(measure: Array) -> list[int]:
    """Numbers of the units with the largest values on either side of zero."""
    order = np.argsort(-np.abs(measure), kind="stable")[:UNITS_OF_EACH_KIND]
    return [int(i) for i in order if measure[i] != 0]


def _name(classifier: Classifier, unit: int) -> str:
    """As it is counted within its direction, from 1."""
    direction, number = divmod(unit, classifier.config.hidden_size)
    if not classifier.config.bidirectional:
        return f"unit {number + 1}"
    return f"unit {number + 1} {('forwards', 'backwards')[direction]}"
