"""The plain recurrence with a backward pass of its own, for training on a CPU.

`nn.RNN` records the operations of every step one by one and adds up the weight gradients step by
step. Only the products with the previous state have to go one after the other: the projections of
the inputs, and the weight gradients of all steps, are one product each over time * batch rows, and
where the inputs are word vectors, the projections only over a batch's distinct tokens.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from imdb_rnn.config import Model
from imdb_rnn.models.cell import Cell, OnnxForm, onnx_form
from imdb_rnn.models.lookup import Lookup

# A thread of NumPy's would wait for the next product on a core that PyTorch's threads need, and the
# number of them would change the last digits of some.
_NUMPY_PRODUCTS: Final = ThreadpoolController()

# NumPy multiplies and activates the few thousand numbers of one step faster than PyTorch does;
# docs/benchmarks.md says what that is worth.
_ACTIVATION: Final[dict[str, Callable[..., object]]] = {
    "tanh": np.tanh,
    "relu": partial(np.maximum, 0),
}
_SLOPE: Final[dict[str, Callable[[torch.Tensor], torch.Tensor]]] = {
    "tanh": lambda states: torch.addcmul(states.new_ones(()), states, states, value=-1),
    "relu": lambda states: (states > 0).to(states.dtype),
}
"""The activation's derivative, from its value."""


@contextmanager
def _step_by_step() -> Iterator[None]:
    """NumPy for the steps: in one thread, and silent about a ReLU's overflow.

    Whoever trains sees that the loss is no number any more, and says so.
    """
    products_in_one_thread = _NUMPY_PRODUCTS.limit(limits=1, user_api="blas")
    with products_in_one_thread, np.errstate(over="ignore", invalid="ignore"):
        yield


class RNN(nn.RNN, Cell):
    """`nn.RNN`, faster to train on a CPU.

    Weights, their names, results and gradients are those of `nn.RNN` up to rounding, which itself
    takes over where no gradient is asked for, and on other devices. A `Lookup` is taken only where
    it does not.
    """

    weight_ih_l0: nn.Parameter
    weight_hh_l0: nn.Parameter
    bias_ih_l0: nn.Parameter
    bias_hh_l0: nn.Parameter
    takes_lookups = True

    def __init__(self, input_size: int, config: Model) -> None:
        super().__init__(input_size, config.hidden_size, nonlinearity=config.nonlinearity)

    def onnx(self) -> OnnxForm:
        """See `Cell`."""
        activations = {"activations": [self.nonlinearity.title()]}
        return onnx_form(self, "RNN", [0], by_direction=activations)

    def forward(  # type: ignore[override]  # packed sequences are not taken
        self,
        input: torch.Tensor | Lookup,  # noqa: A002 - PyTorch's name
        hx: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """States after each step, and the last one.

        Args:
            input: float [time, batch, input_size], or word vectors that are looked up.
            hx: float [1, batch, hidden_size], the state before the first step; None is zero.

        Returns:
            float [time, batch, hidden_size] and [1, batch, hidden_size].
        """
        bias = self.bias_ih_l0 + self.bias_hh_l0
        if isinstance(input, Lookup):
            projections = input.linear(self.weight_ih_l0, bias)
        elif torch.is_grad_enabled() and input.device.type == "cpu":
            projections = linear(input, self.weight_ih_l0, bias)
        else:
            return super().forward(input, hx)
        start = projections.new_zeros(projections.shape[1:]) if hx is None else hx[0]
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
        activate, transposed = _ACTIVATION[activation], np.ascontiguousarray(weight.numpy().T)
        before = start.numpy()
        with _step_by_step():
            for projection, state in zip(projections.numpy(), states.numpy(), strict=True):
                np.matmul(before, transposed, out=state)
                np.add(state, projection, out=state)
                activate(state, out=state)
                before = state
        ctx.save_for_backward(start, weight, states)
        ctx.activation = activation
        return states

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:  # noqa: ANN401 - as above
        start, weight, states = ctx.saved_tensors
        deltas = gradient.clone(memory_format=torch.contiguous_format)
        slopes = _SLOPE[ctx.activation](states)
        later = np.zeros_like(start.numpy())
        product, matrix = np.empty_like(later), weight.numpy()
        with _step_by_step():
            for delta, slope in zip(deltas.numpy()[::-1], slopes.numpy()[::-1], strict=True):
                np.matmul(later, matrix, out=product)
                np.add(delta, product, out=delta)
                np.multiply(delta, slope, out=delta)
                later = delta
        by_weight = deltas[1:].flatten(0, 1).T @ states[:-1].flatten(0, 1)
        return deltas, deltas[0] @ weight, by_weight.addmm_(deltas[0].T, start), None
