"""One measurement in a process of its own: fresh memory, and a peak that is its own.

Usage: python -m benchmarks.worker KIND NAME SEED RESULT
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.catalogue import CATALOGUE
from benchmarks.reviews import Reviews
from imdb_rnn.console import error_console
from imdb_rnn.errors import InputRefusedError
from imdb_rnn.jsonfile import write_json


def _contestant(name: str, seed: int) -> dict[str, Any]:
    return CATALOGUE[name].measure(Reviews.read("train"), Reviews.read("test"), seed)


def _tokenizing(name: str, seed: int) -> dict[str, Any]:  # noqa: ARG001 - draws nothing
    from benchmarks.tokenizing import measure_tokenizing

    texts = Reviews.read("train").texts + Reviews.read("test").texts
    return measure_tokenizing(name, texts)


def _growth(size: str, seed: int) -> dict[str, Any]:  # noqa: ARG001 - the parameters hold it
    from benchmarks.scaling import measure_growth

    return measure_growth(float(size))


def _labels(name: str, seed: int) -> dict[str, Any]:  # noqa: ARG001 - as above
    from benchmarks.scaling import measure_labels

    model, number = name.split(":")
    return measure_labels(int(number), model)


KINDS: Final[dict[str, Callable[[str, int], dict[str, Any]]]] = {
    "contestant": _contestant,
    "tokenizing": _tokenizing,
    "growth": _growth,
    "labels": _labels,
}


def main() -> None:
    """Measure, and write the result; what cannot run becomes a sentence there."""
    kind, name, seed, path = sys.argv[1:]
    try:
        result = KINDS[kind](name, int(seed))
    except ImportError as error:
        result = {"failed": f"not installed: {error}"}
    except InputRefusedError as refusal:
        error_console.print(str(refusal))
        result = {"failed": str(refusal)}
    write_json(Path(path), result)


if __name__ == "__main__":
    main()
