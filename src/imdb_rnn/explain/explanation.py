"""Everything that is told about the classifier's verdict on one text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.data.classes import SENTIMENT, is_binary, titles_of
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.data.tokenizer import Reading, Tokenizer
from imdb_rnn.errors import UserError
from imdb_rnn.explain.attribution import (
    Attribution,
    integrated_gradients,
    occlusion,
    prefix_probabilities,
)
from imdb_rnn.explain.units import Unit, Watched, known_negations, measure_units, watch_units
from imdb_rnn.messages import printable, shortened
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.predictor import NOTHING_KNOWN, Predictor

Method = Literal["gradients", "occlusion"]

_METHODS: Final[dict[Method, Callable[[Classifier, NDArray[np.int32], int], Attribution]]] = {
    "gradients": integrated_gradients,
    "occlusion": occlusion,
}
_TITLES: Final[dict[Method, str]] = {
    "gradients": "the integrated gradient over what is read, from unknown words to this text",
    "occlusion": "how far the verdict falls when one word is hidden",
}


SKIPPED: Final = "[… not read …]"
"""Stands for words of the text that were not read."""

EVEN: Final = 0.5
"""From this probability on a class is likelier than all others together."""

DEVIATIONS_SHOWN: Final = 2
"""A hidden unit's state is shown as far as so many standard deviations from its mean."""


class Word(NamedTuple):
    """A word as it is shown."""

    position: int
    """Among the words that were read, from 1."""
    text: str
    """Printable, and in brackets if the classifier does not know the word."""
    known: bool
    attribution: float
    share: float
    """Attribution in units of the strongest word's, between -1 and 1."""


@dataclass(frozen=True)
class Explanation:
    """A verdict, how it came about word by word, and what each word did to it."""

    reading: Reading
    probabilities: NDArray[np.float32]
    """Of the class that is explained after each word, had the text ended there [words]."""
    attribution: Attribution
    method: Method
    watched: Watched | None = None
    """Hidden units, if they were asked for."""
    classes: tuple[str, ...] = SENTIMENT
    label: int = 1
    """Place of the class that is explained."""
    likeliest: int | None = None
    """Place of the likeliest class; of two, the probabilities say it."""

    @property
    def class_name(self) -> str:
        """Of the class that is explained, fit to be shown."""
        return self._name(self.label)

    @property
    def sides(self) -> tuple[str, str]:
        """What a word may speak for; headings of `strongest`."""
        return f"for {self.class_name}", "against it"

    def _name(self, label: int) -> str:
        return printable(titles_of(self.classes)[label])

    @property
    def words(self) -> list[Word]:
        """All words that were read, in order."""
        shares = self.attribution.tokens / max(np.abs(self.attribution.tokens).max(), 1e-9)
        columns = zip(
            self.reading.tokens, self.reading.known, self.attribution.tokens, shares, strict=True
        )
        return [
            Word(position, _shown(text, known=known), known, float(value), float(share))
            for position, (text, known, value, share) in enumerate(columns, start=1)
        ]

    @property
    def pieces(self) -> list[Word | None]:
        """The words, with None where words of the text were not read."""
        words: list[Word | None] = [*self.words]
        if self.reading.skipped:
            words.insert(self.reading.gap, None)
        return words

    @property
    def units(self) -> dict[str, list[Unit]]:
        """The hidden units that are shown, under what sets them apart from the others."""
        if self.watched is None:
            return {}
        texts = f"{self.watched.reviews:,} validation texts"
        told_apart = (
            f"the classes of {texts} apart"
            if is_binary(len(self.classes))
            else f"{self.class_name} from the other classes of {texts}"
        )
        titled = {
            f"Units whose mean state tells {told_apart}": self.watched.of_class,
            f"Units that move farthest when the negations of {texts} are hidden, beside hiding "
            "as many other words": self.watched.negation,
        }
        return {title: units for title, units in titled.items() if units}

    def strongest(self, count: int) -> tuple[list[Word], list[Word]]:
        """At most `count` words that speak for the class and as many that speak against it."""
        ranked = sorted(self.words, key=lambda word: word.attribution)
        against = [word for word in ranked[:count] if word.attribution < 0]
        speak_for = [word for word in ranked[: -count - 1 : -1] if word.attribution > 0]
        return speak_for, against

    @property
    def verdict(self) -> str:
        """The likeliest class, and the probability of the class that is explained."""
        probability = self.probabilities[-1]
        likeliest = self.likeliest
        if likeliest is None:
            likeliest = self.label if probability >= EVEN else 1 - self.label
        return f"{self._name(likeliest)} (probability of {self.class_name}: {probability:.3f})"

    @property
    def notes(self) -> list[str]:
        """What one has to know to read the words and their attributions, a sentence each."""
        attribution, reading = self.attribution, self.reading
        difference = attribution.logit - attribution.baseline
        method = (
            f"A word's attribution is {_TITLES[self.method]}, in log odds of {self.class_name}. "
            f"The words add up to {attribution.tokens.sum():+.3f} of the {difference:+.3f} between "
            "as many unknown words and this text (convergence delta "
            f"{attribution.convergence_delta:+.4f})."
        )
        notes = [method]
        if self.method == "gradients" and not attribution.adds_up:
            notes.append(
                "That is more than it should leave open: between unknown words and this text the "
                "log odds turn too often to be followed. Take the attributions as a hint."
            )
        if not all(reading.known):
            notes.append("Words in [brackets] are not in the classifier's vocabulary.")
        if reading.skipped:
            total = len(reading.tokens) + reading.skipped
            notes.append(
                f"Of {total:,} words {len(reading.tokens):,} were read, as many as the classifier "
                f"takes; the others stood at {SKIPPED}."
            )
        if self.units:
            notes.append(
                f"A unit is shown {DEVIATIONS_SHOWN} standard deviations to either side of its "
                "mean over those texts; blue is above it. One that reads backwards has seen the "
                "words from the end to there. No unit does one thing alone."
            )
        return notes


