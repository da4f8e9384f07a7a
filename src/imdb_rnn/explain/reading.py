"""Which words of a text the classifier reads."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.data.tokenizer import UNKNOWN_ID, cut
from imdb_rnn.errors import UserError
from imdb_rnn.messages import shortened
from imdb_rnn.models.saved_model import Encoder


class Reading(NamedTuple):
    """The words that were read, in order."""

    words: list[str]
    """As the tokenizer cut them, in the text's own spelling."""
    ids: NDArray[np.int32]
    """What the classifier gets [words]."""
    skipped: int
    """Words of the text that were not read because it is too long."""
    gap: int
    """Before which of the read words the skipped ones stood; their number for "at the end"."""

    @property
    def known(self) -> list[bool]:
        """Whether each word is in the vocabulary."""
        return [i != UNKNOWN_ID for i in self.ids]


def read(encoder: Encoder, text: str) -> Reading:
    """Cut a text into words as for a prediction, but keep how they were spelled.

    Raises:
        UserError: The text holds no word, or is not valid Unicode.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"The text is not UTF-8 (character {error.start + 1}). Pass it in UTF-8."
        ) from None
    encoding = encoder.tokenizer.encode(text)
    if not encoding.ids:
        raise UserError(
            f"The text {shortened(text, 40)!r} holds no word that could be explained. "
            "Pass a review."
        )
    positions = cut(
        np.arange(len(encoding.ids), dtype=np.int32), encoder.max_length, encoder.truncation
    )
    leaps = np.diff(positions, prepend=-1, append=len(encoding.ids)) > 1
    return Reading(
        words=[text[slice(*encoding.offsets[i])] for i in positions],
        ids=np.array(encoding.ids, dtype=np.int32)[positions],
        skipped=len(encoding.ids) - len(positions),
        gap=int(leaps.argmax()),
    )
