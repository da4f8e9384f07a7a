"""What the numbers were measured with."""

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import psutil
import torch

PACKAGES: Final = (
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "tokenizers",
    "keras",
    "tensorflow-cpu",
    "fasttext-numpy2",
)
ROWS: Final = 6400
"""Of the matrix product: a batch of 32 reviews of 200 words."""


def describe_machine() -> dict[str, Any]:
    """Processor, memory, system, versions, and what the processor can do at most."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "gflops_float32": round(matrix_gflops(), 1),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def matrix_gflops(side: int = 1024, repetitions: int = 20) -> float:
    """Billions of float32 operations a second in a large matrix product; the best of some."""
    left, right = torch.randn(ROWS, side), torch.randn(side, side)
    seconds = []
    for _ in range(repetitions):
        began = time.perf_counter()
        torch.mm(left, right)
        seconds.append(time.perf_counter() - began)
    return 2 * ROWS * side * side / min(seconds) / 1e9


def _processor() -> str:
    """The processor's name and generation, which `platform` does not know on Linux."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text(encoding="utf-8").splitlines() if table.exists() else []
    pairs = [line.partition(":") for line in lines]
    facts = {key.strip(): value.strip() for key, _, value in pairs}
    if "model name" not in facts:
        return platform.processor()
    numbers = [f"{key} {facts[key]}" for key in ("cpu family", "model", "stepping") if key in facts]
    return f"{facts['model name']} ({', '.join(numbers)})"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