def explain(
    predictor: Predictor,
    text: str,
    method: Method,
    reviews: TokenStore | None = None,
    class_name: str | None = None,
) -> Explanation:
    """Read a text and account for the verdict.

    Args:
        predictor: Of the trained classifier.
        text: The text.
        method: Of attribution.
        reviews: Labelled reviews in the predictor's own token ids, on which the hidden units to
            show are chosen; None to show none.
        class_name: The class to explain; None for the second of two, or the likeliest of more.

    Raises:
        UserError: The text holds no word that the classifier knows, or is not valid
            Unicode; or there is no such class.
    """
    classes, classifier = predictor.classes, predictor.classifier
    label = None if class_name is None else _place(class_name, classes)
    reading = _read(predictor.tokenizer, text)
    likeliest = None
    if not is_binary(len(classes)):
        likeliest = int(predictor.predict_tokens([reading.ids])[0].argmax())
    if label is None:
        label = 1 if likeliest is None else likeliest
    return Explanation(
        reading,
        prefix_probabilities(classifier, reading.ids, label),
        _METHODS[method](classifier, reading.ids, label),
        method,
        _watched(predictor, reading, reviews, label) if reviews else None,
        classes,
        label,
        likeliest,
    )


def _place(name: str, classes: Sequence[str]) -> int:
    if name not in classes:
        raise UserError(
            f"--class {printable(name)}: the model knows no such class. Name one of "
            f"{', '.join(map(printable, classes))}."
        )
    return classes.index(name)


def _read(tokenizer: Tokenizer, text: str) -> Reading:
    """The tokens to explain, at least one of them known."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"The text is not UTF-8 (character {error.start + 1}). Pass it in UTF-8."
        ) from None
    reading = tokenizer.read(text)
    if not reading.tokens:
        raise UserError(
            f"The text {shortened(text, 40)!r} holds no word that could be explained. Pass another."
        )
    if not any(reading.known):
        raise UserError(
            f"The text {shortened(text, 40)!r} cannot be explained: {NOTHING_KNOWN}. Write it in "
            "the language of the training texts."
        )
    return reading


def _watched(predictor: Predictor, reading: Reading, reviews: TokenStore, label: int) -> Watched:
    negations = known_negations(predictor.tokenizer)
    units = measure_units(predictor.classifier, reviews, negations, label)
    return watch_units(predictor.classifier, units, reading.ids)


def _shown(text: str, *, known: bool) -> str:
    # What steers a terminal is neither shown nor obeyed.
    shown = "".join(character if character.isprintable() else "�" for character in text)
    return shown if known else f"[{shown}]"
