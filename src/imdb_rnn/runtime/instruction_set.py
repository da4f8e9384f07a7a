"""One instruction set for all processors, so that generations of them round alike.

PyTorch, NumPy and BLAS have a kernel for each generation of processors and take the newest that
runs. Kernels sum in another order, so the last digits would depend on the machine. AVX2 is what
most x86-64 processors of the last ten years have. The price is time where there is AVX-512.
"""

import os
from pathlib import Path
from typing import Final

PROCESSOR: Final = Path("/proc/cpuinfo")
AVX2: Final = {
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",  # on AMD's processors MKL has nothing newer anyway
    "OPENBLAS_CORETYPE": "Haswell",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
"""What tells each library to do without anything newer."""


def choose_instruction_set() -> None:
    """Have this process and its children compute with AVX2, where Linux says that there is AVX2.

    To be called before the libraries are loaded. What the user has set in the environment stays.
    """
    if not _processor_flags() >= {"avx2", "fma"}:  # kernels for AVX2 use both
        return
    told = dict(AVX2)
    if "NPY_ENABLE_CPU_FEATURES" in os.environ:  # NumPy takes one of the lists, not both
        del told["NPY_DISABLE_CPU_FEATURES"]
    for variable, value in told.items():
        os.environ.setdefault(variable, value)


def _processor_flags() -> set[str]:
    try:
        lines = PROCESSOR.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.split()}
