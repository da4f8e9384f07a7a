"""What has to be fixed before equal runs give equal bytes."""

import os

import torch


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


def flush_subnormal_numbers() -> None:
    """Have this process take numbers too small for the ordinary floating-point format as zero.

    In float32 these are below 1.2e-38. Some processors take many times as long for them
    (docs/benchmarks.md). NumPy does the same from then on, for float64 below 2.3e-308 too. To be
    called before the first computation: under Linux threads take it over from the one that starts
    them, and others would go on with such numbers. A processor that cannot do it is left alone.
    """
    torch.set_flush_denormal(True)
