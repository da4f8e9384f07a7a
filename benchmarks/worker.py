"""One row of the benchmark in a process of its own: fresh memory, and a peak that is its own.

Usage: python -m benchmarks.worker own|baseline NAME SEED RESULT
"""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from imdb_rnn.console import error_console
from imdb_rnn.errors import UserError
from imdb_rnn.io.json_file import write_json
from imdb_rnn.runtime.instruction_set import AVX2

OWN_CHOICE: Final = "the libraries' choice"
_READ_WHEN_LOADED: Final = frozenset({"numpy", "sklearn", "tensorflow", "torch"})


def leave_choice_to_libraries() -> None:
    """Take back what importing `imdb_rnn` has put into the environment, for baselines.

    Raises:
        RuntimeError: A library is loaded, so that it has read the environment already.
    """
    if loaded := _READ_WHEN_LOADED & sys.modules.keys():
        raise RuntimeError(f"already loaded: {', '.join(sorted(loaded))}")
    for variable, value in AVX2.items():
        if os.environ.get(variable) == value:
            del os.environ[variable]


def instructions() -> str:
    """What this process and its children compute with, for the results."""
    chosen = any(os.environ.get(variable) == value for variable, value in AVX2.items())
    return "AVX2" if chosen else OWN_CHOICE


def outcome(measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What was measured; what cannot run becomes a sentence."""
    try:
        return {**measure(), "instructions": instructions()}
    except (ModuleNotFoundError, UserError) as refusal:
        error_console.print(str(refusal))
        return {"failed": str(refusal)}
    except Exception as error:  # noqa: BLE001 - whatever it is, the other rows go on
        traceback.print_exc()
        return {"failed": f"{type(error).__name__}: {error}"}


def main() -> None:
    """Measure, and write the result."""
    whose, name, seed, path = sys.argv[1:]
    if whose == "baseline":
        leave_choice_to_libraries()

    def measure() -> dict[str, Any]:
        # Not before: libraries read the environment when they are loaded.
        from benchmarks.catalogue import measured

        return measured(name, int(seed))

    write_json(Path(path), outcome(measure))


if __name__ == "__main__":
    main()
