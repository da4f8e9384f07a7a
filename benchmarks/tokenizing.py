"""How fast words become ids, vocabulary included: megabytes of text a second."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks.contestant import MEGABYTE, timed
from imdb_rnn.corpus.vocabulary import build_tokenizer, encode
from imdb_rnn.params import load_params

VOCABULARY_SIZE: Final = 30_000


def _project(texts: Sequence[str]) -> None:
    params = load_params().prepare
    tokenizer = build_tokenizer(texts, params)
    for _ in encode(tokenizer, texts, params.max_length, params.keep):
        pass


def _count_vectorizer(texts: Sequence[str]) -> None:
    from sklearn.feature_extraction.text import CountVectorizer

    CountVectorizer(max_features=VOCABULARY_SIZE).fit_transform(texts)


def _text_vectorization(texts: Sequence[str]) -> None:
    import tensorflow as tf
    from keras.layers import TextVectorization

    layer = TextVectorization(max_tokens=VOCABULARY_SIZE)
    reviews = tf.data.Dataset.from_tensor_slices(list(texts)).batch(256)
    layer.adapt(reviews)
    for batch in reviews:
        layer(batch)


TOKENIZERS: Final[dict[str, tuple[str, Callable[[Sequence[str]], None]]]] = {
    "project": ("this project (`tokenizers`)", _project),
    "count-vectorizer": ("scikit-learn's CountVectorizer", _count_vectorizer),
    "text-vectorization": ("Keras' TextVectorization", _text_vectorization),
}


def measure_tokenizing(name: str, texts: Sequence[str]) -> dict[str, Any]:
    """Count the vocabulary of the texts, then split them all into word ids.

    Returns:
        Speed in megabytes of UTF-8 a second.
    """
    size = sum(len(text.encode()) for text in texts) / MEGABYTE
    _, seconds = timed(lambda: TOKENIZERS[name][1](texts))
    return {"mb_per_second": size / seconds, "mb": size, "seconds": seconds}
