"""Arrays of numbers between stages, as `.npy` files that nothing can hide code in."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.errors import InputRefusedError


def write_array(path: Path, array: NDArray[np.float32]) -> None:
    """Write an array; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array, allow_pickle=False)


def read_array(path: Path, made_by: str) -> NDArray[np.float32]:
    """Read what `write_array` wrote.

    Args:
        path: The file.
        made_by: Stage that writes it, for the message.

    Raises:
        InputRefusedError: It is missing or damaged.
    """
    try:
        array: NDArray[np.float32] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputRefusedError(
            f"{path}: cannot be read: {error}. `dvc repro --force {made_by}` makes it anew."
        ) from None
    return array
