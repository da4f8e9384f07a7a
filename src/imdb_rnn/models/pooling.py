"""From the hidden states of all tokens to one vector a review.

All functions take states float32 [time, batch, directions * units], tokens first and padding
behind, and lengths int64 [batch], and return float32 [batch, features].
"""

import torch

from imdb_rnn.config import Model


def pool(states: torch.Tensor, lengths: torch.Tensor, config: Model) -> torch.Tensor:
    """What `config.pooling` makes of the states."""
    if config.pooling == "last":
        return last_state(states, lengths, config.hidden_size)
    return _OVER_WORDS[config.pooling](states, lengths)


def last_state(states: torch.Tensor, lengths: torch.Tensor, units: int) -> torch.Tensor:
    """Where each direction's reading ends: forwards at the last token, backwards at the first.

    Args:
        states: See above; the first `units` features are those of the forward reading.
        lengths: See above.
        units: Of one direction.
    """
    forwards = states[lengths - 1, torch.arange(len(lengths), device=lengths.device), :units]
    return torch.cat([forwards, states[0, :, units:]], dim=-1)


def mean_state(states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The mean over each review's tokens."""
    # Filled, not multiplied by zero: a ReLU state may have run to infinity in the padding.
    return states.masked_fill(~_is_token(states, lengths), 0).sum(0) / lengths[:, None]


def max_state(states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """The largest value of each feature over each review's tokens."""
    lowest = torch.finfo(states.dtype).min
    return states.masked_fill(~_is_token(states, lengths), lowest).amax(0)


def max_and_mean_state(states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """`max_state` and `mean_state` side by side: float32 [batch, 2 * features]."""
    return torch.cat([max_state(states, lengths), mean_state(states, lengths)], dim=-1)


_OVER_WORDS = {
    "mean": mean_state,
    "max": max_state,
    "max+mean": max_and_mean_state,
}


def _is_token(states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Bool [time, batch, 1]: false at padding."""
    position = torch.arange(len(states), device=lengths.device)
    return (position[:, None] < lengths)[..., None]
