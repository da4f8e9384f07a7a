"""Raw text in, probabilities of the classes out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.data.tokenizer import UNKNOWN_ID, Tokenizer
from imdb_rnn.errors import UserError
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.folded import FoldedClassifier, can_fold
from imdb_rnn.models.head import probabilities
from imdb_rnn.models.inference import predict_logits
from imdb_rnn.models.saved_model import load_classes, load_model, load_tokenizer

# Fast on a CPU, and small enough that even the longest reviews stay within modest memory.
BATCH_SIZE: Final = 64

CHARACTERS_A_WORD: Final = 40
"""Cutting changes nothing as long as words, with blanks and `<br />`, are no longer on average."""

PredictTokens = Callable[[Sequence[NDArray[np.int32]]], NDArray[np.float32]]
"""From the token ids of reviews, int32 [tokens] each, to what `Predictor.probabilities` returns."""

NOTHING_KNOWN: Final = "it has no word that the model knows, so there is nothing to go by"


@dataclass(frozen=True)
class Predictor:
    """A trained classifier together with its tokenizer."""

    classifier: Classifier
    """In evaluation mode, on the CPU."""
    tokenizer: Tokenizer
    classes: tuple[str, ...] = SENTIMENT
    """Names of the classes, in the order of the probabilities."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model folder such as `models/rnn`.

        Raises:
            UserError: A file of the folder is missing or damaged.
        """
        return cls(load_model(folder), load_tokenizer(folder), load_classes(folder))

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probability of the second of two classes, or of each of more.

        A text's result does not depend on the texts around it, up to float rounding.

        Args:
            texts: Any number of texts, of any length.

        Returns:
            float32 [texts] for two classes, [texts, classes] for more, in the order of `texts`.

        Raises:
            UserError: A text is empty or has no word that the model knows. A number for
                it would say what the model answers without reading.
        """
        reviews = self.read(texts)
        for number, review in enumerate(reviews, start=1):
            if unknown_share(review) == 1:
                raise UserError(
                    f"text {number} of {len(reviews)}: {NOTHING_KNOWN}. "
                    f"Leave it out, or write it in the language of the training reviews."
                )
        return self.predict_tokens(reviews)

    def read(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """The token ids that the classifier sees of each text, int32 [tokens], at least one.

        Of a very long text only the two ends are split into tokens, because no more of it would be
        seen: it costs neither seconds nor gigabytes. Half a surrogate pair counts as an unknown
        sign.
        """
        limit = CHARACTERS_A_WORD * self.tokenizer.max_length
        # In small groups, so that memory does not grow with the number of texts.
        return [
            review
            for begin in range(0, len(texts), BATCH_SIZE)
            for review in self.tokenizer.encode(
                [_whole_signs(_ends(text, limit)) for text in texts[begin : begin + BATCH_SIZE]]
            )
        ]

    def predict_tokens(self, reviews: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
        """As `probabilities`, from what `read` returns."""
        return probabilities(predict_logits(self.classifier, reviews, BATCH_SIZE))

    @cached_property
    def predict_many(self) -> PredictTokens:
        """`predict_tokens` up to float rounding, faster for a hundred reviews or more.

        It reads all that it is given at once. To prepare it, at the first use, takes a tenth of a
        second, and a hundred megabytes for 30,000 tokens.
        """
        if not can_fold(self.classifier.config):
            return self.predict_tokens
        folded = FoldedClassifier(self.classifier)
        return lambda reviews: probabilities(folded.logits(reviews))


def unknown_share(review: NDArray[np.int32]) -> float:
    """Share of the tokens of a review, int32 [tokens], that the model does not know."""
    return float(np.mean(review == UNKNOWN_ID))


def _ends(text: str, limit: int) -> str:
    """A text of at most twice `limit` characters: itself, or its two ends."""
    return text if len(text) <= 2 * limit else f"{text[:limit]} {text[-limit:]}"


def _whole_signs(text: str) -> str:
    """The text with U+FFFD in place of each lone surrogate, which the tokenizer cannot take."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
