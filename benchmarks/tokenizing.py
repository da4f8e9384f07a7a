"""How fast words become ids, vocabulary included: megabytes of text a second."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks.contestant import MEGABYTE, timed

VOCABULARY_SIZE: Final = 30_000
REFERENCE: Final = "count-vectorizer"
"""Speeds are also given as multiples of this one's."""

Tokenize = Callable[[Sequence[str]], object]

# Each imports what it needs before it returns what is timed.


def _project() -> Tokenize:
    from imdb_rnn.config import load_params
    from imdb_rnn.data.tokenizer import Tokenizer

    params = load_params().prepare

    def tokenize(texts: Sequence[str]) -> None:
        for _ in Tokenizer.train(texts, params).encode(texts):
            pass

    return tokenize


def _count_vectorizer() -> Tokenize:
    from sklearn.feature_extraction.text import CountVectorizer

    tokenize: Tokenize = CountVectorizer(max_features=VOCABULARY_SIZE).fit_transform
    return tokenize


def _text_vectorization() -> Tokenize:
    import tensorflow as tf
    from keras.layers import TextVectorization

    def tokenize(texts: Sequence[str]) -> None:
        layer = TextVectorization(max_tokens=VOCABULARY_SIZE)
        reviews = tf.data.Dataset.from_tensor_slices(list(texts)).batch(256)
        layer.adapt(reviews)
        for _ in reviews.map(layer, num_parallel_calls=tf.data.AUTOTUNE):
            pass

    return tokenize


TOKENIZERS: Final[dict[str, tuple[str, Callable[[], Tokenize]]]] = {
    "project": ("this project (`tokenizers`)", _project),
    REFERENCE: ("scikit-learn's CountVectorizer", _count_vectorizer),
    "text-vectorization": ("Keras' TextVectorization", _text_vectorization),
}


def measure_tokenizing(name: str, texts: Sequence[str]) -> dict[str, Any]:
    """Count the vocabulary of the texts, then split them all into word ids.

    Returns:
        Speed in megabytes of UTF-8 a second.
    """
    size = sum(len(text.encode()) for text in texts) / MEGABYTE
    _, make = TOKENIZERS[name]
    tokenize = make()
    _, seconds = timed(lambda: tokenize(texts))
    return {"mb_per_second": size / seconds, "mb": size, "seconds": seconds}
