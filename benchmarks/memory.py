"""The largest memory of a process, and stages that note theirs.

Usage: python -m benchmarks.memory MODULE NOTE
"""

import re
import resource
import runpy
import sys
from pathlib import Path
from typing import Final

STATUS: Final = Path("/proc/self/status")


def peak_bytes() -> int:
    """Largest resident memory of this process so far."""
    if STATUS.exists():
        # Linux starts `ru_maxrss` at the memory of the process that started this one.
        found = re.search(r"^VmHWM:\s+(\d+) kB$", STATUS.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Run a module as a program, and note the peak at its end."""
    module, note = sys.argv[1:]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        Path(note).write_text(str(peak_bytes()), encoding="utf-8")


if __name__ == "__main__":
    main()
