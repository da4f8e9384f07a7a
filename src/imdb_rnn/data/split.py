"""Which labelled training reviews are held out for validation.

Reviews of one movie stay on one side: guessing the majority label of a movie already scores 87 %
on a random split, so a random split rewards recognising movies. With texts of one's own, the group
that their source names takes the movie's place.
"""

import re
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from imdb_rnn.errors import UserError

# Neighbouring official ids of a class are mostly the same movie. Few blocks have few borders, and
# only at a border can a movie fall on both sides.
BLOCKS_A_CLASS: Final = 20
_OFFICIAL: Final = re.compile(r"((?:train|test)/(?:neg|pos))/(\d+)(?:_\d+)?")
"""`train/neg/7_2` and `train/neg/7` are number 7 of `train/neg`."""


def split_by(reviews: pa.Table) -> str:
    """What `groups_of` keeps together: `movie`, `id block`, `group` or `text`."""
    official = len(reviews) > 0 and bool(_OFFICIAL.fullmatch(reviews["id"][0].as_py()))
    if official:
        return "id block" if reviews["movie"].null_count else "movie"
    return "text" if reviews["movie"].null_count else "group"


def groups_of(reviews: pa.Table) -> list[str] | None:
    """What each review has in common with others, which then stay on its side; None for nothing.

    It is the movie. Where that is unknown, it is a block of neighbouring ids of its class for
    reviews of IMDB.
    """
    kind = split_by(reviews)
    if kind == "text":
        return None
    movies = reviews["movie"].to_pylist()
    return movies if kind != "id block" else _blocks(reviews["id"].to_pylist(), movies)


def _blocks(ids: list[str], movies: list[str | None]) -> list[str]:
    numbered = [found.groups() for found in map(_OFFICIAL.fullmatch, ids) if found]
    block_size = 1 + max(int(number) for _, number in numbered) // BLOCKS_A_CLASS
    return [
        movie or f"{of_class} block {int(number) // block_size}"
        for movie, (of_class, number) in zip(movies, numbered, strict=True)
    ]


def hold_out(
    labels: NDArray[np.int8], groups: list[str] | None, folds: int, seed: int
) -> NDArray[np.bool_]:
    """Choose one of `folds` parts for validation, by group and with the labels in balance.

    Args:
        labels: int8 [reviews].
        groups: Of each review; None where each stands for itself.
        folds: Equal parts that the reviews are cut into.
        seed: Decides which groups.

    Returns:
        bool [reviews], true for validation.

    Raises:
        UserError: There are fewer groups than folds, or fewer reviews of a class.
    """
    for number, what in (
        (len(labels) if groups is None else len(set(groups)), "movies or other groups"),
        (int(np.bincount(labels, minlength=2).min()), "reviews of a class"),
    ):
        if number < folds:
            raise UserError(
                f"prepare.validation_folds: {folds} parts cannot be made of {number} {what}. "
                "Lower it, or raise download.reviews_per_class where it is set."
            )
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    splits = kind(folds, shuffle=True, random_state=seed).split(labels, labels, groups)
    _, held_out = next(splits)
    mask = np.zeros(len(labels), dtype=np.bool_)
    mask[held_out] = True
    return mask
