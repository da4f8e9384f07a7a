import numpy as np
import pytest

from imdb_rnn.config import Params
from imdb_rnn.diagnostics.delayed_recall import delays, recall, sequences
from imdb_rnn.diagnostics.small import SMALL_CELLS
from studies import study_params


def params(**diagnostics: object) -> Params:
    return study_params(**{"hidden_size": 8, "longest_delay": 5, "probe_steps": 2} | diagnostics)


def test_the_label_is_the_marked_word_and_no_other_word_tells_it() -> None:
    store = sequences(np.random.default_rng(0), 2000, 7)
    words = np.stack([store[i] for i in range(len(store))])
    assert words.shape == (2000, 9)
    assert (words[:, 0] == 2).all()
    assert ((words[:, 1] == 4) == (store.labels == 1)).all()
    assert (words[:, 2:] != 2).all(), "nothing else is marked"
    among_others = (words[:, 2:] == 4).any(axis=1)
    assert abs(np.corrcoef(among_others, store.labels)[0, 1]) < 0.1


@pytest.mark.parametrize(
    ("longest", "expected"), [(1, [5]), (5, [5]), (9, [5]), (10, [5, 10]), (160, None)]
)
def test_delays_double_up_to_the_longest(longest: int, expected: list[int] | None) -> None:
    assert delays(params(longest_delay=longest)) == (expected or [5, 10, 20, 40, 80, 160])


def test_no_cell_has_more_parameters_than_the_plain_one_and_none_much_fewer() -> None:
    found = {cell: recall(params(), cell) for cell in SMALL_CELLS}
    limit = found["tanh"]["parameters"]
    assert found["tanh"]["hidden_size"] == 8
    assert found["lstm"]["hidden_size"] < found["gru"]["hidden_size"] < 8
    for cell in found.values():
        assert 0.6 * limit < cell["parameters"] <= limit


def test_the_smallest_plain_cell_stands_beside_cells_of_one_unit() -> None:
    found = {cell: recall(params(hidden_size=1), cell) for cell in SMALL_CELLS}
    assert {cell["hidden_size"] for cell in found.values()} == {1}


def test_a_short_delay_is_learned() -> None:
    found = recall(params(hidden_size=24, probe_steps=250), "gru")
    assert found["accuracy"]["5"] > 0.9


def test_equal_seeds_give_equal_numbers() -> None:
    assert recall(params(), "lstm") == recall(params(), "lstm")
