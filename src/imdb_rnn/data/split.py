"""Which labelled training reviews are held out for validation.

Reviews of one movie stay on one side: guessing the majority label of a movie already scores 87 %
on a random split, so a random split rewards recognising movies.
"""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from imdb_rnn.errors import UserError

# Neighbouring official ids of a class are mostly the same movie. Few blocks have few borders, and
# only at a border can a movie fall on both sides.
BLOCKS_A_CLASS: Final = 20


def movies_of(reviews: pa.Table) -> list[str]:
    """The movie of each review; where unknown, a block of neighbouring ids of its class."""
    ids = [_class_and_number(review_id) for review_id in reviews["id"].to_pylist()]
    block_size = 1 + max((number for _, number in ids), default=0) // BLOCKS_A_CLASS
    return [
        movie or f"{of_class} block {number // block_size}"
        for movie, (of_class, number) in zip(reviews["movie"].to_pylist(), ids, strict=True)
    ]


def hold_out(
    labels: NDArray[np.int8], movies: list[str], folds: int, seed: int
) -> NDArray[np.bool_]:
    """Choose one of `folds` parts for validation, by movie and with the labels in balance.

    Args:
        labels: int8 [reviews].
        movies: Movie of each review.
        folds: Equal parts that the reviews are cut into.
        seed: Decides which movies.

    Returns:
        bool [reviews], true for validation.

    Raises:
        UserError: There are fewer movies than folds, or fewer reviews of a class.
    """
    for number, what in (
        (len(set(movies)), "movies or blocks of ids"),
        (int(np.bincount(labels, minlength=2).min()), "reviews of a class"),
    ):
        if number < folds:
            raise UserError(
                f"prepare.validation_folds: {folds} parts cannot be made of {number} {what}. "
                "Lower it, or raise download.reviews_per_class where it is set."
            )
    splits = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    _, held_out = next(splits.split(labels, labels, movies))
    mask = np.zeros(len(labels), dtype=np.bool_)
    mask[held_out] = True
    return mask


def _class_and_number(review_id: str) -> tuple[str, int]:
    """`train/neg/7_2` and `train/neg/7` are number 7 of `train/neg`."""
    of_class, name = review_id.rsplit("/", 1)
    return of_class, int(name.split("_")[0])
