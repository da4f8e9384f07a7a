"""The plain recurrence with a backward pass of its own, for training on a CPU.

`nn.RNN` records the operations of every step one by one and adds up the weight gradients step by
step. Only the products with the previous state have to go one after the other: the projections of
the inputs, and the weight gradients of all steps, are one product each over time * batch rows.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

# PyTorch's tanh is slower for the few thousand numbers of one step; docs/profile.md has the times.
_ACTIVATION: Final[dict[str, Callable[..., object]]] = {
    "tanh": np.tanh,
    "relu": partial(np.maximum, 0),
}
_SLOPE: Final[dict[str, Callable[[torch.Tensor], torch.Tensor]]] = {
    "tanh": lambda states: torch.addcmul(states.new_ones(()), states, states, value=-1),
    "relu": lambda states: (states > 0).to(states.dtype),
}
"""The activation's derivative, from its value."""


class PlainCell(nn.RNN):
    """`nn.RNN` of one layer and one direction, faster to train on a CPU.

    Weights, their names, results and gradients are those of `nn.RNN` up to rounding, which itself
    takes over where no gradient is asked for, and on other devices.
    """

    weight_ih_l0: nn.Parameter
    weight_hh_l0: nn.Parameter
    bias_ih_l0: nn.Parameter
    bias_hh_l0: nn.Parameter

    def forward(  # type: ignore[override]  # packed sequences are not taken
        self,
        input: torch.Tensor,  # noqa: A002 - PyTorch's name
        hx: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """States after each step, and the last one.

        Args:
            input: float [time, batch, input_size].
            hx: float [1, batch, hidden_size], the state before the first step; None is zero.

        Returns:
            float [time, batch, hidden_size] and [1, batch, hidden_size].
        """
        if not (torch.is_grad_enabled() and input.device.type == "cpu"):
            return super().forward(input, hx)
        start = input.new_zeros(input.shape[1], self.hidden_size) if hx is None else hx[0]
        projections = linear(input, self.weight_ih_l0, self.bias_ih_l0 + self.bias_hh_l0)
        states = recurrence(projections, start, self.weight_hh_l0, self.nonlinearity)
        return states, states[-1:]


def recurrence(
    projections: torch.Tensor, start: torch.Tensor, weight: torch.Tensor, activation: str
) -> torch.Tensor:
    """`h_t = f(p_t + W h_{t-1})` for all steps.

    Args:
        projections: p, float [time, batch, units], at least one step, on the CPU.
        start: h_0, float [batch, units], the state before the first step.
        weight: W, float [units, units].
        activation: f, "tanh" or "relu".

    Returns:
        h, float [time, batch, units].
    """
    states: torch.Tensor = _Recurrence.apply(projections, start, weight, activation)  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
    return states


class _Recurrence(torch.autograd.Function):
    """With d_t the gradient of the loss by the argument of f at step t, through all later steps.

    `d_t = f'(h_t) (g_t + d_{t+1} W)`, where g_t reaches the state h_t from outside
    (Werbos 1990, "Backpropagation through time: what it does and how to do it").
    """

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - PyTorch's context is untyped
        projections: torch.Tensor,
        start: torch.Tensor,
        weight: torch.Tensor,
        activation: str,
    ) -> torch.Tensor:
        states = torch.empty_like(projections, memory_format=torch.contiguous_format)
        activate, transposed = _ACTIVATION[activation], weight.T
        before = start
        # The arrays are the steps' own memory.
        for projection, step, array in zip(
            projections.unbind(), states.unbind(), states.numpy(), strict=True
        ):
            torch.addmm(projection, before, transposed, out=step)
            activate(array, out=array)
            before = step
        ctx.save_for_backward(start, weight, states)
        ctx.activation = activation
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401 - as above
        start, weight, states = ctx.saved_tensors
        deltas = gradient.clone(memory_format=torch.contiguous_format)
        slopes = _SLOPE[ctx.activation](states)
        later = torch.zeros_like(start)
        for delta, slope in zip(reversed(deltas.unbind()), reversed(slopes.unbind()), strict=True):
            later = delta.addmm_(later, weight).mul_(slope)
        by_weight = deltas[1:].flatten(0, 1).T @ states[:-1].flatten(0, 1)
        return deltas, later @ weight, by_weight.addmm_(deltas[0].T, start), None
