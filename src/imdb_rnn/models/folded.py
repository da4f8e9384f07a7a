"""A trained classifier in another form, for many reviews at once: half the arithmetic.

What a token's vector adds to the gates of an LSTM is the same wherever the token stands. Here it is
computed once for the whole vocabulary, the embedding folded into the input weights, and looked up
from then on. Reviews are read from the longest to the shortest, so that padding costs nothing, and
pooled along the way, so that no states are kept.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from imdb_rnn.config import Model
from imdb_rnn.data.batches import collate
from imdb_rnn.data.classes import is_binary
from imdb_rnn.models.cells import CELLS
from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.recurrent import reversal


def can_fold(config: Model) -> bool:
    """Whether `FoldedClassifier` knows the architecture: one layer of LSTM, pooled over tokens."""
    return (
        issubclass(CELLS[config.cell], nn.LSTM)
        and config.layers == 1
        and config.mask_padding
        and config.pooling in {"max", "mean", "max+mean"}
    )


class FoldedClassifier:
    """Gives the logits of a `Classifier` up to float rounding.

    Args:
        classifier: On the CPU, of an architecture that `can_fold`.
    """

    def __init__(self, classifier: Classifier) -> None:
        (layer,) = classifier.layers
        self._classifier = classifier
        vectors = classifier.embedding.weight
        self._directions = [
            _FoldedLSTM(cell, vectors) for cell in (layer.forwards, layer.backwards) if cell
        ]

    @torch.inference_mode()
    def logits(self, reviews: Sequence[NDArray[np.int32]]) -> NDArray[np.float32]:
        """The logits of each review, as `predict_logits` returns them.

        Args:
            reviews: int32 [tokens] each, at least one review.
        """
        order = np.argsort([-len(review) for review in reviews], kind="stable")
        tokens, lengths = collate([reviews[i] for i in order], "post", fill_to=None)
        features = self._features(tokens.T.contiguous(), lengths)
        sorted_logits: NDArray[np.float32] = self._classifier.output(features).numpy()
        logits = np.empty_like(sorted_logits)
        logits[order] = sorted_logits
        return logits.squeeze(-1) if is_binary(self._classifier.classes) else logits

    def _features(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Inputs of the output layer, float32 [reviews, features].

        Args:
            tokens: int64 [time, reviews].
            lengths: int64 [reviews], falling.
        """
        log_odds = self._classifier.log_odds(tokens)
        order = reversal(len(tokens), lengths)
        readings = [
            (tokens, log_odds),
            (tokens.gather(0, order), log_odds.gather(0, order[..., None].expand_as(log_odds))),
        ]
        pooled = [
            direction.pool(*reading, lengths)
            for direction, reading in zip(self._directions, readings, strict=False)
        ]
        highest, mean = (torch.cat(parts, dim=-1) for parts in zip(*pooled, strict=True))
        kinds = {"max": [highest], "mean": [mean], "max+mean": [highest, mean]}
        of_states = kinds[self._classifier.config.pooling]
        return torch.cat([*of_states, self._classifier.skipping(log_odds, lengths)], dim=-1)


class _FoldedLSTM:
    """One LSTM, read in one direction.

    Its tanh is 2 sigmoid(2x) - 1, which PyTorch computes in a quarter of the time on CPUs; the
    inner 2 is part of the weights.

    Args:
        cell: Its input is a token's vector and the log odds beside it.
        vectors: float32 [vocabulary, embedding_size].
    """

    @torch.inference_mode()
    def __init__(self, cell: nn.LSTM, vectors: torch.Tensor) -> None:
        self._hidden = cell.hidden_size
        scale = torch.ones(4, self._hidden)
        scale[2] = 2  # PyTorch's order: input, forget, cell, output gate
        scale = scale.view(-1, 1)
        from_input, from_state, bias, other_bias = (
            scale * cell.get_parameter(name).view(4 * self._hidden, -1)
            for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        )
        width = vectors.shape[1]
        self._by_token = torch.addmm((bias + other_bias).T, vectors, from_input[:, :width].T)
        self._weight = torch.cat([from_state, from_input[:, width:]], dim=1).T.contiguous()

    def pool(
        self, tokens: torch.Tensor, log_odds: torch.Tensor, lengths: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Largest value and mean of each feature over the tokens of each review.

        Args:
            tokens: int64 [time, reviews].
            log_odds: float32 [time, reviews, log odds at each token].
            lengths: int64 [reviews], falling.

        Returns:
            Twice float32 [reviews, hidden_size].
        """
        hidden = self._hidden
        # The state and, beside it, the log odds at the next token: one product serves both.
        inputs = torch.zeros(len(lengths), self._weight.shape[0])
        memory = torch.zeros(len(lengths), hidden)
        highest = torch.full_like(memory, -torch.inf)
        total = torch.zeros_like(memory)
        for begin, end, count in _stretches(lengths):
            given, kept = inputs[:count], memory[:count]
            state, most, sum_ = given[:, :hidden], highest[:count], total[:count]
            steps = tokens[begin:end, :count].unbind()
            for token, ending in zip(steps, log_odds[begin:end, :count].unbind(), strict=True):
                given[:, hidden:] = ending
                gates = self._by_token.index_select(0, token).addmm_(given, self._weight).sigmoid_()
                ingoing, forget, change, outgoing = gates.chunk(4, dim=1)
                kept.mul_(forget).addcmul_(ingoing, change, value=2).sub_(ingoing)
                torch.mul(outgoing, (2 * kept).sigmoid_().mul_(2).sub_(1), out=state)
                torch.maximum(most, state, out=most)
                sum_.add_(state)
        return highest, total / lengths[:, None]


def _stretches(lengths: torch.Tensor) -> Iterator[tuple[int, int, int]]:
    """Begin, end and number of reviews of each stretch of tokens in which no review ends.

    Args:
        lengths: int64 [reviews], falling.
    """
    begin = 0
    for end in sorted(set(lengths.tolist())):
        yield begin, end, int((lengths >= end).sum())
        begin = end
