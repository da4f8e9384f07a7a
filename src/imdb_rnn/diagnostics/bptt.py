"""Backpropagation through time written out, as a reference in NumPy float64.

For one sequence x_1 ... x_T, with h_0 = 0:

    h_t = f(W_x x_t + b_x + W_h h_{t-1} + b_h)        (or a gated cell, see `equations`)
    o_t = W_y h_t + b_y
    y_t = g(o_t)
    L = sum over the scored steps of the cross-entropy between y_t and its target

Unrolled in time the network is a deep one that uses the same weights at every step, so that each
weight's gradient is a sum over the steps (Werbos 1990, "Backpropagation Through Time: What It
Does and How to Do It"). From the last step to the first, with a_t what f is applied to:

    dL/do_t = y_t - target_t                          (both g; zero at a step that is not scored)
    dL/dh_t = W_y' dL/do_t + W_h' dL/da_{t+1}
    dL/da_t = f'(a_t) * dL/dh_t
    dL/dW_y = sum_t dL/do_t h_t'       dL/dW_h = sum_t dL/da_t h_{t-1}'
    dL/dW_x = sum_t dL/da_t x_t'       dL/db   = sum_t dL/da_t

What comes from step t to step s < t is multiplied by the product of the Jacobians
W_h' diag(f'(a_i)), i = s+1 ... t, which is why it may vanish or explode with the distance
(Pascanu, Mikolov & Bengio 2013, "On the Difficulty of Training Recurrent Neural Networks").
Truncation cuts this product short (Williams & Peng 1990, "An Efficient Gradient-Based Algorithm
for On-Line Training of Recurrent Network Trajectories").
"""

from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax, xlog1py, xlogy

from imdb_rnn.diagnostics.equations import CELLS, Array


class Network(NamedTuple):
    """Weights of a recurrent layer and of the output at each step, named as in PyTorch.

    Gradients by the weights come in the same form.
    """

    weight_ih: Array
    """W_x [gates * hidden, inputs]."""
    weight_hh: Array
    """W_h [gates * hidden, hidden]."""
    bias_ih: Array
    """b_x [gates * hidden]."""
    bias_hh: Array
    """b_h [gates * hidden]."""
    weight_out: Array
    """W_y [outputs, hidden]."""
    bias_out: Array
    """b_y [outputs]."""


class Kind(NamedTuple):
    """What the equations leave open."""

    cell: Literal["tanh", "relu", "gru", "min_gru", "lstm"]
    output: Literal["sigmoid", "softmax"]
    """g: independent probabilities, or a distribution over the outputs."""
    scored: Literal["every", "last"]
    """Steps whose outputs the loss counts."""


class Truncation(NamedTuple):
    """How far the loss is sent back: BPTT(h; h') of Williams & Peng 1990.

    After every `stride` steps, and after the last, the losses of the steps since the pass before
    are sent back through the newest `reach` steps and no further; the states run on untouched.
    So a loss reaches the step that it belongs to and at least `reach - stride`, at most
    `reach - 1` steps before. With `stride` 1 it is `reach - 1` for every loss, their BPTT(h).
    With `stride` equal to `reach` it is what is mostly done in practice: chunks of a sequence,
    each of which starts with the state that the one before left behind, as a constant.
    """

    reach: int
    """h, in steps."""
    stride: int = 1
    """h', in steps; at most `reach`, else some step of a pass would never be reached."""


class Gradients(NamedTuple):
    """Derivatives of the loss."""

    weights: Network
    inputs: Array
    """By x_t [time, inputs]."""
    states: Array
    """By the state after each step, through everything that follows [time, parts, hidden]."""


