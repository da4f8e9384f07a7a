"""A ragged, memory-mapped store of encoded reviews.

A folder of plain `.npy` files, so that memory use does not grow with the corpus and nothing that
is loaded can execute:

- `tokens.npy` int32 [all tokens], the reviews one behind the other
- `offsets.npy` int64 [reviews + 1], where each begins and ends
- `labels.npy` int8 [reviews]: 1 positive, 0 negative, -1 none
- `ids.npy` unicode [reviews]
- `sha256.json`, digests of the arrays' files
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.errors import UserError
from imdb_rnn.io.array_file import MALFORMED, write_array
from imdb_rnn.io.atomic import replacing
from imdb_rnn.io.json_file import read_json, write_json

DIGESTS: Final = "sha256.json"
TOKENS_AT_ONCE: Final = 4_000_000
"""Of `pieces`."""
_KINDS: Final[dict[str, type[np.generic]]] = {
    "tokens": np.int32,
    "offsets": np.int64,
    "labels": np.int8,
    "ids": np.str_,
}


@dataclass(frozen=True)
class TokenStore:
    """Encoded reviews of one split; see the module for the arrays."""

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int8]
    ids: NDArray[np.str_]

    @classmethod
    def open(cls, folder: Path) -> "TokenStore":
        """Map a store into memory, after comparing its files with their digests.

        Raises:
            UserError: A file is missing or damaged, or the files do not fit each other.
        """
        _require_intact(folder)
        store = cls(**{name: _map(folder / f"{name}.npy", kind) for name, kind in _KINDS.items()})
        if not len(store.offsets) == len(store.labels) + 1 == len(store.ids) + 1:
            raise _damaged(folder, "its files hold different numbers of reviews")
        if store.offsets[-1] != len(store.tokens):
            raise _damaged(
                folder, f"{store.offsets[-1]} tokens expected, {len(store.tokens)} there"
            )
        return store

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each review, int64 [reviews]."""
        return np.diff(self.offsets)

    def __getitem__(self, index: int) -> NDArray[np.int32]:
        """Token ids of one review, int32 [tokens]."""
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]


def write_store(
    folder: Path,
    reviews: Iterable[NDArray[np.int32]],
    labels: Sequence[int],
    ids: Sequence[str],
) -> TokenStore:
    """Write encoded reviews; equal reviews make equal bytes.

    Args:
        folder: Made, or filled anew.
        reviews: int32 [tokens] each, in the order of `labels` and `ids`; read one at a time.
        labels: 1, 0 or -1 a review.
        ids: Name of each review.
    """
    with replacing(folder) as unfinished:
        unfinished.mkdir()
        with (unfinished / "tokens.npy").open("wb") as file:
            lengths = _write_joined(file, reviews)
        arrays: dict[str, NDArray[Any]] = {
            "offsets": np.fromiter(accumulate(lengths, initial=0), dtype=np.int64),
            "labels": np.array(labels, dtype=np.int8),
            "ids": np.array(ids, dtype=np.str_),
        }
        for name, array in arrays.items():
            write_array(unfinished / f"{name}.npy", array)
        write_json(unfinished / DIGESTS, {name: _digest(unfinished, name) for name in _KINDS})
    return TokenStore.open(folder)


def pieces(
    stores: Sequence[TokenStore], tokens_at_once: int = TOKENS_AT_ONCE
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Whole reviews, so many at once that memory does not grow with the corpus.

    Args:
        stores: Read in their order.
        tokens_at_once: Tokens of a piece; a longer review is a piece of its own.

    Yields:
        Token ids int64 [tokens], and the number of the review that each token is in, int64
        [tokens], counted through all stores.
    """
    before = 0
    for store in stores:
        begin = 0
        while begin < len(store):
            limit = store.offsets[begin] + tokens_at_once
            end = max(begin + 1, int(np.searchsorted(store.offsets, limit, side="right")) - 1)
            tokens = store.tokens[store.offsets[begin] : store.offsets[end]].astype(np.int64)
            yield tokens, np.repeat(np.arange(begin, end) + before, store.lengths[begin:end])
            begin = end
        before += len(store)


def _write_joined(file: BinaryIO, reviews: Iterable[NDArray[np.int32]]) -> list[int]:
    """Write reviews as one array, the bytes that `np.save` would write; returns their lengths."""
    begin = _write_header(file, 0)
    lengths = []
    for tokens in reviews:
        file.write(tokens.astype("<i4").tobytes())
        lengths.append(len(tokens))
    file.seek(0)
    if _write_header(file, sum(lengths)) != begin:
        raise RuntimeError("NumPy leaves no room in an array's header for another length")
    return lengths


def _write_header(file: BinaryIO, tokens: int) -> int:
    """Write what comes before the tokens; returns where they begin."""
    described = {"descr": "<i4", "fortran_order": False, "shape": (tokens,)}
    np.lib.format.write_array_header_1_0(file, described)
    return file.tell()


def _require_intact(folder: Path) -> None:
    try:
        expected = read_json(folder / DIGESTS)
        for name in _KINDS:
            if _digest(folder, name) != expected[name]:
                raise _damaged(folder / f"{name}.npy", "its content has changed")
    except OSError as error:
        raise _damaged(Path(error.filename), str(error.strerror)) from None
    except (KeyError, TypeError):
        raise _damaged(folder / DIGESTS, "digests are missing") from None


def _digest(folder: Path, name: str) -> str:
    with (folder / f"{name}.npy").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _map(path: Path, kind: type[np.generic]) -> NDArray[Any]:
    try:
        # Not np.load: that opens zip files too, whatever their name.
        array: NDArray[Any] = np.lib.format.open_memmap(path, mode="r")
    except MALFORMED as error:
        raise _damaged(path, str(error)) from None
    if array.ndim != 1 or array.dtype.type is not kind:
        raise _damaged(path, f"{array.dtype} {list(array.shape)} where {kind.__name__} [n] belongs")
    return array


def _damaged(place: Path, what: str) -> UserError:
    return UserError(
        f"{place}: this token store is damaged or incomplete: {what}. "
        f"Delete the folder and run `dvc repro prepare`."
    )
