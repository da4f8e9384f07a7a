"""What there is to know about a dataset before training on it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from hashlib import sha256
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.data.own_texts import shown
from imdb_rnn.data.token_store import TokenStore, pieces
from imdb_rnn.data.tokenizer import UNKNOWN_ID

FEW: Final = 10
"""Texts of a class, below which there is a warning."""
FAR: Final = 1.5
"""Factor between the share asked for and the one split off, above which there is a warning."""
TextDigests = NDArray[np.bytes_]
_DIGEST_BYTES: Final = 16
_NOT_A_WORD: Final = re.compile(r"(?:<br />|[\W_])+")


def normalized(text: str) -> str:
    """Text as duplicates are compared: words in lower case, single spaces, no punctuation."""
    return _NOT_A_WORD.sub(" ", text.lower()).strip()


def split_statistics(store: TokenStore, classes: Sequence[str] = SENTIMENT) -> dict[str, Any]:
    """Counts, lengths in words and share of unknown words of one split.

    Args:
        store: The split.
        classes: Their names, in the order of the labels.
    """
    if len(store) == 0:
        return {"reviews": 0, "words": 0}
    lengths = store.lengths
    unknown = sum(int((tokens == UNKNOWN_ID).sum()) for tokens, _ in pieces([store]))
    return {
        "reviews": len(store),
        **_class_counts(store, classes),
        "words": len(store.tokens),
        "median_length": float(np.median(lengths)),
        "longest": int(lengths.max()),
        "unknown_share": round(unknown / len(store.tokens), 6),
    }


def _class_counts(store: TokenStore, classes: Sequence[str]) -> dict[str, Any]:
    counts = texts_of_class(store.labels[store.labels >= 0], classes)
    if tuple(classes) == SENTIMENT:
        return {"positive": counts[classes[1]]}
    return {"reviews_of_class": counts}


def shared_reviews(
    digests: Mapping[str, TextDigests], movies: Mapping[str, AbstractSet[str]]
) -> dict[str, Any]:
    """Reviews that occur more than once, and movies that occur in more than one split.

    Args:
        digests: Of the texts of each split by name, in the order in which pairs are named.
        movies: Titles in each split, as far as they are known.

    Returns:
        `duplicates_within`: extra copies in each split; `duplicates_across`: for a pair
        `b in a`, the reviews of `b` whose text occurs in `a`; `movies_shared`: titles in
        both, None where no movie is known.
    """
    known = any(movies.values())
    names = list(digests)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return {
        "duplicates_within": {name: repeated_texts(digests[name]) for name in names},
        "duplicates_across": {
            f"{b} in {a}": shared_texts(digests[b], digests[a]) for a, b in pairs
        },
        "movies_shared": {
            f"{a} and {b}": len(movies[a] & movies[b]) if known else None for a, b in pairs
        },
    }


def text_digests(texts: Iterable[str]) -> TextDigests:
    """What stands for each normalized text, so that no text has to be kept: bytes [texts]."""
    joined = bytearray()
    for text in texts:
        joined += sha256(normalized(text).encode()).digest()[:_DIGEST_BYTES]
    return np.frombuffer(bytes(joined), dtype=f"S{_DIGEST_BYTES}")


def repeated_texts(digests: TextDigests) -> int:
    """How many are copies of an earlier one."""
    return len(digests) - len(np.unique(digests))


def shared_texts(digests: TextDigests, others: TextDigests) -> int:
    """How many occur among the others too."""
    return int(np.isin(digests, others).sum())


def conflicting_texts(digests: TextDigests, labels: NDArray[np.int8]) -> int:
    """How many different texts occur under more than one label.

    Args:
        digests: Of labelled texts.
        labels: int8 [texts].
    """
    pairs = np.zeros(len(labels), dtype=[("text", digests.dtype), ("label", np.int8)])
    pairs["text"], pairs["label"] = digests, labels
    _, kinds = np.unique(np.unique(pairs)["text"], return_counts=True)
    return int((kinds > 1).sum())


def texts_of_class(labels: NDArray[np.int8], classes: Sequence[str]) -> dict[str, int]:
    """How many texts each class has.

    Args:
        labels: Places among the classes, int8 [texts].
        classes: Their names.
    """
    return dict(zip(classes, np.bincount(labels, minlength=len(classes)).tolist(), strict=True))


def few_of_class(counts: Mapping[str, int]) -> dict[str, int]:
    """The classes with fewer than `FEW` texts."""
    return {name: count for name, count in counts.items() if count < FEW}


def none_of_class(counts: Mapping[str, int]) -> list[str]:
    """The classes without a text."""
    return [name for name, count in counts.items() if not count]


def shared_groups(train: Mapping[str, int], test: Mapping[str, int]) -> dict[str, int] | None:
    """How many groups, with how many of the test texts, are in both files; None without groups.

    Args:
        train: Texts of each group.
        test: Likewise.
    """
    if not train or not test:
        return None
    both = [name for name in test if name in train]
    return {"groups": len(both), "test_texts": sum(test[name] for name in both)}


def dataset_warnings(facts: Mapping[str, Any]) -> Iterator[str]:
    """What speaks against a user's own texts, a sentence each.

    Args:
        facts: `split_off`, or None where a test file is given, as by `files.split_off_record`;
            `shared_groups`, as by the function; `classes_of_few_texts`, those of the training
            texts, as by `few_of_class`; `classes_without_test_texts`, as by `none_of_class`.
    """
    split_off = facts["split_off"]
    if split_off and not 1 / FAR <= split_off["achieved_share"] / split_off["share"] <= FAR:
        groups = ": groups are not split" if split_off["by"] == "group" else ""
        yield (
            f"{split_off['achieved_share']:.1%} of the labelled texts are split off to evaluate "
            f"on, not the {split_off['share']:.1%} of download.test_share{groups}."
        )
    shared, few = facts["shared_groups"], facts["classes_of_few_texts"]
    if shared and shared["groups"]:
        yield (
            f"{shared['groups']:,} groups are in both the training and the test texts, with "
            f"{shared['test_texts']:,} of the test texts: scores may be too high."
        )
    if few:
        told = ", ".join(f"{shown(name)} ({count})" for name, count in few.items())
        yield f"Classes with fewer than {FEW} training texts: {told}."
    if without := facts["classes_without_test_texts"]:
        told = ", ".join(map(shown, without))
        yield f"Classes without test texts, of which scores say nothing: {told}."
