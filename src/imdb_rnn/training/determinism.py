"""What has to be fixed before equal runs give equal bytes, and where they run."""

import os

import torch

from imdb_rnn.errors import InputRefusedError


def make_deterministic(threads: int) -> None:
    """Choose deterministic algorithms and the number of CPU threads for this process.

    Where a device has none for an operation, PyTorch says so once. Sums are split among threads,
    so their number changes the last digits of results.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Not `torch.use_deterministic_algorithms`, which imports PyTorch's compiler as well and takes
    # longer for that than a small training.
    torch.set_deterministic_debug_mode("warn")
    # In this mode PyTorch fills fresh memory, to show who reads it unwritten; it takes time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # PyTorch puts an object in place of the module
    torch.set_num_threads(threads)


def resolve_device(name: str) -> torch.device:
    """The device that `train.device` asks for; `auto` takes CUDA where there is some.

    Raises:
        InputRefusedError: The device is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise InputRefusedError(
            f"train.device: {name} cannot be used here: {reason}. Set it to auto or cpu."
        ) from None
    return torch.device(name)
