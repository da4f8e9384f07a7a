"""Log odds of the n-grams that end at each token: an input beside the token's vector.

For more than two classes there are log odds of each against all others.

An n-gram is a run of one or more known tokens that enough reviews contain. Its log odds is that of
a review being positive that contains it, with one more review of each class. That is the log-count
ratio of Wang & Manning 2012 where both classes count as many n-grams in all; an unlabelled review
counts for either side by its pseudo-label. A linear n-gram model adds such numbers up; a recurrent
net reads them in the order of the tokens.

A review that is learned from is left out of what its own n-grams count. Otherwise a rare n-gram
would tell the label of the very reviews it was counted on, and a network would learn to trust it.

N-grams that are frequent have frequent beginnings, so each is kept as the number of its beginning
among the n-grams one token shorter, and its last token.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from imdb_rnn.data.classes import numbers_of, shape_of
from imdb_rnn.errors import UserError
from imdb_rnn.io.atomic import replacing

NO_NGRAM: Final = -1
SMOOTHING: Final = 1.0
"""Reviews of each class that are added to those that contain an n-gram."""
_ROUNDING: Final = 1e-5
"""Of a log odds in float32."""


class NgramTable(nn.Module):
    """Log odds of frequent n-grams; counted, not trained.

    Args:
        vocabulary_size: Number of token ids.
        ngrams: Number of n-grams of one token, of two, and so on; empty for none at all.
        classes: How many there are.
    """

    def __init__(self, vocabulary_size: int, ngrams: Sequence[int], classes: int = 2) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.max_ngram = len(ngrams)
        self.classes = classes
        for length, number in enumerate(ngrams, start=1):
            self.register_buffer(f"keys_{length}", torch.zeros(number, dtype=torch.int64))
            # The log odds; named as in the files of version 0.1.0.
            self.register_buffer(f"polarities_{length}", torch.zeros(shape_of(number, classes)))
            self.register_buffer(f"reviews_{length}", torch.ones(number))

    @property
    def features(self) -> int:
        """Log odds at each token."""
        return self.max_ngram * numbers_of(self.classes)

    @property
    def sizes(self) -> list[int]:
        """Number of n-grams of one token, of two, and so on."""
        return [len(self.get_buffer(f"keys_{length}")) for length in range(1, self.max_ngram + 1)]

    @torch.no_grad()
    def forward(
        self, tokens: torch.Tensor, leave_out_targets: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Log odds of the n-gram of each length that ends at each token, 0 where there is none.

        Args:
            tokens: int64 [time, batch], tokens first and padding behind.
            leave_out_targets: float32 [batch], for reviews that were counted: the probability of
                positive that each was counted with, which is left out; of each class, [batch,
                classes], where there are more than two.

        Returns:
            float32 [time, batch, features]
        """
        by_length: list[torch.Tensor] = []
        beginnings = torch.zeros_like(tokens)
        for length in range(1, self.max_ngram + 1):
            keys = self.get_buffer(f"keys_{length}")
            ngrams = find_ngrams(keys, beginnings, tokens, self.vocabulary_size)
            log_odds = self._at(f"polarities_{length}", ngrams)
            if leave_out_targets is not None:
                reviews = self._at(f"reviews_{length}", ngrams)
                targets = leave_out_targets.view(tokens.shape[1], -1)
                log_odds = _without(log_odds, reviews, targets, self.classes)
            by_length.append(log_odds.masked_fill((ngrams == NO_NGRAM)[..., None], 0))
            beginnings = torch.cat([torch.full_like(ngrams[:1], NO_NGRAM), ngrams[:-1]])
        return torch.cat(by_length, dim=-1)

    def _at(self, name: str, ngrams: torch.Tensor) -> torch.Tensor:
        """Values of the n-grams, [time, batch, numbers of each]; anything where there is none."""
        values = _rows(self.get_buffer(name))
        return values[ngrams] if len(values) else values.new_zeros(*ngrams.shape, values.shape[1])


