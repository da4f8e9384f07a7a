"""The review classifier: embedding, recurrent layers, pooling, a linear unit for each logit.

The log odds of n-grams are read by the recurrence, token by token. Where there is little to learn
from, they also skip it: added up, they go straight to the logits, as in a linear n-gram model of a
few weights.
"""

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
        ngram_skip: The log odds also go straight to the logits.
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
        ngram_skip: bool = False,
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
        self.ngram_skip = ngram_skip
        self.skipping_features = self.phrases.features + 1 if ngram_skip else 0
        # PyTorch's modules draw their first weights from its global generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.embedding = nn.Embedding(vocabulary_size, config.embedding_size)
            self.layers = nn.ModuleList(
                RecurrentLayer(inputs if depth == 0 else states, config)
                for depth in range(config.layers)
            )
            self.output = nn.Linear(pooled + self.skipping_features, numbers_of(classes))
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
        if self.config.mask_padding and self.config.padding == "pre":
            tokens = tokens_first(tokens, lengths)
        lengths = self.read_lengths(tokens, lengths)
        kept = word_dropout(tokens.T, self.config.word_dropout, generator)
        log_odds = self.log_odds(tokens.T, leave_out_targets).masked_fill(
            (kept == UNKNOWN_ID)[..., None], 0
        )
        first, *further = self.layers
        states = first(self._inputs(kept, log_odds, generator), lengths, self.bptt_steps)
        for layer in further:
            between = variational_dropout(states, self.config.layer_dropout, generator)
            states = layer(between, lengths, self.bptt_steps)
        pooled = pool(states, lengths, self.config)
        dropped = variational_dropout(pooled, self.config.output_dropout, generator)
        logits: torch.Tensor = self.output(
            torch.cat([dropped, self.skipping(log_odds, lengths)], dim=-1)
        )
        return logits.squeeze(-1) if self.output.out_features == 1 else logits

    def log_odds(
        self, tokens: torch.Tensor, leave_out_targets: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Log odds of the n-grams that end at each token.

        Args:
            tokens: int64 [time, batch], tokens first.
            leave_out_targets: As in `forward`.

        Returns:
            float32 [time, batch, log odds at each token]; without n-grams there are none.
        """
        if self.phrases.max_ngram == 0:
            return self.embedding.weight.new_empty(*tokens.shape, 0)
        log_odds: torch.Tensor = self.phrases(tokens, leave_out_targets)
        return log_odds

    def _inputs(
        self, tokens: torch.Tensor, log_odds: torch.Tensor, generator: torch.Generator | None
    ) -> torch.Tensor | Lookup:
        """Each token's vector, and the log odds beside it.

        Args:
            tokens: int64 [time, batch], tokens first.
            log_odds: float32 [time, batch, log odds at each token].
            generator: Source of dropout.

        Returns:
            float32 [time, batch, embedding_size + log odds at each token]
        """
        training = generator is not None
        if training and self._equal_tokens_are_equal_inputs and self.device.type == "cpu":
            return Lookup.of(tokens, self.embedding)
        vectors = variational_dropout(
            self.embedding(tokens), self.config.embedding_dropout, generator
        )
        return torch.cat([vectors, log_odds], dim=-1) if self.phrases.max_ngram else vectors

    def read_lengths(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Tokens of each review that are read: with padding, unless it is masked.

        Args:
            tokens: int64 [batch, time].
            lengths: int64 [batch], without padding.
        """
        return lengths if self.config.mask_padding else torch.full_like(lengths, tokens.shape[1])

    def skipping(self, log_odds: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """What goes straight to the logits, if anything does: log odds added up, as by Naive Bayes.

        Neighbouring n-grams say much the same, so the sum is divided by the root of their number;
        it is then as wide for long reviews as for short ones. The root stands beside it: where one
        class has the longer reviews, all its n-grams are counted more often.

        Args:
            log_odds: float32 [time, batch, log odds at each token], 0 at padding.
            lengths: int64 [batch], as read.

        Returns:
            float32 [batch, skipping_features]
        """
        if not self.ngram_skip:
            return log_odds.new_empty(len(lengths), 0)
        root = lengths[:, None].sqrt()
        return torch.cat([log_odds.sum(0) / root, root], dim=-1)


def tokens_first(tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Move padding from the front of each row to its end.

    Args:
        tokens: int64 [batch, time], padding in front.
        lengths: int64 [batch].
    """
    width = tokens.shape[1]
    position = torch.arange(width, device=tokens.device)
    return tokens.gather(1, (position + width - lengths[:, None]) % width)
