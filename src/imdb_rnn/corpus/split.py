"""Which labelled training reviews are held out for validation.

Reviews of one movie stay on one side: guessing the majority label of a movie already scores 87 %
on a random split, so a random split rewards recognising movies.
"""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

# Neighbouring official ids are mostly the same movie, so a block of ids stands in for a movie
# where a source does not know it.
IDS_PER_BLOCK = 100


def movies_of(reviews: pa.Table) -> list[str]:
    """The movie of each review, or a block of neighbouring ids where the movie is unknown."""
    return [
        movie or _block(review_id)
        for review_id, movie in zip(
            reviews["id"].to_pylist(), reviews["movie"].to_pylist(), strict=True
        )
    ]


def hold_out(
    labels: NDArray[np.int8], movies: list[str], share: float, seed: int
) -> NDArray[np.bool_]:
    """Choose validation reviews by movie, with the labels in balance.

    Args:
        labels: int8 [reviews].
        movies: Movie of each review.
        share: Part of the reviews to hold out; met to the nearest of the 1/n shares.
        seed: Decides which movies.

    Returns:
        bool [reviews], true for validation.
    """
    folds = StratifiedGroupKFold(max(2, round(1 / share)), shuffle=True, random_state=seed)
    _, held_out = next(folds.split(labels, labels, movies))
    mask = np.zeros(len(labels), dtype=np.bool_)
    mask[held_out] = True
    return mask


def _block(review_id: str) -> str:
    number = int(review_id.rsplit("/", 1)[1].split("_", maxsplit=1)[0])
    return f"block {number // IDS_PER_BLOCK}"
