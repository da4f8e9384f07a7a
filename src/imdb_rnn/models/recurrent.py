"""Recurrent layers over padded batches that never let padding into a real word's state."""

import torch
from torch import nn

from imdb_rnn.models.plain_recurrence import PlainCell
from imdb_rnn.params import Model


class RecurrentLayer(nn.Module):
    """One layer of RNN, GRU or LSTM units, read forwards and optionally backwards as well.

    The backward reading reverses each review within its own length instead of the whole padded
    row. So padding stays behind the words in both directions, and a review's states do not
    depend on how far its batch was filled up. Packed sequences would do the same, but leave
    PyTorch's fast path on CPUs.

    Args:
        input_size: Features of each word.
        shape: Cell, hidden size and directions.
    """

    def __init__(self, input_size: int, shape: Model) -> None:
        super().__init__()
        self.forwards = _cell(input_size, shape)
        self.backwards = _cell(input_size, shape) if shape.bidirectional else None

    def forward(self, inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Hidden states of all words.

        Args:
            inputs: float32 [time, batch, input_size], words first and padding behind.
            lengths: int64 [batch], words of each review.

        Returns:
            float32 [time, batch, hidden_size * directions]; meaningless behind each length.
        """
        states: torch.Tensor = self.forwards(inputs)[0]
        if self.backwards is None:
            return states
        order = reversal(len(inputs), lengths)
        backward_states: torch.Tensor = self.backwards(_reorder(inputs, order))[0]
        return torch.cat([states, _reorder(backward_states, order)], dim=-1)


def reversal(time: int, lengths: torch.Tensor) -> torch.Tensor:
    """For each position, where its word stands when a review is read backwards.

    Args:
        time: Width of the padded batch.
        lengths: int64 [batch].

    Returns:
        int64 [time, batch]; padding stays where it is. It is its own inverse.
    """
    position = torch.arange(time, device=lengths.device)[:, None]
    return torch.where(position < lengths, lengths - 1 - position, position)


def _reorder(features: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    return features.gather(0, order[..., None].expand(-1, -1, features.shape[-1]))


def _cell(input_size: int, shape: Model) -> nn.RNNBase:
    if shape.cell == "lstm":
        return nn.LSTM(input_size, shape.hidden_size)
    if shape.cell == "gru":
        return nn.GRU(input_size, shape.hidden_size)
    return PlainCell(input_size, shape.hidden_size, nonlinearity=shape.nonlinearity)
