"""What a study is given, and what it returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imdb_rnn.config import Model, Params
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics.small import last_words
from imdb_rnn.diagnostics.summaries import counted
from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.drawing import Figure
from imdb_rnn.models.classifier import Classifier


@dataclass(frozen=True)
class Material:
    """Real reviews for small networks; none is both learned from and measured on."""

    params: Params
    """Of `diagnostics`, as many reviews and words as there are."""
    prepared: Path
    """Folder of the token stores."""
    model: Path
    """Folder of the trained classifier."""
    truncation: Mapping[str, Any]
    """Contents of `reports/bptt.json`."""
    vocabulary_size: int
    classes: tuple[str, ...]
    """Names of the reviews' classes."""
    learned: TokenStore
    """Their last words."""
    full: TokenStore
    """The last words of long reviews, so that none of them is padded."""
    short: TokenStore
    """Reviews that are padding for the greater part once they are filled up; there may be none."""
    valid: TokenStore
    """The last words of the validation reviews."""

    def classifier(self, config: Model) -> Classifier:
        """An untrained network for these reviews."""
        words = self.params.diagnostics.words
        return Classifier(
            self.vocabulary_size, words, config, self.params.seed, classes=len(self.classes)
        )

    def numbers(self) -> dict[str, Any]:
        """What was read, for whoever reads the results."""
        median = float(np.median(self.short.lengths)) if len(self.short) else None
        return {
            "words": self.params.diagnostics.words,
            "epochs": self.params.diagnostics.epochs,
            "learned": len(self.learned),
            "measured": len(self.full),
            "measured_short": len(self.short),
            "median_words_of_short": median,
            "validation": len(self.valid),
        }


class Shown(NamedTuple):
    """A figure of a study."""

    points: pa.Table
    draw: Callable[[pa.Table], Figure]
    """Makes the figure of the points, in the style of `drawing.drawn`; picklable."""
    finding: str
    """What the figure shows, in a sentence."""


class Outcome(NamedTuple):
    """What a study found out."""

    numbers: Mapping[str, Any]
    """Its parts of `reports/diagnostics.json`, by key."""
    figures: Mapping[str, Shown]
    """By the name of their files."""


def gather(
    params: Params,
    prepared: Path,
    model: Path,
    truncation: Mapping[str, Any],
    dataset: Mapping[str, Any],
) -> Material:
    """Draw reviews for the small networks, by `diagnostics` and `seed`.

    Args:
        params: Of `diagnostics`, reviews and words are lowered to what the reviews allow.
        prepared: Folder of the token stores.
        model: Folder of the trained classifier.
        truncation: Contents of `reports/bptt.json`.
        dataset: Contents of `data/prepared/dataset.json`.

    Raises:
        UserError: There is one training review, so that none is left to measure on.
    """
    train, valid = (TokenStore.open(prepared / split) for split in ("train", "valid"))
    number = min(params.diagnostics.reviews, len(train) // 2)
    if number == 0:
        raise UserError(
            f"{prepared / 'train'}: {counted(len(train), 'review')}; the stage `diagnostics` needs "
            "one to learn from and another to measure on. Have more training reviews."
        )
    order = np.random.default_rng(params.seed).permutation(len(train))
    learned, rest = order[:number], order[number:]
    lengths = train.lengths[rest]
    words = min(params.diagnostics.words, _words_of_a_tenth(lengths))
    diagnostics = params.diagnostics.model_copy(update={"reviews": number, "words": words})
    least, most = max(1, words // 8), words // 2
    full = rest[lengths >= words][: diagnostics.measured_reviews]
    short = rest[(least <= lengths) & (lengths <= most)][: diagnostics.measured_reviews]
    return Material(
        params.model_copy(update={"diagnostics": diagnostics}),
        prepared,
        model,
        truncation,
        dataset["vocabulary_size"],
        tuple(dataset["classes"]),
        learned=last_words(train, learned, words),
        full=last_words(train, full, words),
        short=last_words(train, short, words),
        valid=last_words(valid, np.arange(len(valid)), words),
    )


def _words_of_a_tenth(lengths: NDArray[np.int64]) -> int:
    """The most words that at least a tenth of the reviews have."""
    return int(np.sort(lengths)[-ceil(len(lengths) / 10)])
