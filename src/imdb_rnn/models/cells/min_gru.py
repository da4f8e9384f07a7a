"""The minGRU of Feng et al. 2024, "Were RNNs All We Needed?"."""

import torch
from torch import nn

from imdb_rnn.config import Model
from imdb_rnn.models.cell import Cell, OnnxForm


class MinGRU(Cell):
    """A GRU whose gate and candidate see the input alone.

    `z_t = sigmoid(W_z x_t + b_z)`, `n_t = W_n x_t + b_n`, `h_t = (1 - z_t) h_{t-1} + z_t n_t`

    The state is a running average of candidates. No matrix stands between one state and the next,
    so all matrix products are done before the loop over time.
    """

    def __init__(self, input_size: int, config: Model) -> None:
        super().__init__()
        self.hidden_size = config.hidden_size
        self.linear = nn.Linear(input_size, 2 * config.hidden_size)
        """Rows of the gate, then of the candidate."""

    def forward(
        self, inputs: torch.Tensor, state: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """States after each step, and the last one.

        Args:
            inputs: float [time, batch, input_size], at least one step.
            state: float [1, batch, hidden_size], before the first step; None is zero.

        Returns:
            float [time, batch, hidden_size] and [1, batch, hidden_size].
        """
        gate, candidate = self.linear(inputs).chunk(2, dim=-1)
        update = gate.sigmoid()
        now = torch.zeros_like(candidate[0]) if state is None else state[0]
        states = []
        for kept, new in zip((1 - update).unbind(), (update * candidate).unbind(), strict=True):
            now = torch.addcmul(new, kept, now)
            states.append(now)
        return torch.stack(states), now[None]

    @torch.no_grad()
    def start_orthogonal(self) -> None:
        """Xavier input matrices and no biases; there is no recurrent matrix."""
        for gate in self.linear.weight.chunk(2):
            nn.init.xavier_uniform_(gate)
        nn.init.zeros_(self.linear.bias)

    def onnx(self) -> OnnxForm:
        """A GRU without recurrent weights and without tanh.

        ONNX's update gate is the share that is kept: `1 - sigmoid(a) = sigmoid(-a)`.
        """
        (update, new), (update_bias, new_bias) = (
            weight.detach().chunk(2) for weight in (self.linear.weight, self.linear.bias)
        )
        units = self.hidden_size
        # ONNX's order: update, reset, new.
        return OnnxForm(
            "GRU",
            torch.cat([-update, torch.zeros_like(update), new]),
            torch.zeros(3 * units, units),
            torch.cat([-update_bias, torch.zeros(units), new_bias, torch.zeros(3 * units)]),
            by_direction={
                "activations": ["Sigmoid", "Affine"],  # x -> alpha x + beta
                "activation_alpha": [1.0],
                "activation_beta": [0.0],
            },
        )
