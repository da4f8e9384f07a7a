"""A training's state on disk, so that a killed one goes on where it was and ends the same."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError
from safetensors.torch import load, save

from imdb_rnn.console import console
from imdb_rnn.errors import UserError
from imdb_rnn.io.atomic import replacing

SECONDS_BETWEEN: Final = 30.0
_TENSOR: Final = "tensor"
_VALUES: Final = "values"
_DIGEST_BYTES: Final = hashlib.sha256().digest_size


class Checkpoint:
    """One file, replaced as a whole: a SHA-256 digest, then safetensors.

    Args:
        path: The file.
        seconds_between: Time from one `due` to the next.
    """

    def __init__(self, path: Path, seconds_between: float = SECONDS_BETWEEN) -> None:
        self._path = path
        self._seconds_between = seconds_between
        self._written = time.monotonic()

    def due(self) -> bool:
        """Whether the last one is old enough for another."""
        return time.monotonic() - self._written >= self._seconds_between

    def write(self, state: Mapping[str, Any]) -> None:
        """Put a state in place of the one before.

        Args:
            state: Nested mappings with text for keys, and lists; of tensors, numbers, text, None.
        """
        tensors: dict[str, torch.Tensor] = {}
        values = json.dumps(_without_tensors(state, tensors))
        content = save(tensors, metadata={_VALUES: values})
        with replacing(self._path) as unfinished, unfinished.open("wb") as file:
            file.write(hashlib.sha256(content).digest())
            file.write(content)
        self._written = time.monotonic()

    def read(self) -> dict[str, Any] | None:
        """The state that was written last; None if there is none.

        Raises:
            UserError: The file is damaged.
        """
        try:
            stored = self._path.read_bytes()
        except FileNotFoundError:
            return None
        digest, content = stored[:_DIGEST_BYTES], stored[_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            raise self._damaged("its content has changed since it was written")
        try:
            tensors = load(content)
            header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
            values = json.loads(header["__metadata__"][_VALUES])
            state: dict[str, Any] = _with_tensors(values, tensors)
        except (SafetensorError, KeyError, ValueError, TypeError) as error:
            raise self._damaged(str(error)) from None
        return state

    def discard(self) -> None:
        """Remove the file; the training has ended."""
        self._path.unlink(missing_ok=True)

    def _damaged(self, what: str) -> UserError:
        return UserError(
            f"{self._path}: this checkpoint is damaged: {what}. Delete the file; the training "
            "then starts from its first step."
        )


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Let one process at a time work at what stands at a path; others wait until it is done.

    Args:
        path: A checkpoint's; the lock is a file beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_suffix(".lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        console.print("Another process trains exactly this; waiting until it is done.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _without_tensors(value: object, tensors: dict[str, torch.Tensor]) -> object:
    """The same with the name of each tensor in its place; the tensors are added to `tensors`."""
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous()
        return {_TENSOR: name}
    if isinstance(value, Mapping):
        return {key: _without_tensors(below, tensors) for key, below in value.items()}
    if isinstance(value, list | tuple):
        return [_without_tensors(below, tensors) for below in value]
    return value


def _with_tensors(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:  # noqa: ANN401 - a tree
    if isinstance(value, dict):
        if value.keys() == {_TENSOR}:
            return tensors[value[_TENSOR]].clone()  # into memory that is aligned as usual
        return {key: _with_tensors(below, tensors) for key, below in value.items()}
    if isinstance(value, list):
        return [_with_tensors(below, tensors) for below in value]
    return value
