"""Which labelled training reviews are held out for validation.

Reviews of one movie stay on one side: guessing the majority label of a movie already scores 87 %
on a random split, so a random split rewards recognising movies. With texts of one's own, the group
that their source names takes the movie's place.
"""

import re
import warnings
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import islice
from math import ceil
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.model_selection import (
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
)

from imdb_rnn.data.own_texts import shown
from imdb_rnn.errors import UserError
from imdb_rnn.messages import shortened

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
    labels: NDArray[np.int8],
    groups: NDArray[np.int32] | None,
    classes: Sequence[str],
    share: float,
    seed: int,
) -> NDArray[np.bool_]:
    """Choose texts to evaluate on, by group and with the labels in balance.

    Args:
        labels: Places among the classes, int8 [texts].
        groups: Number of each one's group, int32 [texts]; None where each stands for itself.
        classes: Their names.
        share: Of the texts; by group as near to it as groups and twentieths allow.
        seed: Decides which.

    Returns:
        bool [texts], true for those.

    Raises:
        UserError: There are too few texts or groups.
    """
    counts = np.bincount(labels)
    if single := _told(classes, counts, np.flatnonzero(counts == 1)):
        raise _refusal(
            share, f"too few texts of {single}; each class needs 2", "Add texts, leave these out"
        )
    mask = np.zeros(len(labels), dtype=np.bool_)
    if groups is None:
        _require_enough_texts(labels, share)
        shuffled = StratifiedShuffleSplit(1, test_size=share, random_state=seed)
        _, chosen = next(shuffled.split(labels, labels))
        mask[chosen] = True
    else:
        taken, parts = _parts(share)
        _require_enough_to_group(counts, groups, classes, share, parts)
        folds = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of smaller classes
            for _, chosen in islice(folds.split(labels, labels, groups), taken):
                mask[chosen] = True
    if lost := _told(classes, counts, np.setdiff1d(labels, labels[~mask])):
        more = "texts" if groups is None else "groups"
        raise _refusal(share, f"it takes all texts of {lost}", f"Add {more}, change the share")
    return mask


def _require_enough_texts(labels: NDArray[np.int8], share: float) -> None:
    classes, chosen = len(np.unique(labels)), ceil(share * len(labels))
    left = len(labels) - chosen
    if min(chosen, left) < classes:
        raise _refusal(
            share,
            f"of {len(labels):,} texts {chosen:,} would be split off and {left:,} left to learn "
            f"from, and {classes} classes need as many texts on each side",
            "Add texts, change the share",
        )


def _require_enough_to_group(
    counts: NDArray[np.intp],
    groups: NDArray[np.int32],
    classes: Sequence[str],
    share: float,
    parts: int,
) -> None:
    if (number := len(np.unique(groups))) < parts:
        raise _refusal(
            share,
            f"there are {number:,} groups, and it takes {parts:,}",
            "Add groups, change the share",
        )
    if counts.max() < parts:
        largest = _told(classes, counts, [int(counts.argmax())])
        raise _refusal(
            share,
            f"the largest class is {largest}, and by group it takes {parts:,} texts of one",
            "Add texts, change the share",
        )


def _parts(share: float) -> tuple[int, int]:
    """A fraction near a share that is neither nothing nor all."""
    near = Fraction(share).limit_denominator(_MOST_PARTS)
    if near == 0:
        return 1, round(1 / share)
    return (_MOST_PARTS - 1, _MOST_PARTS) if near == 1 else (near.numerator, near.denominator)


def _told(classes: Sequence[str], counts: NDArray[np.intp], places: Iterable[int]) -> str:
    """Some classes in a message, with their numbers of texts; nothing where there are none."""
    return shortened(", ".join(f"{shown(classes[i])} ({counts[i]:,})" for i in places), 200)


def _refusal(share: float, why: str, remedy: str) -> UserError:
    return UserError(
        f"download.test_share: {share:g} of the labelled texts cannot be split off to evaluate on: "
        f"{why}. {remedy}, or give a test file (`test` of the source's `files`)."
    )
