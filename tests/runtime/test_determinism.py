import pytest
import torch

from imdb_rnn.errors import UserError
from imdb_rnn.runtime.machine import prepare, resolve_device


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_missing_device_is_refused_with_the_way_out() -> None:
    with pytest.raises(UserError, match=r"train.device: cuda .*Set it to auto or cpu"):
        resolve_device("cuda")


def test_auto_takes_what_is_there() -> None:
    assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_threads_and_algorithms_are_fixed() -> None:
    prepare(threads=1)
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()


def test_where_there_is_no_deterministic_algorithm_a_training_goes_on_and_says_so() -> None:
    prepare(threads=1)
    counted = torch.zeros(3)
    with pytest.warns(UserWarning, match="does not have a deterministic implementation"):
        counted.put_(torch.tensor([1]), torch.tensor([2.0]))
    assert counted.tolist() == [0, 2, 0]
