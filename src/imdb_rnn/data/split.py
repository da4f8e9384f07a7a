"""Which labelled training reviews are held out for validation.

Reviews of one movie stay on one side: guessing the majority label of a movie already scores 87 %
on a random split, so a random split rewards recognising movies. With texts of one's own, the group
that their source names takes the movie's place.
"""

import re
import warnings
from fractions import Fraction
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.model_selection import (
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
)

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
        UserError: There are fewer groups than folds, or each class has fewer texts; or each part
            holds all texts of one.
    """
    for number, what in (
        (len(labels) if groups is None else len(set(groups)), "groups"),
        # A smaller class is in fewer parts.
        (int(np.bincount(labels).max()), "texts of a class"),
    ):
        if number < folds:
            raise UserError(
                f"prepare.validation_folds: {folds} parts cannot be made of {number} {what}. "
                "Lower it, or raise download.reviews_per_class where it is set."
            )
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    classes = len(np.unique(labels))
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # of smaller classes
        parts = list(kind(folds, shuffle=True, random_state=seed).split(labels, labels, groups))
    for learned, held_out in parts:
        # A part has a whole class where that is a single group.
        if len(np.unique(labels[learned])) == classes:
            mask = np.zeros(len(labels), dtype=np.bool_)
            mask[held_out] = True
            return mask
    raise UserError(
        "prepare.validation_folds: no part leaves texts of every class to learn from; a class has "
        "too few groups. Add groups, or name no `group`."
    )


_MOST_PARTS: Final = 20
"""Of `split_off` by group, but for shares that are smaller."""


def split_off(
    labels: NDArray[np.int8], groups: NDArray[np.int32] | None, share: float, seed: int
) -> NDArray[np.bool_]:
    """Choose texts to evaluate on, by group and with the labels in balance.

    Args:
        labels: int8 [texts].
        groups: Number of each one's group, int32 [texts]; None where each stands for itself.
        share: Of the texts; by group as near to it as groups and twentieths allow.
        seed: Decides which.

    Returns:
        bool [texts], true for those.

    Raises:
        UserError: There are too few texts or groups.
    """
    smallest = int(np.unique(labels, return_counts=True)[1].min())
    if smallest < 2:  # noqa: PLR2004 - one to learn from, one to evaluate on
        raise _too_few(share, "a class has a single one")
    mask = np.zeros(len(labels), dtype=np.bool_)
    try:
        if groups is None:
            shuffled = StratifiedShuffleSplit(1, test_size=share, random_state=seed)
            _, chosen = next(shuffled.split(labels, labels))
            mask[chosen] = True
        else:
            taken, parts = _parts(share)
            folds = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
            for _, (_, chosen) in zip(
                range(taken), folds.split(labels, labels, groups), strict=False
            ):
                mask[chosen] = True
    except ValueError as error:
        raise _too_few(share, str(error)) from None
    if np.setdiff1d(labels, labels[~mask]).size:
        raise _too_few(share, "a class has no text left to learn from")
    return mask


def _parts(share: float) -> tuple[int, int]:
    """A fraction near a share that is neither nothing nor all."""
    near = Fraction(share).limit_denominator(_MOST_PARTS)
    if near == 0:
        return 1, round(1 / share)
    return (_MOST_PARTS - 1, _MOST_PARTS) if near == 1 else (near.numerator, near.denominator)


def _too_few(share: float, why: str) -> UserError:
    return UserError(
        f"download.test_share: {share:g} of the labelled texts cannot be split off to evaluate on: "
        f"{why.rstrip('.')}. Add texts, change the share, or give a test file of their own."
    )
