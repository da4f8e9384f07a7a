"""The word vectors of a batch, computed with once for each distinct word."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import nn
from torch.nn.functional import embedding


@dataclass(frozen=True)
class Lookup:
    """`vectors[places]`, not written out yet.

    What is done to every word's vector alone, a linear layer say, need only be done to the distinct
    ones: the notebook's batches hold 6,400 words, of which some 1,400 are different.
    """

    vectors: torch.Tensor
    """float32 [distinct words, features]."""
    places: torch.Tensor
    """int64 [time, batch], rows of the vectors."""

    @classmethod
    def of(cls, tokens: torch.Tensor, table: nn.Embedding) -> Self:
        """The vectors of a batch's words.

        Args:
            tokens: int64 [time, batch].
            table: A vector for each word id.
        """
        words, places = torch.unique(tokens, return_inverse=True)
        return cls(table(words), places)

    def linear(self, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """`weight @ vector + bias` of every word.

        Args:
            weight: float32 [units, features].
            bias: float32 [units].

        Returns:
            float32 [time, batch, units]
        """
        return embedding(self.places, nn.functional.linear(self.vectors, weight, bias))

    def split(self, steps: int) -> "list[Lookup]":
        """Chunks of so many words, as a tensor's own `split` cuts it."""
        return [Lookup(self.vectors, places) for places in torch.split(self.places, steps)]

    def reordered(self, order: torch.Tensor) -> "Lookup":
        """Each review's words in another order.

        Args:
            order: int64 [time, batch], where the word to be put there stands now.
        """
        return Lookup(self.vectors, self.places.gather(0, order))
