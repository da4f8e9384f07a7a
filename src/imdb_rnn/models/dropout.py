"""Dropout that draws from a generator of its own, so that a run can be repeated and resumed."""

import torch

from imdb_rnn.data.tokenizer import UNKNOWN_ID


def variational_dropout(
    features: torch.Tensor, share: float, generator: torch.Generator | None
) -> torch.Tensor:
    """Zero some features and scale up the rest, the same ones for all tokens of a review.

    One mask over time keeps the recurrent net from averaging the noise out (Gal & Ghahramani
    2016, "A Theoretically Grounded Application of Dropout in Recurrent Neural Networks").

    Args:
        features: float32 [..., batch, features]; leading dimensions share the mask.
        share: Probability of zeroing a feature.
        generator: Source of the mask; None drops nothing.
    """
    if generator is None or share == 0:
        return features
    keep = torch.empty(features.shape[-2:], device=features.device)
    return features * keep.bernoulli_(1 - share, generator=generator).div_(1 - share)


def word_dropout(
    tokens: torch.Tensor, share: float, generator: torch.Generator | None
) -> torch.Tensor:
    """Make some tokens unknown, so that no review is recognised by a few rare ones.

    Args:
        tokens: int64 [batch, time].
        share: Probability of hiding a token.
        generator: Source of the choice; None hides nothing.
    """
    if generator is None or share == 0:
        return tokens
    hidden = torch.empty(tokens.shape, device=tokens.device).bernoulli_(share, generator=generator)
    return tokens.masked_fill(hidden.bool(), UNKNOWN_ID)
