"""Reviews to learn from, labelled by people or by a teacher."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.data.classes import targets_of
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.errors import UserError
from imdb_rnn.io.array_file import read_array


@dataclass(frozen=True)
class TrainingSet:
    """Encoded reviews with the probability of their classes.

    The tokens stay in their stores, so that memory use does not grow with their number.
    """

    stores: Sequence[TokenStore]
    targets: NDArray[np.float32]
    """Of all stores in their order: [reviews] that of the second of two classes, or [reviews,
    classes] where there are more."""

    @classmethod
    def labelled(cls, store: TokenStore, classes: int = 2) -> Self:
        """Reviews that carry their labels themselves."""
        return cls([store], targets_of(store.labels, classes))

    @classmethod
    def open(cls, prepared: Path, pseudo_labels: Path, classes: int) -> "TrainingSet":
        """The labelled training reviews, and the unlabelled ones if a teacher has labelled them.

        Args:
            prepared: Folder of the token stores.
            pseudo_labels: File of the teacher's probabilities; without any, the labelled ones
                stand alone.
            classes: How many there are.

        Raises:
            UserError: A file is missing or damaged, or they do not fit each other.
        """
        labelled = cls.labelled(TokenStore.open(prepared / "train"), classes)
        probabilities = read_array(
            pseudo_labels, dimensions=labelled.targets.ndim, made_by="pseudo_label"
        )
        if len(probabilities) == 0:
            return labelled
        unlabelled = TokenStore.open(prepared / "unsup")
        if len(probabilities) != len(unlabelled):
            raise _unusable(pseudo_labels, f"{len(probabilities)} for {len(unlabelled)} reviews")
        if probabilities.shape[1:] != labelled.targets.shape[1:]:
            raise _unusable(pseudo_labels, f"of {probabilities.shape[1]} classes, not {classes}")
        if probabilities.min() < 0 or probabilities.max() > 1:
            raise _unusable(pseudo_labels, "some do not lie between 0 and 1")
        return labelled.joined(unlabelled, probabilities)

    def joined(self, store: TokenStore, probabilities: NDArray[np.float32]) -> "TrainingSet":
        """These reviews, then unlabelled ones with the probabilities that a teacher gave them.

        Args:
            store: Of the unlabelled reviews.
            probabilities: Of each review of the store, as in `targets`.
        """
        return TrainingSet([*self.stores, store], np.concatenate([self.targets, probabilities]))

    @property
    def mostly_pseudo_labelled(self) -> bool:
        """Whether a teacher has labelled more of them than people have."""
        return 2 * len(self.stores[0]) < len(self)

    @property
    def classes(self) -> int:
        """How many there are."""
        return 2 if self.targets.ndim == 1 else self.targets.shape[1]

    def __len__(self) -> int:
        return len(self.targets)

    @cached_property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each review, int64 [reviews]."""
        return np.concatenate([store.lengths for store in self.stores])

    def __getitem__(self, index: int) -> NDArray[np.int32]:
        """Token ids of one review, int32 [tokens]."""
        if index < 0:
            raise IndexError(index)
        for store in self.stores:
            if index < len(store):
                return store[index]
            index -= len(store)
        raise IndexError(index)


def _unusable(pseudo_labels: Path, what: str) -> UserError:
    return UserError(
        f"{pseudo_labels}: these probabilities cannot be used: {what}. "
        "`dvc repro --force pseudo_label` makes them anew."
    )
