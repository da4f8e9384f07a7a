import pytest
import torch

from imdb_rnn.config import Params
from imdb_rnn.diagnostics.adding import ALWAYS_ONE, add, sequences
from imdb_rnn.diagnostics.small import SMALL_CELLS
from studies import study_params


def params(**diagnostics: object) -> Params:
    return study_params(**{"hidden_size": 8, "longest_delay": 5, "probe_steps": 1} | diagnostics)


@pytest.mark.parametrize("length", [2, 5, 8])
def test_the_sum_is_of_the_two_marked_numbers_one_in_each_half(length: int) -> None:
    inputs, sums = sequences(torch.Generator().manual_seed(0), 500, length)
    assert inputs.shape == (length, 500, 2)
    numbers, marks = inputs.unbind(-1)
    half = length // 2
    assert (marks[:half].sum(0) == 1).all()
    assert (marks[half:].sum(0) == 1).all()
    assert marks.any(dim=1).all(), "every place is drawn"
    torch.testing.assert_close(sums, (numbers * marks).sum(0))
    assert 0 <= numbers.min() < 0.05
    assert 0.95 < numbers.max() <= 1


def test_who_always_answers_one_has_the_error_that_is_said() -> None:
    _, sums = sequences(torch.Generator().manual_seed(0), 100_000, 5)
    assert ((sums - 1) ** 2).mean().item() == pytest.approx(ALWAYS_ONE, rel=0.02)


def test_no_cell_has_more_parameters_than_the_plain_one_and_none_much_fewer() -> None:
    found = {cell: add(params(), cell) for cell in SMALL_CELLS}
    limit = found["tanh"]["parameters"]
    assert found["tanh"]["hidden_size"] == 8
    for cell in found.values():
        assert 0.6 * limit < cell["parameters"] <= limit


def test_a_cell_has_at_least_one_unit() -> None:
    assert add(params(hidden_size=1), "lstm")["hidden_size"] == 1


def test_a_short_sequence_is_learned() -> None:
    found = add(params(hidden_size=24, probe_steps=200), "gru")
    assert found["mean_squared_error"]["5"] < ALWAYS_ONE / 10


def test_equal_seeds_give_equal_numbers_whatever_the_global_generator_says() -> None:
    first = add(params(), "lstm")
    torch.manual_seed(99)
    assert add(params(), "lstm") == first
