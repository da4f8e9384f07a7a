"""Test reviews that a model may have learnt by heart."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.data.statistics import normalized


def occur_in(texts: Iterable[str], others: Iterable[str]) -> NDArray[np.bool_]:
    """Which texts also occur among others, after normalisation: bool [texts].

    Case, punctuation, `<br />` and the amount of white space do not tell texts apart.
    """
    known = {normalized(text) for text in others}
    return np.array([normalized(text) in known for text in texts], dtype=np.bool_)
