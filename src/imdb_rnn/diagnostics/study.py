"""What a study is given, and what it returns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from imdb_rnn.config import Model, Params
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics.small import last_words
from imdb_rnn.errors import UserError
from imdb_rnn.evaluation.drawing import Figure
from imdb_rnn.models.classifier import Classifier


@dataclass(frozen=True)
class Material:
    """Real reviews for small networks; none is both learned from and measured on."""

    params: Params
    prepared: Path
    """Folder of the token stores."""
    model: Path
    """Folder of the trained classifier."""
    truncation: Mapping[str, Any]
    """Contents of `reports/bptt.json`."""
    vocabulary_size: int
    learned: TokenStore
    """Their last words."""
    full: TokenStore
    """The last words of long reviews, so that none of them is padded."""
    short: TokenStore
    """Reviews that are padding for the greater part once they are filled up."""
    valid: TokenStore
    """The last words of the validation reviews."""

    def classifier(self, config: Model) -> Classifier:
        """An untrained network for these reviews."""
        words = self.params.diagnostics.words
        return Classifier(self.vocabulary_size, words, config, self.params.seed)

    def numbers(self) -> dict[str, Any]:
        """What was read, for whoever reads the results."""
        return {
            "words": self.params.diagnostics.words,
            "epochs": self.params.diagnostics.epochs,
            "learned": len(self.learned),
            "measured": len(self.full),
            "measured_short": len(self.short),
            "median_words_of_short": float(np.median(self.short.lengths)),
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
    vocabulary_size: int,
) -> Material:
    """Draw reviews for the small networks, by `diagnostics` and `seed`.

    Raises:
        UserError: There are too few reviews, or none that are long or short enough.
    """
    diagnostics = params.diagnostics
    train, valid = (TokenStore.open(prepared / split) for split in ("train", "valid"))
    order = np.random.default_rng(params.seed).permutation(len(train))
    learned, rest = order[: diagnostics.reviews], order[diagnostics.reviews :]
    lengths = train.lengths[rest]
    least, most = max(1, diagnostics.words // 8), diagnostics.words // 2
    full = rest[lengths >= diagnostics.words][: diagnostics.measured_reviews]
    short = rest[(least <= lengths) & (lengths <= most)][: diagnostics.measured_reviews]
    if len(full) == 0 or len(short) == 0:
        raise UserError(
            f"diagnostics: of the {len(train):,} training reviews, {len(rest):,} are left to "
            f"measure gradients on; {len(full):,} have at least {diagnostics.words} words "
            f"and {len(short):,} have {least} to {most}; some of both are needed. Change "
            "diagnostics.words, or lower diagnostics.reviews."
        )
    return Material(
        params,
        prepared,
        model,
        truncation,
        vocabulary_size,
        learned=last_words(train, learned, diagnostics.words),
        full=last_words(train, full, diagnostics.words),
        short=last_words(train, short, diagnostics.words),
        valid=last_words(valid, np.arange(len(valid)), diagnostics.words),
    )
