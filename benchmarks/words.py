"""Words and their ids as notebooks have them: the most frequent words, a fixed width, padding."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

PADDING: Final = 0
UNKNOWN: Final = 1
_FIRST_WORD: Final = 2
_WORD: Final = re.compile(r"[a-z0-9']+")


def split_words(text: str) -> list[str]:
    """Lower-cased words without punctuation and line breaks."""
    return _WORD.findall(text.lower().replace("<br />", " "))


class WordIds:
    """Ids of the most frequent words; the rest is unknown.

    Args:
        texts: To count words in.
        size: Number of ids, those of padding and unknown words included.
    """

    def __init__(self, texts: Sequence[str], size: int) -> None:
        counts = Counter(word for text in texts for word in split_words(text))
        frequent = counts.most_common(size - _FIRST_WORD)
        self.ids = {word: number for number, (word, _) in enumerate(frequent, start=_FIRST_WORD)}

    def rectangle(
        self, texts: Sequence[str], width: int, side: Literal["post", "pre"]
    ) -> NDArray[np.int64]:
        """The last words of each text, padded to one width, [texts, width]."""
        rows = np.full((len(texts), width), PADDING, dtype=np.int64)
        for row, text in zip(rows, texts, strict=True):
            ids = [self.ids.get(word, UNKNOWN) for word in split_words(text)[-width:]]
            if side == "post":
                row[: len(ids)] = ids
            else:
                row[width - len(ids) :] = ids
        return rows
