"""One measurement in a process of its own: fresh memory, and a peak that is its own.

Usage: python -m benchmarks.worker WHOSE KIND NAME SEED RESULT
"""

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.instructions import instructions, leave_choice_to_libraries
from imdb_rnn.console import error_console
from imdb_rnn.errors import UserError
from imdb_rnn.io.json_file import write_json

# Measurements are imported when they run: libraries read the environment when they are loaded, and
# that of peers has to be put right before.

OWN: Final = "own"
PEER: Final = "peer"


def _contestant(name: str, seed: int) -> dict[str, Any]:
    from benchmarks.catalogue import CATALOGUE
    from benchmarks.reviews import Reviews

    return CATALOGUE[name].measure(Reviews.read("train"), Reviews.read("test"), seed)


def _tokenizing(name: str, seed: int) -> dict[str, Any]:  # noqa: ARG001 - draws nothing
    from benchmarks.reviews import Reviews
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


def outcome(measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was measured; what cannot run becomes a sentence."""
    try:
        return {**measure(), "instructions": instructions()}
    except ModuleNotFoundError as error:
        return {"failed": f"not installed: {error}"}
    except UserError as refusal:
        error_console.print(str(refusal))
        return {"failed": str(refusal)}
    except Exception as error:  # noqa: BLE001 - whatever it is, the other measurements go on
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Measure, and write the result."""
    whose, kind, name, seed, path = sys.argv[1:]
    if whose == PEER:
        leave_choice_to_libraries()
    write_json(Path(path), outcome(lambda: KINDS[kind](name, int(seed))))


if __name__ == "__main__":
    main()