def _without(
    log_odds: torch.Tensor, reviews: torch.Tensor, leave_out_targets: torch.Tensor, classes: int
) -> torch.Tensor:
    """Log odds as they were before the review that holds the n-gram was counted.

    Args:
        log_odds: float32 [time, batch, 1 or classes], log of (reviews of the class + SMOOTHING) /
            (reviews of the others + SMOOTHING for each of them).
        reviews: float32 [time, batch, 1], of all classes.
        leave_out_targets: float32 [batch, 1 or classes], what the review added to the class; it
            added 1 less that to the others.
        classes: How many there are.
    """
    positive = (reviews + classes * SMOOTHING) * log_odds.sigmoid() - leave_out_targets
    negative = (reviews + classes * SMOOTHING) * (-log_odds).sigmoid() - (1 - leave_out_targets)
    return (positive / negative).log()


def save_ngrams(path: Path, table: NgramTable) -> None:
    """Write a table; equal tables make equal bytes."""
    size = torch.tensor(table.vocabulary_size)
    with replacing(path) as unfinished:
        unfinished.write_bytes(save({"vocabulary_size": size, **table.state_dict()}))


def load_ngrams(path: Path) -> NgramTable:
    """Read what `save_ngrams` wrote.

    Raises:
        UserError: The file is missing or damaged.
    """
    try:
        arrays = load_file(path)
        vocabulary_size = int(arrays.pop("vocabulary_size"))
        lengths = range(1, len(arrays) // 3 + 1)
        table = NgramTable(
            vocabulary_size, [len(arrays[f"keys_{n}"]) for n in lengths], _classes(arrays)
        )
        table.load_state_dict(arrays)
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise _unusable(path, str(error)) from None
    for length in lengths:
        reviews = table.get_buffer(f"reviews_{length}")
        if not ((reviews >= 1) & reviews.isfinite()).all():
            raise _unusable(path, f"some n-grams of {length} tokens are in no review")
        # Where all reviews are of one class; beyond it, leaving one out would have no logarithm.
        others = table.classes - 1
        largest = ((reviews + others * SMOOTHING) / SMOOTHING).log() + _ROUNDING
        log_odds = table.get_buffer(f"polarities_{length}")
        if not (_rows(log_odds).abs() <= largest[:, None]).all():
            raise _unusable(
                path, f"some log odds of n-grams of {length} tokens do not fit their counts"
            )
        if (table.get_buffer(f"keys_{length}").diff() <= 0).any():
            raise _unusable(path, f"n-grams of {length} tokens are out of order")
    return table


def _rows(values: torch.Tensor) -> torch.Tensor:
    """[n-grams, numbers of each], also where each has one number alone."""
    return values.reshape(len(values), math.prod(values.shape[1:]))


def _classes(arrays: Mapping[str, torch.Tensor]) -> int:
    """How many classes the log odds of a table are of."""
    log_odds = arrays.get("polarities_1")
    return 2 if log_odds is None or log_odds.ndim == 1 else log_odds.shape[1]


def _unusable(path: Path, what: str) -> UserError:
    return UserError(
        f"{path}: cannot be used: {what}. `dvc repro --force ngram_log_odds` makes it anew."
    )


def find_ngrams(
    keys: torch.Tensor, beginnings: torch.Tensor, tokens: torch.Tensor, vocabulary_size: int
) -> torch.Tensor:
    """Numbers of the n-grams that end at each token.

    Args:
        keys: int64 [n-grams], rising: beginning * vocabulary_size + last token.
        beginnings: int64 [...], number of the n-gram one token shorter that ends a token earlier.
        tokens: int64 [...].
        vocabulary_size: Number of token ids.

    Returns:
        int64 [...]; NO_NGRAM where there is none.
    """
    if len(keys) == 0:
        return torch.full_like(tokens, NO_NGRAM)
    wanted = beginnings * vocabulary_size + tokens  # below zero without a beginning
    found = torch.searchsorted(keys, wanted.contiguous()).clamp_(max=len(keys) - 1)
    return torch.where(keys[found] == wanted, found, NO_NGRAM)
