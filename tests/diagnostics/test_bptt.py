"""The equations against PyTorch: its modules, its automatic differentiation, differences."""

from collections.abc import Callable
from itertools import pairwise, product
from typing import Any, NamedTuple, get_args, get_type_hints

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from imdb_rnn.diagnostics.bptt import Gradients, Kind, Network, Truncation, gradients, loss, run
from imdb_rnn.diagnostics.equations import Array
from imdb_rnn.models.cells.min_gru import MinGRU
from models.shapes import model_shape

TIME, INPUTS, HIDDEN, OUTPUTS = 7, 3, 4, 2
RANDOM = np.random.default_rng(8)
X = RANDOM.normal(size=(TIME, INPUTS))
CHOICES = {field: get_args(hint) for field, hint in get_type_hints(Kind).items()}
KINDS = [Kind(*choice) for choice in product(*CHOICES.values())]
TRUNCATIONS = [None, *(Truncation(*pair) for pair in [(1, 1), (3, 1), (3, 2), (3, 3), (20, 5)])]

every_kind = pytest.mark.parametrize("kind", KINDS, ids="-".join)
every_truncation = pytest.mark.parametrize("truncation", TRUNCATIONS, ids=str)


_MODULES: dict[str, Callable[[], nn.Module]] = {
    "tanh": lambda: nn.RNN(INPUTS, HIDDEN),
    "relu": lambda: nn.RNN(INPUTS, HIDDEN, nonlinearity="relu"),
    "gru": lambda: nn.GRU(INPUTS, HIDDEN),
    "min_gru": lambda: MinGRU(INPUTS, model_shape(hidden_size=HIDDEN)),
    "lstm": lambda: nn.LSTM(INPUTS, HIDDEN),
}


