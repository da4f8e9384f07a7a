"""Whoever installs gets the versions that the numbers were measured with, down to the last."""

from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"

# What a PyTorch for GPUs brings, in the versions that it asks for itself.
_FOR_GPUS = ("nvidia-", "cuda-", "triton")


def _needed(name: str, extras: frozenset[str], found: dict[str, str]) -> dict[str, str]:
    """Name -> version of what is installed for a package, directly or not."""
    for line in distribution(name).requires or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker and not any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
            continue
        key = canonicalize_name(requirement.name)
        if key not in found and not key.startswith(_FOR_GPUS):
            found[key] = distribution(key).version
            _needed(key, frozenset(requirement.extras), found)
    return found


def test_every_version_is_pinned() -> None:
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pinned = {
        canonicalize_name(requirement.name)
        for requirement in (Requirement(line) for line in lines if line and line[0] != "#")
        if str(requirement.specifier).startswith("==")
    }
    needed = _needed("imdb-rnn", frozenset({"dev"}), {})
    assert len(needed) > 100
    assert sorted(needed.keys() - pinned - {"imdb-rnn"}) == []
