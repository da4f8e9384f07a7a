"""The review classifier: embedding, recurrent layers, pooling, a linear unit for each logit."""

from collections.abc import Sequence

import torch
from torch import nn

from imdb_rnn.config import Model
from imdb_rnn.data.classes import numbers_of
from imdb_rnn.data.tokenizer import UNKNOWN_ID
from imdb_rnn.features.ngram_log_odds import NgramTable
from imdb_rnn.models.cells import CELLS
from imdb_rnn.models.dropout import variational_dropout, word_dropout
from imdb_rnn.models.initialization import INITIALIZATION
from imdb_rnn.models.lookup import Lookup
from imdb_rnn.models.pooling import pool
from imdb_rnn.models.recurrent import RecurrentLayer


class Classifier(nn.Module):
    """Gives the log odds of the second of two classes, or a logit for each of more.

    With masked padding, a review's logit does not depend on the batch that it is in. Without,
    padding counts as tokens like any other; then every batch has to be filled to the same length
    (`batch_width`) to keep that promise.

    Args:
        vocabulary_size: Number of token ids.
        max_length: Longest review in tokens.
        config: Everything else about the architecture.
        seed: Of the initial weights.
        ngrams: Number of n-grams of one token, of two, and so on, whose log odds are read
            beside the tokens' vectors; empty to read the vectors alone.
        classes: How many there are.
    """

    def __init__(  # noqa: PLR0913 - what a classifier consists of
        self,
        vocabulary_size: int,
        max_length: int,
        config: Model,
        seed: int = 0,
        ngrams: Sequence[int] = (),
        *,
        classes: int = 2,
    ) -> None:
        super().__init__()
        self.vocabulary_size = vocabulary_size
        self.max_length = max_length
        self.classes = classes
        self.config = config
        self.bptt_steps: int | None = None
        """Training cuts the gradient after every so many tokens; the logits stay the same."""
        directions = 2 if config.bidirectional else 1
        states = config.hidden_size * directions
        pooled = states * (2 if config.pooling == "max+mean" else 1)
        # Another name than in version 0.1.0 would change the bytes of saved weights.
        self.phrases = NgramTable(vocabulary_size, ngrams, classes)
        inputs = config.embedding_size + self.phrases.features
        # PyTorch's modules draw their first weights from its global generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(vocabulary_size, config.embedding_size)
            self.layers = nn.ModuleList(
                RecurrentLayer(inputs if depth == 0 else states, config)
                for depth in range(config.layers)
            )
            self.output = nn.Linear(pooled, numbers_of(classes))
            INITIALIZATION[config.initialization](self)

    @property
    def batch_width(self) -> int | None:
        """Width to which every batch is filled; None for the longest review of each batch."""
        return None if self.config.mask_padding else self.max_length

    @property
    def _equal_tokens_are_equal_inputs(self) -> bool:
        """Whether a token is the same vector wherever it stands, and the cells use that."""
        config = self.config
        return CELLS[config.cell].takes_lookups and not (
            config.embedding_dropout or self.phrases.max_ngram
        )

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.output.weight.device

    def forward(
        self,
        tokens: torch.Tensor,
        lengths: torch.Tensor,
        generator: torch.Generator | None = None,
        leave_out_targets: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The logits.

        Args:
            tokens: int64 [batch, time], padded on the side that `config.padding` names.
            lengths: int64 [batch], tokens of each review, at least 1.
            generator: Source of dropout; None drops nothing.
            leave_out_targets: Where n-grams were counted on these reviews: what each was counted
                with, in the shape of the result (see `NgramTable`).

        Returns:
            float32 [batch] for two classes, [batch, classes] for more
        """
        if not self.config.mask_padding:
            lengths = torch.full_like(lengths, tokens.shape[1])
        elif self.config.padding == "pre":
            tokens = tokens_first(tokens, lengths)
        first, *further = self.layers
        states = first(
            self._inputs(tokens.T, generator, leave_out_targets), lengths, self.bptt_steps
        )
        for layer in further:
            between = variational_dropout(states, self.config.layer_dropout, generator)
            states = layer(between, lengths, self.bptt_steps)
        pooled = pool(states, lengths, self.config)
        logits: torch.Tensor = self.output(
            variational_dropout(pooled, self.config.output_dropout, generator)
        )
        return logits.squeeze(-1) if self.output.out_features == 1 else logits

    def _inputs(
        self,
        tokens: torch.Tensor,
        generator: torch.Generator | None,
        leave_out_targets: torch.Tensor | None,
    ) -> torch.Tensor | Lookup:
        """Each token's vector, and the log odds of the n-grams that end there.

        Args:
            tokens: int64 [time, batch], tokens first.
            generator: Source of dropout.
            leave_out_targets: As in `forward`.

        Returns:
            float32 [time, batch, embedding_size + log odds at each token]
        """
        kept = word_dropout(tokens, self.config.word_dropout, generator)
        training = generator is not None
        if training and self._equal_tokens_are_equal_inputs and self.device.type == "cpu":
            return Lookup.of(kept, self.embedding)
        vectors = variational_dropout(
            self.embedding(kept), self.config.embedding_dropout, generator
        )
        if not self.phrases.max_ngram:
            return vectors
        hidden = (kept == UNKNOWN_ID)[..., None]
        return torch.cat(
            [vectors, self.phrases(tokens, leave_out_targets).masked_fill(hidden, 0)], dim=-1
        )


def tokens_first(tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Move padding from the front of each row to its end.

    Args:
        tokens: int64 [batch, time], padding in front.
        lengths: int64 [batch].
    """
    width = tokens.shape[1]
    position = torch.arange(width, device=tokens.device)
    return tokens.gather(1, (position + width - lengths[:, None]) % width)
