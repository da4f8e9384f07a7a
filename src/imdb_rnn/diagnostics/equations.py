"""The recurrent cells as equations, forwards and backwards, in NumPy.

Every cell is two linear maps and something that works unit by unit. The maps are the same for
all of them,

    u_t = W_x x_t + b_x        v_t = W_h h_{t-1} + b_h

and a cell says how the state follows from u_t, v_t and the state before, and how a gradient goes
back the same way. The weights are PyTorch's: what most books write as one bias is b_x + b_h, and
where a cell has gates, their rows stand below each other.

A state is float64 [parts, hidden]. Part 0 is h_t; the LSTM has its cell state as part 1.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Array = NDArray[np.float64]


class Backward(NamedTuple):
    """Gradients of the loss one step back, without the two linear maps."""

    by_u: Array
    """By u_t [gates * hidden]."""
    by_v: Array
    """By v_t [gates * hidden]."""
    by_state: Array
    """By the state before [parts, hidden], as far as it does not pass through v_t."""


class Cell(NamedTuple):
    """One kind of cell; all arrays belong to a single step of a single sequence."""

    parts: int
    """Rows of a state."""
    forward: Callable[[Array, Array, Array], Array]
    """(u_t, v_t, state before) -> state."""
    backward: Callable[[Array, Array, Array, Array], Backward]
    """(u_t, v_t, state before, gradient by the state) -> gradients one step back."""


def _tanh_forward(u: Array, v: Array, state: Array) -> Array:  # noqa: ARG001 - of every cell
    """h_t = tanh(u_t + v_t) (Elman 1990)."""
    return np.tanh(u + v)[None]


def _tanh_backward(u: Array, v: Array, state: Array, gradient: Array) -> Backward:
    """The derivative of tanh is 1 - tanh^2."""
    by_sum = gradient[0] * (1 - np.tanh(u + v) ** 2)
    return Backward(by_sum, by_sum, np.zeros_like(state))


def _relu_forward(u: Array, v: Array, state: Array) -> Array:  # noqa: ARG001 - of every cell
    """h_t = max(0, u_t + v_t)."""
    return np.maximum(u + v, 0)[None]


def _relu_backward(u: Array, v: Array, state: Array, gradient: Array) -> Backward:
    """The derivative of ReLU is 1 above zero and else 0, at zero itself by convention."""
    by_sum = gradient[0] * (u + v > 0)
    return Backward(by_sum, by_sum, np.zeros_like(state))


def _gru_forward(u: Array, v: Array, state: Array) -> Array:
    """The gated recurrent unit of Cho et al. 2014, with the reset gate behind the linear map.

    r = sigmoid(u^r + v^r), z = sigmoid(u^z + v^z), n = tanh(u^n + r * v^n),
    h_t = (1 - z) * n + z * h_{t-1}
    """
    _, update, candidate = _gru_gates(u, v)
    return (1 - update) * candidate + update * state


def _gru_backward(u: Array, v: Array, state: Array, gradient: Array) -> Backward:
    reset, update, candidate = _gru_gates(u, v)
    (by_h,) = gradient
    by_candidate = by_h * (1 - update) * (1 - candidate**2)
    by_update = by_h * (state[0] - candidate) * update * (1 - update)
    by_reset = by_candidate * np.split(v, 3)[2] * reset * (1 - reset)
    return Backward(
        np.concatenate([by_reset, by_update, by_candidate]),
        np.concatenate([by_reset, by_update, by_candidate * reset]),
        gradient * update,
    )


def _gru_gates(u: Array, v: Array) -> tuple[Array, Array, Array]:
    """Reset gate, update gate and candidate, in the order of PyTorch's rows."""
    u_reset, u_update, u_candidate = np.split(u, 3)
    v_reset, v_update, v_candidate = np.split(v, 3)
    reset = expit(u_reset + v_reset)
    return reset, expit(u_update + v_update), np.tanh(u_candidate + reset * v_candidate)


def _min_gru_forward(u: Array, v: Array, state: Array) -> Array:  # noqa: ARG001 - of every cell
    """The minGRU of Feng et al. 2024, which has no W_h and no b_h: v_t is empty.

    z = sigmoid(u^z), h_t = (1 - z) * h_{t-1} + z * u^n
    """
    gate, candidate = np.split(u, 2)
    update: Array = expit(gate)
    return (1 - update) * state + update * candidate


def _min_gru_backward(u: Array, v: Array, state: Array, gradient: Array) -> Backward:
    gate, candidate = np.split(u, 2)
    update = expit(gate)
    (by_h,) = gradient
    by_gate = by_h * (candidate - state[0]) * update * (1 - update)
    return Backward(
        np.concatenate([by_gate, by_h * update]), np.zeros_like(v), gradient * (1 - update)
    )


def _lstm_forward(u: Array, v: Array, state: Array) -> Array:
    """The LSTM of Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000.

    i, f, o = sigmoid(u + v), g = tanh(u + v), each of its own rows;
    s_t = f * s_{t-1} + i * g, h_t = o * tanh(s_t)
    """
    into, forget, new, out = _lstm_gates(u, v)
    memory = forget * state[1] + into * new
    return np.stack([out * np.tanh(memory), memory])


def _lstm_backward(u: Array, v: Array, state: Array, gradient: Array) -> Backward:
    into, forget, new, out = _lstm_gates(u, v)
    squashed = np.tanh(forget * state[1] + into * new)
    by_h, by_later_memory = gradient
    by_memory = by_later_memory + by_h * out * (1 - squashed**2)
    by_sum = np.concatenate(
        [
            by_memory * new * into * (1 - into),
            by_memory * state[1] * forget * (1 - forget),
            by_memory * into * (1 - new**2),
            by_h * squashed * out * (1 - out),
        ]
    )
    return Backward(by_sum, by_sum, np.stack([np.zeros_like(by_h), by_memory * forget]))


def _lstm_gates(u: Array, v: Array) -> tuple[Array, Array, Array, Array]:
    """Input gate, forget gate, new content and output gate, in the order of PyTorch's rows."""
    into, forget, new, out = np.split(u + v, 4)
    return expit(into), expit(forget), np.tanh(new), expit(out)


CELLS: Final = {
    "tanh": Cell(1, _tanh_forward, _tanh_backward),
    "relu": Cell(1, _relu_forward, _relu_backward),
    "gru": Cell(1, _gru_forward, _gru_backward),
    "min_gru": Cell(1, _min_gru_forward, _min_gru_backward),
    "lstm": Cell(2, _lstm_forward, _lstm_backward),
}
