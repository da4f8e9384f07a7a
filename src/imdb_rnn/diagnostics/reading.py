"""The trained classifier reading single reviews: how its verdict comes about, word by word."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imdb_rnn.data.classes import SENTIMENT, is_binary, titles_of
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics import drawing
from imdb_rnn.diagnostics.equations import Array
from imdb_rnn.diagnostics.study import Material, Outcome, Shown
from imdb_rnn.diagnostics.summaries import counted, rounded
from imdb_rnn.evaluation.drawing import Figure, plain
from imdb_rnn.explain.attribution import Attribution, integrated_gradients, prefix_probabilities
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.saved_model import load_model, load_tokenizer

EXAMINED: Final = 20
"""Short reviews, at most, of which one is shown."""

ADDED_UP: Final = 10
"""Reviews of any length, at most, whose attribution is added up."""

NAMED: Final = 4
"""Words of a review that are named for each class, the strongest."""

_CLOSE: Final = 2
"""Words of one side no farther apart are written as one, not upon each other."""

_LETTER: Final = 0.034
"""Length of a letter, as a share of the panel's height."""


class Example(NamedTuple):
    """One review as the classifier reads it."""

    name: str
    """Its id in the data."""
    label: int
    """Place of its class."""
    words: NDArray[np.int32]
    """Token ids [words]."""
    probabilities: NDArray[np.float32]
    """Of the class that is watched, after each word [words]."""
    attribution: Attribution
    """By integrated gradients, to the log odds of the same class."""

    @property
    def turn(self) -> int:
        """The word of the second half after which the probability is farthest from its last."""
        middle = len(self.words) // 2
        return middle + int(np.abs(self.probabilities[middle:] - self.probabilities[-1]).argmax())

    @property
    def turned(self) -> float:
        """How far the probability moves from there to the end."""
        return float(abs(self.probabilities[self.turn] - self.probabilities[-1]))

    def strongest(self, sign: int) -> list[int]:
        """Places of at most `NAMED` words whose attribution has a sign, the strongest first."""
        attribution = sign * self.attribution.tokens
        return [
            int(i) for i in np.argsort(-attribution, kind="stable")[:NAMED] if attribution[i] > 0
        ]


class Examined(NamedTuple):
    """A short review whose verdict turns, and how well the attribution of others adds up."""

    shown: Example
    """Of some the one whose verdict turns farthest in its second half."""
    lengths: NDArray[np.int64]
    """Words of the others [reviews]."""
    convergence_deltas: Array
    """What attribution leaves unexplained of each one's log odds, without sign [reviews]."""
    differences: Array
    """Log odds between unknown words and each of them, without sign [reviews]."""


def run(material: Material) -> Outcome:
    """Read with the trained classifier: its verdict after each word, each word's attribution."""
    valid = TokenStore.open(material.prepared / "valid")
    params = material.params
    examined = examine(load_model(material.model), valid, params.diagnostics.words, params.seed)
    shown = examined.shown
    tokenizer = load_tokenizer(material.model)
    names = [tokenizer.token(int(token)) for token in shown.words]
    classes = material.classes
    watched = _quoted_class(classes, _watched(len(classes), shown.label))
    points = pa.table(
        {
            "position": range(1, len(shown.words) + 1),
            "probability": [rounded(value) for value in shown.probabilities],
            "attribution": [rounded(value) for value in shown.attribution.tokens],
        }
    )
    found = numbers(examined, names, classes)
    drawn = partial(draw, named=strongest_words(shown, names), watched=watched)
    figure = Shown(points, drawn, finding(found, classes, watched))
    return Outcome({"reading": found}, {"reading": figure})


def numbers(
    examined: Examined, names: Sequence[str], classes: Sequence[str] = SENTIMENT
) -> dict[str, Any]:
    """How the shown review's verdict turned, by which words, and how well attribution adds up."""
    shown = examined.shown
    found: dict[str, Any] = rounded(
        {
            "reviews": len(examined.convergence_deltas),
            "shortest": int(examined.lengths.min()),
            "longest": int(examined.lengths.max()),
            "largest_convergence_delta": examined.convergence_deltas.max(),
            "median_difference": np.median(examined.differences),
            "shown": {
                "review": shown.name,
                "label": titles_of(classes)[shown.label],
                "words": len(shown.words),
                "turn": shown.turn + 1,
                "probability_at_turn": shown.probabilities[shown.turn],
                "probability": shown.probabilities[-1],
                "for": [names[i] for i in shown.strongest(1)],
                "against": [names[i] for i in shown.strongest(-1)],
            },
        }
    )
    return found


def strongest_words(shown: Example, names: Sequence[str]) -> dict[int, str]:
    """The words with most attribution for or against the class, by position from 1."""
    return {i + 1: names[i] for sign in (1, -1) for i in shown.strongest(sign)}


