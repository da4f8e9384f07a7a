"""The labelled reviews as every contestant gets them: texts and labels, in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.data.reviews import read_reviews
from imdb_rnn.errors import UserError

RAW: Final = Path("data/raw")


@dataclass(frozen=True)
class Reviews:
    """Texts and their labels."""

    texts: list[str]
    labels: NDArray[np.int64]
    """[reviews]: 1 positive, 0 negative."""

    @classmethod
    def read(cls, split: str, raw: Path = RAW) -> "Reviews":
        """Read the labelled reviews of `train` or `test`.

        Raises:
            UserError: They are not there.
        """
        path = raw / f"{split}.parquet"
        if not path.exists():
            raise UserError(f"{path}: no reviews yet. `dvc repro download` gets them.")
        table = read_reviews(path)
        return cls(table["text"].to_pylist(), table["label"].to_numpy().astype(np.int64))
