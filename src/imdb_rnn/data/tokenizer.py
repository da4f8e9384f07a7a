"""Words and their ids: a `tokenizers` word-level tokenizer and the cut to a maximum length.

Ids are given by falling frequency, ties alphabetically, after the two special words.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordLevel
from tokenizers.trainers import WordLevelTrainer

from imdb_rnn.config import Prepare
from imdb_rnn.data.typography import plain_normalizer

PADDING: Final = "[pad]"
UNKNOWN: Final = "[unk]"
PADDING_ID: Final = 0
UNKNOWN_ID: Final = 1

End = Literal["head", "tail", "head+tail"]

# Large enough to keep all cores busy, small enough that the encodings of one batch stay under
# a few hundred megabytes.
TEXTS_AT_ONCE = 1000


def build_tokenizer(texts: Iterable[str], params: Prepare) -> Tokenizer:
    """Count the words of `texts` and keep the most frequent ones.

    Args:
        texts: Training text.
        params: Normalisation, vocabulary size and minimum count.
    """
    tokenizer = Tokenizer(WordLevel(unk_token=UNKNOWN))
    tokenizer.normalizer = _normalizer(lowercase=params.lowercase)
    tokenizer.pre_tokenizer = _pre_tokenizer(params.punctuation)
    specials = {PADDING: PADDING_ID, UNKNOWN: UNKNOWN_ID}
    trainer = WordLevelTrainer(
        vocab_size=params.vocabulary_size - len(specials),
        min_frequency=params.minimum_count,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    # Not as the trainer's special tokens: those are also found in text that happens to say [pad].
    words = {word: i + len(specials) for word, i in tokenizer.get_vocab().items()}
    tokenizer.model = WordLevel(specials | words, unk_token=UNKNOWN)
    return tokenizer


def _normalizer(*, lowercase: bool) -> normalizers.Normalizer:
    steps = [plain_normalizer(), normalizers.Replace("<br />", " ")]
    return normalizers.Sequence([*steps, normalizers.Lowercase()] if lowercase else steps)


def _pre_tokenizer(punctuation: Literal["keep", "drop"]) -> pre_tokenizers.PreTokenizer:
    words_and_punctuation = pre_tokenizers.Whitespace()  # \w+|[^\w\s]+
    if punctuation == "keep":
        return words_and_punctuation
    return pre_tokenizers.Sequence([words_and_punctuation, pre_tokenizers.Punctuation("removed")])


def encode(
    tokenizer: Tokenizer, texts: Iterable[str], max_length: int, truncation: End
) -> Iterator[NDArray[np.int32]]:
    """Word ids of each text, cut to at most `max_length` words, never empty.

    A text without a single word becomes one unknown word, so that it has a state to classify.

    Args:
        tokenizer: From `build_tokenizer`.
        texts: Any number of texts; some are held in memory, never all.
        max_length: Longest result in words.
        truncation: Which end of a long text survives.

    Yields:
        int32 [words] for each text, in order.
    """
    unread = iter(texts)
    while some := list(islice(unread, TEXTS_AT_ONCE)):
        for encoding in tokenizer.encode_batch_fast(some):
            words = np.array(encoding.ids or [UNKNOWN_ID], dtype=np.int32)
            yield cut(words, max_length, truncation)


def cut(words: NDArray[np.int32], max_length: int, truncation: End) -> NDArray[np.int32]:
    """At most `max_length` words from the chosen end, or half from each (the odd one in front)."""
    if len(words) <= max_length:
        return words
    if truncation == "head":
        return words[:max_length]
    if truncation == "tail":
        return words[-max_length:]
    tail = max_length // 2
    return np.concatenate([words[: max_length - tail], words[len(words) - tail :]])


def load_tokenizer(path: Path) -> Tokenizer:
    """Read a tokenizer that `Tokenizer.save` wrote."""
    return Tokenizer.from_file(str(path))