class Reference(nn.Module):
    """PyTorch's own recurrent module, or the minGRU, in float64, with an output at each step."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        with torch.random.fork_rng():
            torch.manual_seed(2)
            self.recurrent = _MODULES[kind.cell]()
            self.out = nn.Linear(HIDDEN, OUTPUTS)
        self.double()

    def network(self) -> Network:
        return self.as_network([weight.detach().numpy().copy() for weight in self.parameters()])

    def as_network(self, weights: list[Any]) -> Network:
        """Weights, or gradients by them, in the order of the parameters."""
        if self.kind.cell == "min_gru":  # has no recurrent weights
            by_inputs, bias, *out = weights
            weights = [by_inputs, np.zeros((0, HIDDEN)), bias, np.zeros(0), *out]
        return Network(*weights)

    def loss(self, states: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logits = self.out(states)
        if self.kind.output == "softmax":
            return functional.cross_entropy(logits, targets, reduction="sum")
        return functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum")

    def truncated_loss(
        self, x: torch.Tensor, targets: torch.Tensor, passes: list["Pass"]
    ) -> torch.Tensor:
        """The sum over all passes, in each of which the state before the pass is a constant."""
        total = torch.zeros((), dtype=torch.float64)
        for begin, newest, end, state in passes:
            states = self.recurrent(x[begin:end], state)[0]
            scored = range(newest, end) if self.kind.scored == "every" else {TIME - 1} & {end - 1}
            total = total + sum(self.loss(states[t - begin], targets[t]) for t in scored)
        return total

    @torch.no_grad()
    def passes(self, x: torch.Tensor, truncation: Truncation | None) -> list["Pass"]:
        reach, stride = truncation or (TIME, TIME)
        found = []
        for newest, end in pairwise([*range(0, TIME, stride), TIME]):
            begin = max(0, end - reach)
            state = self.recurrent(x[:begin])[1] if begin else None
            found.append(Pass(begin, newest, end, state))
        return found


class Pass(NamedTuple):
    begin: int
    newest: int
    end: int
    state: Any


def targets_of(kind: Kind) -> Array:
    labels = np.random.default_rng(4).integers(0, 2, TIME)
    one_hot = np.eye(OUTPUTS)[labels]
    # Independent outputs may all be events, and need not be certain ones.
    return one_hot if kind.output == "softmax" else np.abs(one_hot - [0.1, 0.7])


def leaves(found: Gradients) -> dict[str, Array]:
    return {**found.weights._asdict(), "inputs": found.inputs}


@every_kind
@every_truncation
def test_gradients_equal_automatic_differentiation(
    kind: Kind, truncation: Truncation | None
) -> None:
    reference, targets = Reference(kind), targets_of(kind)
    x = torch.tensor(X, requires_grad=True)
    passes = reference.passes(x, truncation)
    reference.truncated_loss(x, torch.tensor(targets), passes).backward()
    weights = reference.as_network([weight.grad for weight in reference.parameters()])
    expected = {**weights._asdict(), "inputs": x.grad}
    found = leaves(gradients(reference.network(), kind, X, targets, truncation))
    for name, gradient in found.items():
        np.testing.assert_allclose(gradient, expected[name], rtol=0, atol=1e-10, err_msg=name)


@every_kind
@every_truncation
def test_gradients_equal_central_differences_in_random_directions(
    kind: Kind, truncation: Truncation | None
) -> None:
    reference, targets = Reference(kind), torch.tensor(targets_of(kind))
    x, random = torch.tensor(X), torch.Generator().manual_seed(1)
    passes = reference.passes(x, truncation)
    moved = [*reference.parameters(), x]
    directions = [torch.randn(w.shape, generator=random, dtype=torch.float64) for w in moved]
    step = 1e-5
    with torch.no_grad():
        losses = []
        for shift in (step, -2 * step):
            for weight, direction in zip(moved, directions, strict=True):
                weight.add_(shift * direction)
            losses.append(reference.truncated_loss(x, targets, passes).item())
    found = leaves(gradients(Reference(kind).network(), kind, X, targets.numpy(), truncation))
    by_weights = reference.as_network([direction.numpy() for direction in directions[:-1]])
    along = {**by_weights._asdict(), "inputs": directions[-1].numpy()}
    slope = sum(float((gradient * along[name]).sum()) for name, gradient in found.items())
    assert slope == pytest.approx((losses[0] - losses[1]) / (2 * step), abs=1e-7)


@every_kind
def test_states_and_loss_equal_those_of_pytorch_s_modules(kind: Kind) -> None:
    reference, targets = Reference(kind), targets_of(kind)
    states, outputs = run(reference.network(), kind, X)
    expected, last = reference.recurrent(torch.tensor(X))
    np.testing.assert_allclose(states[1:, 0], expected.detach(), rtol=0, atol=1e-12)
    if kind.cell == "lstm":
        np.testing.assert_allclose(states[-1], torch.cat(last).detach(), rtol=0, atol=1e-12)
    theirs = reference.truncated_loss(
        torch.tensor(X), torch.tensor(targets), reference.passes(torch.tensor(X), None)
    )
    assert loss(outputs, targets, kind) == pytest.approx(theirs.item(), abs=1e-12)


@every_kind
def test_gradients_by_states_hold_everything_that_follows(kind: Kind) -> None:
    reference, targets = Reference(kind), torch.tensor(targets_of(kind))
    state, states, outputs = None, [], []
    for x in torch.tensor(X):
        output, state = reference.recurrent(x[None], state)
        states.append(state if kind.cell == "lstm" else (state,))
        outputs.append(output)
        for part in states[-1]:
            part.retain_grad()
        state = states[-1] if kind.cell == "lstm" else states[-1][0]
    first = 0 if kind.scored == "every" else TIME - 1
    sum(reference.loss(states[t][0][0], targets[t]) for t in range(first, TIME)).backward()
    found = gradients(reference.network(), kind, X, targets.numpy()).states
    for parts, gradient in zip(states, found, strict=True):
        for part, theirs in zip(parts, gradient, strict=True):
            # PyTorch leaves the gradient of a state that nothing depends on at None.
            expected = np.zeros((1, HIDDEN)) if part.grad is None else part.grad.numpy()
            np.testing.assert_allclose(theirs[None], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("cell", CHOICES["cell"])
@pytest.mark.parametrize("reach", range(1, TIME))
def test_beyond_the_truncation_the_gradient_is_exactly_zero(cell: Any, reach: int) -> None:
    kind = Kind(cell, "sigmoid", "last")
    found = gradients(Reference(kind).network(), kind, X, targets_of(kind), Truncation(reach))
    for gradient in (found.inputs, found.states[:, 0]):
        reached = np.abs(gradient).max(axis=1) > 0
        np.testing.assert_array_equal(reached, np.arange(TIME) >= TIME - reach)


def test_a_truncation_that_covers_the_sequence_changes_nothing() -> None:
    kind = Kind("gru", "softmax", "every")
    network, targets = Reference(kind).network(), targets_of(kind)
    whole = gradients(network, kind, X, targets)
    for covering in (Truncation(TIME), Truncation(TIME, TIME), Truncation(10 * TIME, 2)):
        truncated = gradients(network, kind, X, targets, covering)
        for name, gradient in leaves(truncated).items():
            np.testing.assert_allclose(gradient, leaves(whole)[name], rtol=0, atol=1e-14)


def test_outputs_at_the_ends_of_the_range_cost_nothing_where_they_are_right() -> None:
    certain = np.array([[1.0, 0.0]])
    for output in CHOICES["output"]:
        assert loss(certain, certain, Kind("tanh", output, "every")) == 0


@pytest.mark.parametrize("truncation", [(0, 1), (3, 0), (2, 3)])
def test_a_truncation_that_skips_steps_is_refused(truncation: tuple[int, int]) -> None:
    kind = Kind("tanh", "sigmoid", "every")
    with pytest.raises(ValueError, match="1 <= stride <= reach"):
        gradients(Reference(kind).network(), kind, X, targets_of(kind), Truncation(*truncation))
