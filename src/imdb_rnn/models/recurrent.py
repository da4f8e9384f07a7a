"""Recurrent layers over padded batches that never let padding into a real token's state."""

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from imdb_rnn.config import Model
from imdb_rnn.models.cell import Cell
from imdb_rnn.models.cells import CELLS
from imdb_rnn.models.lookup import Lookup


class RecurrentLayer(nn.Module):
    """One layer of recurrent cells, read forwards and optionally backwards as well.

    The backward reading reverses each review within its own length instead of the whole padded
    row. So padding stays behind the tokens in both directions, and a review's states do not
    depend on how far its batch was filled up. Packed sequences would do the same, but leave
    PyTorch's fast path on CPUs.

    Args:
        input_size: Features of each token.
        config: Cell, hidden size and directions.
    """

    def __init__(self, input_size: int, config: Model) -> None:
        super().__init__()
        cell = CELLS[config.cell]
        self.forwards = cell(input_size, config)
        self.backwards = cell(input_size, config) if config.bidirectional else None

    def forward(
        self, inputs: torch.Tensor | Lookup, lengths: torch.Tensor, bptt_steps: int | None = None
    ) -> torch.Tensor:
        """Hidden states of all tokens.

        Args:
            inputs: float32 [time, batch, input_size], tokens first and padding behind. Plain cells
                take word vectors that are looked up, too, while they are trained on a CPU.
            lengths: int64 [batch], tokens of each review.
            bptt_steps: Cut the gradient after every so many tokens, counted from where the reading
                begins; None sends it back all the way.

        Returns:
            float32 [time, batch, hidden_size * directions]; meaningless behind each length.
        """
        states = _states(self.forwards, inputs, bptt_steps)
        if self.backwards is None:
            return states
        order = reversal(len(states), lengths)
        backwards = (
            inputs.reordered(order)
            if isinstance(inputs, Lookup)
            else reversed_tokens(inputs, order)
        )
        backward_states = _states(self.backwards, backwards, bptt_steps)
        return torch.cat([states, reversed_tokens(backward_states, order)], dim=-1)


def reversal(time: int, lengths: torch.Tensor) -> torch.Tensor:
    """For each position, where its token stands when a review is read backwards.

    Args:
        time: Width of the padded batch.
        lengths: int64 [batch].

    Returns:
        int64 [time, batch]; padding stays where it is. It is its own inverse.
    """
    position = torch.arange(time, device=lengths.device)[:, None]
    return torch.where(position < lengths, lengths - 1 - position, position)


def reversed_tokens(features: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
    """The features of each token in the place of the token that stands there backwards.

    Args:
        features: float [time, batch, features].
        order: From `reversal`.
    """
    batch = order.shape[1]
    rows = (order * batch + torch.arange(batch, device=order.device)).view(-1)
    moved: torch.Tensor = _MovedRows.apply(features, rows)  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
    return moved


class _MovedRows(torch.autograd.Function):
    """Rows in another order, which is its own inverse: the gradient is moved the same way.

    Faster than `gather`, which looks every number up and adds every gradient.
    """

    @staticmethod
    def forward(ctx: Any, features: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:  # noqa: ANN401 - PyTorch's context is untyped
        ctx.save_for_backward(rows)
        return features.flatten(0, 1).index_select(0, rows).view(features.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:  # noqa: ANN401 - as above
        (rows,) = ctx.saved_tensors
        moved = gradient.flatten(0, 1).index_select(0, rows)
        return moved.view(gradient.shape), None


def _states(cell: Cell, inputs: torch.Tensor | Lookup, bptt_steps: int | None) -> torch.Tensor:
    """States after all steps, whose gradient goes back to the beginning of its chunk at most.

    Each chunk starts with the state that the one before left behind, as a constant: what
    `diagnostics.bptt` calls a truncation with stride equal to reach.
    """
    states: torch.Tensor
    if bptt_steps is None:
        states = cell(inputs)[0]
        return states
    carried, chunks = None, []
    for chunk in inputs.split(bptt_steps):
        states, carried = cell(chunk, carried)
        carried = _detached(carried)
        chunks.append(states)
    return torch.cat(chunks)


def _detached(state: torch.Tensor | tuple[torch.Tensor, ...]) -> Any:  # noqa: ANN401 - as it came
    """A state as a constant; the LSTM's has two parts."""
    if isinstance(state, tuple):
        return tuple(part.detach() for part in state)
    return state.detach()
