"""What numbers are measured with: the processor, a process's memory, a process of its own."""

import multiprocessing
import os
import platform
import re
import resource
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final, TypeVar

import psutil

PACKAGES: Final = ("torch", "numpy", "scikit-learn", "keras", "tensorflow-cpu", "fasttext-numpy2")
STATUS: Final = Path("/proc/self/status")

Result = TypeVar("Result")


def describe_machine() -> dict[str, Any]:
    """Processor, memory, system, versions."""
    installed = {found.name: found.version for found in distributions()}
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: installed[name] for name in PACKAGES if name in installed},
    }


def identity(machine: Mapping[str, Any]) -> str:
    """What has to be equal for times to be compared."""
    return f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}"


def peak_bytes() -> int:
    """Largest resident memory so far of this process and of the children that have ended."""
    unit = 1 if sys.platform == "darwin" else 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    if STATUS.exists():
        # Linux starts `ru_maxrss` at the memory of the process that started this one.
        found = re.search(r"^VmHWM:\s+(\d+) kB$", STATUS.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return max(children, int(found[1]) * 1024)
    return max(children, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def in_own_process(work: Callable[..., Result], *arguments: object) -> Result:
    """Do some work in a fresh process, with memory and settings of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


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
