"""Names the libraries that the benchmark compares with, as the extra `bench` pins them.

Usage: python -m benchmarks.peers
"""

import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def peers() -> list[str]:
    """A requirement for each."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    requirements: list[str] = project["optional-dependencies"]["bench"]
    return requirements


if __name__ == "__main__":
    sys.stdout.write("\n".join(peers()) + "\n")