def run(network: Network, kind: Kind, inputs: Array) -> tuple[Array, Array]:
    """States and outputs of all steps.

    Args:
        network: Of as many gates as the cell has.
        kind: Cell and output; where the loss stands makes no difference here.
        inputs: [time, inputs], at least one step.

    Returns:
        The states [1 + time, parts, hidden], the first of them h_0 = 0, and y_t [time, outputs].
    """
    cell = CELLS[kind.cell]
    states = [np.zeros((cell.parts, network.weight_hh.shape[1]))]
    for x in inputs:
        states.append(cell.forward(*_linear_maps(network, x, states[-1]), states[-1]))
    return np.stack(states), _outputs(network, kind, np.stack(states[1:]))


def loss(outputs: Array, targets: Array, kind: Kind) -> float:
    """Cross-entropy in nats, summed over the scored steps.

    Args:
        outputs: y_t [time, outputs].
        targets: Probabilities of the same shape, for instance a one in each row.
        kind: With `sigmoid`, each output is an event of its own.
    """
    likelihood = xlogy(targets, outputs)
    if kind.output == "sigmoid":
        likelihood += xlog1py(1 - targets, -outputs)
    return -float(likelihood[_scored(kind, len(outputs))].sum())


def gradients(
    network: Network,
    kind: Kind,
    inputs: Array,
    targets: Array,
    truncation: Truncation | None = None,
) -> Gradients:
    """Backpropagate through time.

    Args:
        network: Of as many gates as the cell has.
        kind: Cell, output and scored steps.
        inputs: [time, inputs], at least one step.
        targets: [time, outputs]; rows at steps that are not scored are not looked at.
        truncation: How far a loss reaches back; None for all the way. What lies beyond gets a
            gradient of exactly zero.

    Raises:
        ValueError: The truncation is not 1 <= stride <= reach.
    """
    time = len(inputs)
    reach, stride = truncation or Truncation(time, time)
    if not 1 <= stride <= reach:
        raise ValueError(f"1 <= stride <= reach is needed, got stride {stride}, reach {reach}")
    states, outputs = run(network, kind, inputs)
    by_logits = np.where(_scored(kind, time)[:, None], outputs - targets, 0)
    # Weights are shared by all steps and passes: first the sums of what arrives at each step.
    by_states = np.zeros_like(states[1:])
    by_u = np.zeros((time, len(network.weight_ih)))
    by_v = np.zeros((time, len(network.weight_hh)))
    for newest, end in pairwise([*range(0, time, stride), time]):
        arriving = np.zeros_like(states[0])
        for t in reversed(range(max(0, end - reach), end)):
            if t >= newest:
                arriving[0] += by_logits[t] @ network.weight_out
            back = CELLS[kind.cell].backward(
                *_linear_maps(network, inputs[t], states[t]), states[t], arriving
            )
            by_states[t] += arriving
            by_u[t] += back.by_u
            by_v[t] += back.by_v
            arriving = back.by_state
            arriving[0] += back.by_v @ network.weight_hh
    return Gradients(
        weights=Network(
            weight_ih=by_u.T @ inputs,
            weight_hh=by_v.T @ states[:-1, 0],
            bias_ih=by_u.sum(0),
            bias_hh=by_v.sum(0),
            weight_out=by_logits.T @ states[1:, 0],
            bias_out=by_logits.sum(0),
        ),
        inputs=by_u @ network.weight_ih,
        states=by_states,
    )


def _linear_maps(network: Network, x: Array, state: Array) -> tuple[Array, Array]:
    """u_t and v_t of one step."""
    u = network.weight_ih @ x + network.bias_ih
    return u, network.weight_hh @ state[0] + network.bias_hh


def _outputs(network: Network, kind: Kind, states: Array) -> Array:
    logits = states[:, 0] @ network.weight_out.T + network.bias_out
    outputs: Array = expit(logits) if kind.output == "sigmoid" else softmax(logits, axis=1)
    return outputs


def _scored(kind: Kind, time: int) -> NDArray[np.bool_]:
    """Bool [time]: steps that the loss counts."""
    return np.arange(time) >= (0 if kind.scored == "every" else time - 1)
