"""What a stage tells PyTorch and the C library before it computes: `prepare`, once."""

import ctypes
import os
import sys
from typing import Final

import torch

from imdb_rnn.runtime.device import resolve_device

_M_TRIM_THRESHOLD: Final = -1  # from glibc's malloc.h
_M_MMAP_MAX: Final = -4
_LARGEST_INT: Final = 2**31 - 1


def prepare(
    threads: int,
    device: str = "cpu",
    *,
    flush_subnormal: bool = False,
    primitive_cache: bool = True,
) -> torch.device:
    """Prepare this process for computing, so that equal runs give equal bytes.

    Args:
        threads: CPU threads. Sums are split among them, so their number changes the last digits.
        device: Value of `train.device`.
        flush_subnormal: Take numbers too small for the ordinary floating-point format as zero,
            below 1.2e-38 in float32; NumPy does the same from then on, for float64 too. Some
            processors take many times as long for them (docs/benchmarks.md). Threads take it over
            from the one that starts them, so this comes before the first computation.
        primitive_cache: Whether oneDNN keeps the code that it builds for each length of a batch.
            Where hardly any length comes again, that is hundreds of megabytes for nothing.

    Returns:
        The device that `device` asks for.

    Raises:
        UserError: The device is not there.
    """
    found = resolve_device(device)
    _make_deterministic(threads)
    if flush_subnormal:
        torch.set_flush_denormal(True)
    keep_freed_memory()
    if not primitive_cache:  # read before oneDNN builds its first
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "0")
    return found


def _make_deterministic(threads: int) -> None:
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # Not `torch.use_deterministic_algorithms`, which imports PyTorch's compiler as well and takes
    # longer for that than a small training. Where a device has no such algorithm for an operation,
    # PyTorch says so once.
    torch.set_deterministic_debug_mode("warn")
    # In this mode PyTorch fills fresh memory, to show who reads it unwritten; it takes time.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # PyTorch puts an object in place of the module
    torch.set_num_threads(threads)


def keep_freed_memory() -> None:
    """Let glibc reuse large blocks.

    Every step of training frees and allocates the same tensors. By default glibc maps each afresh
    and the system clears its pages again, which costs more than the arithmetic on some machines.
    Other C libraries are left alone.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT)