def examine(classifier: Classifier, reviews: TokenStore, words: int, seed: int) -> Examined:
    """Show a review that is short enough to be shown whole, and add up the attribution of others.

    Args:
        classifier: In evaluation mode.
        reviews: Labelled; of those with at most `words` words, `EXAMINED` are drawn, or of all if
            none is so short, and of all of them `ADDED_UP`.
        words: Of the longest to be shown.
        seed: Of the draw.
    """
    short = np.flatnonzero(reviews.lengths <= words)
    candidates = short if len(short) else np.arange(len(reviews))
    generator = np.random.default_rng([seed, 4])
    drawn = generator.choice(candidates, min(EXAMINED, len(candidates)), replace=False)
    examples = [_read(classifier, reviews, int(number)) for number in drawn]
    others = generator.choice(len(reviews), min(ADDED_UP, len(reviews)), replace=False)
    attribution = [
        integrated_gradients(
            classifier, reviews[int(i)], _watched(classifier.classes, int(reviews.labels[i]))
        )
        for i in others
    ]
    return Examined(
        max(examples, key=lambda example: example.turned),
        reviews.lengths[others],
        np.array([abs(one.convergence_delta) for one in attribution]),
        np.array([abs(one.logit - one.baseline) for one in attribution]),
    )


def _read(classifier: Classifier, reviews: TokenStore, number: int) -> Example:
    words, label = reviews[number], int(reviews.labels[number])
    watched = _watched(classifier.classes, label)
    return Example(
        str(reviews.ids[number]),
        label,
        words,
        prefix_probabilities(classifier, words, watched),
        integrated_gradients(classifier, words, watched),
    )


def _watched(classes: int, label: int) -> int:
    """The class whose log odds are shown: the second of two, or the review's own of more."""
    return 1 if is_binary(classes) else label


def _quoted_class(classes: Sequence[str], label: int) -> str:
    """A class in a sentence; names that others have chosen need quotation marks there."""
    title = titles_of(classes)[label]
    return title if tuple(classes) == SENTIMENT else f"“{title}”"


def finding(reading: Mapping[str, Any], classes: Sequence[str], watched: str) -> str:
    """What the figure shows, in a few sentences.

    Args:
        reading: As by `numbers`.
        classes: Their names.
        watched: The class whose probability it is.
    """
    shown = reading["shown"]
    text, which = "review", f"{shown['label']} validation review"
    if tuple(classes) != SENTIMENT:
        text, which = "text", f"validation text labelled “{shown['label']}”"
    return (
        f"The probability of {watched} after each word of a {which}, and "
        f"the words' attributions: after word {shown['turn']} of {shown['words']} the classifier "
        f"gives {shown['probability_at_turn']:.3f}, at the end {shown['probability']:.3f}. For "
        f"{watched} speak most {_quoted(shown['for'])}, against it {_quoted(shown['against'])}. Of "
        f"{counted(reading['reviews'], text)} of {reading['shortest']} to "
        f"{reading['longest']} words integrated gradients leave "
        f"{reading['largest_convergence_delta']:.2g} or less unexplained, in log odds, where the "
        f"median difference to explain is {reading['median_difference']:.2f}."
    )


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"“{word}”" for word in words) or "no word"


def draw(points: pa.Table, named: Mapping[int, str], watched: str = "positive") -> Figure:
    """The figure of `run`.

    Args:
        points: Position from 1, probability and attribution of each word.
        named: Words to write beside their attribution, by position.
        watched: The class whose probability it is.
    """
    figure, (above, below) = drawing.panels(2, 1, height=8.2, sharey="none")
    position, attribution = points["position"].to_pylist(), points["attribution"].to_pylist()
    above.axhline(0.5, color=drawing.GRAY, linewidth=1)
    above.plot(position, points["probability"], color=drawing.BLUE)
    above.set(ylabel=f"probability of {plain(watched)}", ylim=(-0.02, 1.02))
    sides = [drawing.BLUE if value > 0 else drawing.RED for value in attribution]
    below.bar(position, attribution, width=0.9, color=sides)
    longest = 0
    for positive in (True, False):
        places = sorted(place for place in named if (attribution[place - 1] > 0) == positive)
        for group in _close_together(places):
            # Beyond the bars that a letter's height covers.
            near = attribution[max(0, group[0] - 1 - _CLOSE) : group[-1] + _CLOSE]
            quote = _quote(group, named)
            longest = max(longest, len(quote))
            below.annotate(
                quote,
                (float(np.mean(group)), max(near) if positive else min(near)),
                xytext=(0, 3 if positive else -3),
                textcoords="offset points",
                rotation=90,
                ha="center",
                va="bottom" if positive else "top",
                fontsize=drawing.SMALL,
                parse_math=False,
            )
    room = min(_LETTER * longest, 0.4)  # above and below, as a share of the panel
    below.margins(y=room / (1 - 2 * room))
    below.set(xlabel="word", ylabel="attribution in log odds")
    below.locator_params(axis="x", integer=True)
    return figure


def _close_together(places: list[int]) -> list[list[int]]:
    """Rising places in groups whose neighbours are close."""
    if not places:
        return []
    wide = np.flatnonzero(np.diff(places) > _CLOSE) + 1
    return [[int(place) for place in group] for group in np.split(np.array(places), wide)]


def _quote(group: list[int], named: Mapping[int, str]) -> str:
    """A group's words, with an ellipsis for what stands between them."""
    words = [named[group[0]]]
    for before, place in pairwise(group):
        words += [named[place]] if place == before + 1 else ["…", named[place]]
    return " ".join(words)
