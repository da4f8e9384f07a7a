import pytest
import torch
from torch import nn

from imdb_rnn.models.cells.rnn import RNN, recurrence
from models.shapes import model_shape


def _random(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _cells(activation: str) -> tuple[nn.RNN, RNN]:
    torch.manual_seed(0)
    reference = nn.RNN(3, 4, nonlinearity=activation, dtype=torch.float64)
    cell = RNN(3, model_shape(hidden_size=4, nonlinearity=activation)).double()
    cell.load_state_dict(reference.state_dict())
    return reference, cell


@pytest.mark.parametrize("start", [None, _random(1, 5, 4, seed=2)], ids=["at zero", "from a state"])
@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_states_and_gradients_are_those_of_pytorch(
    activation: str, steps: int, start: torch.Tensor | None
) -> None:
    results = []
    for cell in _cells(activation):
        inputs = _random(steps, 5, 3, seed=1).requires_grad_()
        before = None if start is None else start.clone().requires_grad_()
        states, last = cell(inputs, before)
        loss = (states * _random(steps, 5, 4, seed=3)).sum() + last.square().sum()
        loss.backward()
        leaves = [inputs, *cell.parameters(), *([] if before is None else [before])]
        results.append([states, last, *(leaf.grad for leaf in leaves)])
    torch.testing.assert_close(results[1], results[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_gradients_are_those_of_finite_differences(activation: str) -> None:
    shapes = [(6, 2, 4), (2, 4), (4, 4)]
    arguments = [_random(*shape, seed=i).requires_grad_() for i, shape in enumerate(shapes)]
    torch.autograd.gradcheck(recurrence, (*arguments, activation))


def test_a_strided_gradient_is_taken_as_it_is() -> None:
    reference, cell = _cells("tanh")
    inputs = _random(7, 5, 3, seed=1)
    for each in (reference, cell):
        each(inputs)[0].transpose(0, 2).contiguous()[..., ::2].square().sum().backward()
    torch.testing.assert_close(
        [weight.grad for weight in cell.parameters()],
        [weight.grad for weight in reference.parameters()],
    )


def test_without_gradients_it_is_pytorch_s_own() -> None:
    reference, cell = _cells("tanh")
    inputs = _random(7, 5, 3, seed=1)
    with torch.no_grad():
        assert torch.equal(cell(inputs)[0], reference(inputs)[0])


def test_states_that_overflow_do_so_without_warnings(recwarn: pytest.WarningsRecorder) -> None:
    cell = RNN(3, model_shape(hidden_size=4, nonlinearity="relu"))
    with torch.no_grad():
        cell.weight_hh_l0.fill_(1e30)
    states, _ = cell(torch.ones(5, 2, 3, requires_grad=True))
    states.sum().backward()
    assert not states.isfinite().all()
    assert not recwarn
