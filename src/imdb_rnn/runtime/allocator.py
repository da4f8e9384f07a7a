"""What a training does with memory that the next step may use again, or not."""

import ctypes
import os
import sys
from typing import Final

_M_TRIM_THRESHOLD: Final = -1  # from glibc's malloc.h
_M_MMAP_MAX: Final = -4
_LARGEST_INT: Final = 2**31 - 1


def keep_freed_memory() -> None:
    """Let glibc reuse large blocks.

    Every step of training frees and allocates the same tensors. By default glibc maps each afresh
    and the system clears its pages again, which costs more than the arithmetic on some machines.
    Other C libraries are left alone.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT)


def forget_primitives() -> None:
    """Have oneDNN build the code of a layer anew for each batch, to be called before its first.

    It keeps what it has built for each length of a batch, with working memory, and hardly ever
    meets one again: hundreds of megabytes for no time that could be measured.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "0")
