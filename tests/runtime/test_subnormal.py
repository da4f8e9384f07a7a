import importlib
import subprocess
import sys

import pytest
import torch

from results import PROJECT, small_params

SCRIPT = """
import numpy as np, torch
from imdb_rnn.runtime.machine import prepare
prepare(threads=1, flush_subnormal={flush})
torch.set_num_threads(2)
products = torch.full((1_000_000,), 1e-30) * 1e-10
matrix = np.full((4, 4), 1e-30, dtype=np.float32)
print(int(products.count_nonzero()), int(np.count_nonzero(matrix @ (matrix * 1e20))))
"""


def _nonzero(*, flush: bool) -> str:
    """In a process of its own, whose threads all start afterwards."""
    command = [sys.executable, "-c", SCRIPT.format(flush=flush)]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


def test_vanished_numbers_are_zero_in_all_threads() -> None:
    assert _nonzero(flush=False) == "1000000 16"
    assert _nonzero(flush=True) == "0 0"


class ReachedError(Exception):
    """A stage has come to reading its input."""


@pytest.mark.parametrize("stage", ["train", "diagnostics"])
def test_stages_that_train_begin_with_it(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(f"imdb_rnn.stages.{stage}")

    def read(*_: object) -> None:
        raise ReachedError

    monkeypatch.chdir(PROJECT)
    monkeypatch.setattr(module, "read_json", read)
    vanished = torch.tensor(1e-30)
    assert vanished * 1e-10 != 0
    with pytest.raises(ReachedError):
        getattr(module, stage)(small_params())
    assert vanished * 1e-10 == 0
