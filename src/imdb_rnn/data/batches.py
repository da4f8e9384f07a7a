"""Batches of encoded reviews: which reviews go together, and their padded tensors."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from imdb_rnn.data.tokenizer import PADDING_ID

# Reviews are sorted by length within chunks of this many batches: long enough that a batch holds
# hardly any padding, short enough that batches differ from epoch to epoch.
BATCHES_SORTED_TOGETHER = 50


def shuffled_batches(
    lengths: NDArray[np.int64], batch_size: int, seed: int, epoch: int, *, by_length: bool
) -> list[NDArray[np.int64]]:
    """Indices of each batch of one epoch.

    The order follows from (seed, epoch) alone, so any epoch can be replayed without its
    predecessors.

    Args:
        lengths: Tokens of each review.
        batch_size: Reviews a batch; the last may be smaller.
        seed: Of the run.
        epoch: Number of the epoch.
        by_length: Put reviews of like length together.
    """
    generator = np.random.default_rng([seed, epoch])
    order = generator.permutation(len(lengths))
    if not by_length:
        return _chunks(order, batch_size)
    sorted_within = [
        chunk[np.argsort(lengths[chunk], kind="stable")]
        for chunk in _chunks(order, batch_size * BATCHES_SORTED_TOGETHER)
    ]
    batches = [batch for chunk in sorted_within for batch in _chunks(chunk, batch_size)]
    return [batches[i] for i in generator.permutation(len(batches))]


def batches_by_length(lengths: NDArray[np.int64], batch_size: int) -> list[NDArray[np.int64]]:
    """Indices of each batch for prediction: from the shortest review to the longest."""
    return _chunks(np.argsort(lengths, kind="stable"), batch_size)


def collate(
    reviews: Sequence[NDArray[np.int32]], side: Literal["post", "pre"], fill_to: int | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad reviews to a rectangle.

    Args:
        reviews: int32 [tokens] each.
        side: Padding goes behind (`post`) or in front (`pre`).
        fill_to: Width of the rectangle; None takes the longest review's.

    Returns:
        Tokens int64 [batch, time] and lengths int64 [batch].
    """
    lengths = torch.tensor([len(review) for review in reviews])
    width = fill_to or int(lengths.max())
    tokens = torch.full((len(reviews), width), PADDING_ID)
    for row, review in zip(tokens, reviews, strict=True):
        ids = torch.from_numpy(review.astype(np.int64))
        if side == "post":
            row[: len(review)] = ids
        else:
            row[width - len(review) :] = ids
    return tokens, lengths


def _chunks(order: NDArray[np.int64], size: int) -> list[NDArray[np.int64]]:
    return [order[begin : begin + size] for begin in range(0, len(order), size)]
