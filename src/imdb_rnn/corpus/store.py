"""A ragged, memory-mapped store of encoded reviews.

A folder of plain `.npy` files, so that memory use does not grow with the corpus and nothing that
is loaded can execute:

- `tokens.npy` int32 [all words], the reviews one behind the other
- `offsets.npy` int64 [reviews + 1], where each begins and ends
- `labels.npy` int8 [reviews]: 1 positive, 0 negative, -1 none
- `ids.npy` unicode [reviews]
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.errors import InputRefusedError


@dataclass(frozen=True)
class TokenStore:
    """Encoded reviews of one split; see the module for the arrays."""

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int8]
    ids: NDArray[np.str_]

    @classmethod
    def open(cls, folder: Path) -> "TokenStore":
        """Map a store into memory without reading its words.

        Raises:
            InputRefusedError: A file is missing or damaged, or the files do not fit each other.
        """
        try:
            arrays = {
                name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
                for name in ("tokens", "offsets", "labels", "ids")
            }
        except (OSError, ValueError, EOFError) as error:
            raise _damaged(folder, str(error)) from None
        store = cls(**arrays)
        if not len(store.offsets) == len(store.labels) + 1 == len(store.ids) + 1:
            raise _damaged(folder, "its files hold different numbers of reviews")
        if store.offsets[-1] != len(store.tokens):
            raise _damaged(folder, f"{store.offsets[-1]} words expected, {len(store.tokens)} there")
        return store

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Words of each review, int64 [reviews]."""
        return np.diff(self.offsets)

    def __getitem__(self, index: int) -> NDArray[np.int32]:
        """Word ids of one review, int32 [words]."""
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]


def write_store(
    folder: Path,
    reviews: Iterable[NDArray[np.int32]],
    labels: Sequence[int],
    ids: Sequence[str],
) -> TokenStore:
    """Write encoded reviews; equal reviews make equal bytes.

    Args:
        folder: Made if it does not exist.
        reviews: int32 [words] each, in the order of `labels` and `ids`.
        labels: 1, 0 or -1 a review.
        ids: Name of each review.
    """
    pieces = list(reviews)
    folder.mkdir(parents=True, exist_ok=True)
    offsets = np.fromiter(accumulate(map(len, pieces), initial=0), dtype=np.int64)
    tokens = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int32)
    np.save(folder / "tokens.npy", tokens, allow_pickle=False)
    np.save(folder / "offsets.npy", offsets, allow_pickle=False)
    np.save(folder / "labels.npy", np.array(labels, dtype=np.int8), allow_pickle=False)
    np.save(folder / "ids.npy", np.array(ids, dtype=np.str_), allow_pickle=False)
    return TokenStore.open(folder)


def _damaged(folder: Path, what: str) -> InputRefusedError:
    return InputRefusedError(
        f"{folder}: this token store is damaged or incomplete: {what}. "
        f"Delete the folder and run `dvc repro prepare`."
    )
