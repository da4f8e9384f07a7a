"""Which processor instructions libraries compute with: this project's choice, or each one's own."""

import os
import sys
from typing import Final

from imdb_rnn.runtime.instruction_set import AVX2

OWN_CHOICE: Final = "the libraries' choice"
_READ_WHEN_LOADED: Final = frozenset({"numpy", "sklearn", "tensorflow", "torch"})


def leave_choice_to_libraries() -> None:
    """Take back what importing `imdb_rnn` has put into the environment, for peers.

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
