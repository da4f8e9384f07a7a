"""What there is to know about a dataset before training on it."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from hashlib import sha256
from typing import Any

import numpy as np

from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.data.token_store import TokenStore, pieces
from imdb_rnn.data.tokenizer import UNKNOWN_ID

_NOT_A_WORD = re.compile(r"(?:<br />|[\W_])+")


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
    counts = np.bincount(store.labels[store.labels >= 0], minlength=len(classes)).tolist()
    if tuple(classes) == SENTIMENT:
        return {"positive": counts[1]}
    return {"reviews_of_class": dict(zip(classes, counts, strict=True))}


def shared_reviews(
    texts: Mapping[str, Iterable[str]], movies: Mapping[str, AbstractSet[str]]
) -> dict[str, Any]:
    """Reviews that occur more than once, and movies that occur in more than one split.

    Args:
        texts: Of each split by name, in the order in which pairs are named; read once.
        movies: Titles in each split, as far as they are known.

    Returns:
        `duplicates_within`: extra copies in each split; `duplicates_across`: for a pair
        `b in a`, the reviews of `b` whose text occurs in `a`; `movies_shared`: titles in
        both, None where no movie is known.
    """
    copies = {name: Counter(map(_digest, of_split)) for name, of_split in texts.items()}
    known = any(movies.values())
    names = list(texts)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return {
        "duplicates_within": {n: copies[n].total() - len(copies[n]) for n in names},
        "duplicates_across": {
            f"{b} in {a}": sum(copies[b][text] for text in copies[b].keys() & copies[a].keys())
            for a, b in pairs
        },
        "movies_shared": {
            f"{a} and {b}": len(movies[a] & movies[b]) if known else None for a, b in pairs
        },
    }


def _digest(text: str) -> bytes:
    """What stands for a normalized text, so that no text has to be kept."""
    return sha256(normalized(text).encode()).digest()
