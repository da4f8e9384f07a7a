"""The word vectors of a batch, computed with once for each distinct token."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import nn
from torch.nn.functional import embedding


@dataclass(frozen=True)
class Lookup:
    """`vectors[places]`, not written out yet.

    What is done to every token's vector alone, a linear layer say, need only be done to the
    distinct ones: the notebook's batches hold 6,400 tokens, of which some 1,400 are different.
    """

    vectors: torch.Tensor
    """float32 [distinct tokens, features]."""
    places: torch.Tensor
    """int64 [time, batch], rows of the vectors."""

    @classmethod
    def of(cls, tokens: torch.Tensor, table: nn.Embedding) -> Self:
        """The vectors of a batch's tokens.

        Args:
            tokens: int64 [time, batch].
            table: A vector for each token id.
        """
        distinct, places = torch.unique(tokens, return_inverse=True)
        return cls(table(distinct), places)

    def linear(self, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """`weight @ vector + bias` of every token.

        Args:
            weight: float32 [units, features].
            bias: float32 [units].

        Returns:
            float32 [time, batch, units]
        """
        return embedding(self.places, nn.functional.linear(self.vectors, weight, bias))

    def split(self, steps: int) -> "list[Lookup]":
        """Chunks of so many tokens, as a tensor's own `split` cuts it."""
        return [Lookup(self.vectors, places) for places in torch.split(self.places, steps)]

    def reordered(self, order: torch.Tensor) -> "Lookup":
        """Each review's tokens in another order.

        Args:
            order: int64 [time, batch], where the token to be put there stands now.
        """
        return Lookup(self.vectors, self.places.gather(0, order))
