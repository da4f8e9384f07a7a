"""What there is to know about a dataset before training on it."""

import re
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa

from imdb_rnn.corpus.store import TokenStore
from imdb_rnn.corpus.vocabulary import UNKNOWN_ID

_NOT_A_WORD = re.compile(r"(?:<br />|[\W_])+")


def normalized(text: str) -> str:
    """Text as duplicates are compared: words in lower case, single spaces, no punctuation."""
    return _NOT_A_WORD.sub(" ", text.lower()).strip()


def split_statistics(store: TokenStore) -> dict[str, Any]:
    """Counts, lengths in words and share of unknown words of one split."""
    lengths = store.lengths
    if len(store) == 0:
        return {"reviews": 0, "words": 0}
    return {
        "reviews": len(store),
        "positive": int((store.labels == 1).sum()),
        "words": len(store.tokens),
        "median_length": float(np.median(lengths)),
        "longest": int(lengths.max()),
        "unknown_share": round(float(np.mean(store.tokens == UNKNOWN_ID)), 6),
    }


def shared_reviews(splits: dict[str, pa.Table]) -> dict[str, Any]:
    """Reviews that stand more than once, and movies that stand in more than one split.

    Args:
        splits: Review tables by name, in the order in which pairs are named.

    Returns:
        `duplicates_within`: extra copies in each split; `duplicates_across`: for a pair
        `b in a`, the reviews of `b` whose text stands in `a`; `movies_shared`: titles in
        both, None where no movie is known.
    """
    texts = {
        name: [normalized(t) for t in table["text"].to_pylist()] for name, table in splits.items()
    }
    movies = {name: set(reviews["movie"].to_pylist()) - {None} for name, reviews in splits.items()}
    known = any(movies.values())
    names = list(splits)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    return {
        "duplicates_within": {name: len(texts[name]) - len(set(texts[name])) for name in names},
        "duplicates_across": {f"{b} in {a}": _copies(texts[a], texts[b]) for a, b in pairs},
        "movies_shared": {
            f"{a} and {b}": len(movies[a] & movies[b]) if known else None for a, b in pairs
        },
    }


def _copies(there: list[str], here: list[str]) -> int:
    known = set(there)
    return sum(count for text, count in Counter(here).items() if text in known)
