"""The loss and the answers of two classes with one logit, and of any number with one each."""

import numpy as np
import pytest
import torch

from imdb_rnn.data.classes import targets_of
from imdb_rnn.models import head

LABELS = np.array([0, 1, 1, 0], dtype=np.int8)
LOGITS = torch.tensor([-2.0, 0.3, -0.1, 4.0])


def test_two_logits_of_which_one_is_zero_are_one_logit() -> None:
    both = torch.stack([torch.zeros(4), LOGITS], dim=-1)
    one_hot = torch.from_numpy(np.eye(2, dtype=np.float32)[LABELS])
    single = torch.from_numpy(targets_of(LABELS, 2))
    for reduction in ("mean", "sum"):
        torch.testing.assert_close(
            head.loss(LOGITS, single, reduction), head.loss(both, one_hot, reduction)
        )
    assert head.is_right(LOGITS, single).tolist() == head.is_right(both, one_hot).tolist()
    np.testing.assert_allclose(
        head.probabilities(LOGITS.numpy()), head.probabilities(both.numpy())[:, 1], rtol=1e-6
    )


def test_the_loss_is_the_mean_surprise_in_nats() -> None:
    targets = torch.tensor([[0.0, 1.0, 0.0], [0.5, 0.25, 0.25]])
    logits = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    shares = np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum()
    expected = (-np.log(shares[1]) + np.log(3)) / 2
    assert head.loss(logits, targets).item() == pytest.approx(expected, rel=1e-6)
    assert head.is_right(logits, targets).tolist() == [False, True]
