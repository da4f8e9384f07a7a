"""Arrays of numbers between stages, as `.npy` files that nothing can hide code in."""

from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.errors import UserError
from imdb_rnn.io.atomic import replacing

MALFORMED: Final = (
    OSError,
    ValueError,
    EOFError,
    OverflowError,
    IndexError,
    TypeError,
    SyntaxError,
    TokenError,
)
"""What NumPy raises for a file that is no array, depending on how it is none."""


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Write an array; makes the folder."""
    # Not straight into the file: NumPy then reports a full disk without saying that it was one.
    content = BytesIO()
    np.save(content, array, allow_pickle=False)
    with replacing(path) as unfinished:
        unfinished.write_bytes(content.getbuffer())


def read_array(path: Path, dimensions: int, made_by: str) -> NDArray[np.float32]:
    """Read float32 numbers that `write_array` wrote.

    Args:
        path: The file.
        dimensions: How many the array has.
        made_by: Stage that writes it, for the message.

    Raises:
        UserError: It is missing or damaged, or holds anything else.
    """

    def unusable(what: str) -> UserError:
        return UserError(
            f"{path}: cannot be read: {what}. `dvc repro --force {made_by}` makes it anew."
        )

    try:
        # Mapped first, so that a header which claims more than the file holds costs no memory.
        # Not np.load: that opens zip files too, whatever their name.
        mapped = np.lib.format.open_memmap(path, mode="r")
    except MALFORMED as error:
        raise unusable(str(error)) from None
    if mapped.dtype != np.float32 or mapped.ndim != dimensions:
        raise unusable(f"{mapped.dtype} {list(mapped.shape)} where {dimensions}-d float32 belongs")
    array: NDArray[np.float32] = np.array(mapped)
    if not np.isfinite(array).all():
        raise unusable("some values are not finite")
    return array
