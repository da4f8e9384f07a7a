"""Code that may write little, or in a process of its own that may take little memory besides."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and RLIMIT_AS")

NOBODY = 65534
_PRELUDE = """
import resource, sys
pages = int(open("/proc/self/statm").read().split()[0])
memory = pages * resource.getpagesize() + {memory}
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
"""


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let writing fail in the middle, whatever language it is done in."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Root may write anywhere; leave its rights for a while."""
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        os.setegid(group)


def run_limited(imports: str, code: str, folder: Path, *, memory: int) -> str:
    """Run code that may take `memory` bytes beyond what its imports took, and return its output.

    The process may create files, but not put a single byte into them.
    """
    script = f"{imports}\n{_PRELUDE.format(memory=memory)}\n{code}"
    finished = subprocess.run(
        [sys.executable, "-B", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout
