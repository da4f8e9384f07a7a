"""Arrays of numbers between stages, as `.npy` files that nothing can hide code in."""

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.atomic import replacing
from imdb_rnn.errors import InputRefusedError


def write_array(path: Path, array: NDArray[np.float32]) -> None:
    """Write an array; makes the folder."""
    # Not straight into the file: NumPy then reports a full disk without saying that it was one.
    content = BytesIO()
    np.save(content, array, allow_pickle=False)
    with replacing(path) as unfinished:
        unfinished.write_bytes(content.getbuffer())


def read_array(path: Path, made_by: str) -> NDArray[np.float32]:
    """Read what `write_array` wrote.

    Args:
        path: The file.
        made_by: Stage that writes it, for the message.

    Raises:
        InputRefusedError: It is missing or damaged.
    """
    try:
        with path.open("rb") as file:
            # Not np.load: that opens zip files too, whatever their name.
            array: NDArray[np.float32] = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputRefusedError(
            f"{path}: cannot be read: {error}. `dvc repro --force {made_by}` makes it anew."
        ) from None
    return array
