"""How text becomes token ids: splitting, vocabulary, longest length, and the end that is kept.

A token is a word or a run of punctuation. Ids are given by falling frequency, ties alphabetically,
after the two special tokens.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal, NamedTuple, Self

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import normalizers, pre_tokenizers
from tokenizers.models import WordLevel
from tokenizers.trainers import WordLevelTrainer

from imdb_rnn.config import Prepare
from imdb_rnn.data.typography import plain_normalizer
from imdb_rnn.io.atomic import replacing

PADDING: Final = "[pad]"
UNKNOWN: Final = "[unk]"
PADDING_ID: Final = 0
UNKNOWN_ID: Final = 1

End = Literal["head", "tail", "head+tail"]

# Large enough to keep all cores busy, small enough that the encodings of one batch stay under
# a few hundred megabytes.
TEXTS_AT_ONCE = 1000


class Reading(NamedTuple):
    """The tokens of a text that are read, in order."""

    tokens: list[str]
    """In the text's own spelling."""
    ids: NDArray[np.int32]
    """What the classifier gets [tokens]."""
    skipped: int
    """Tokens of the text that are not read because it is too long."""
    gap: int
    """Before which of the tokens the skipped ones stood; their number for "at the end"."""

    @property
    def known(self) -> list[bool]:
        """Whether each token is in the vocabulary."""
        return [i != UNKNOWN_ID for i in self.ids]


@dataclass(frozen=True)
class Tokenizer:
    """From texts to token ids. Its file holds splitting and vocabulary, but not the length."""

    backend: tokenizers.Tokenizer
    """Splitting and vocabulary."""
    max_length: int
    """Longest review in tokens."""
    truncation: End
    """Which end of a longer one is kept."""

    @classmethod
    def train(cls, texts: Iterable[str], params: Prepare) -> Self:
        """Count the tokens of `texts` and keep the most frequent ones.

        Args:
            texts: Training text.
            params: Normalisation, vocabulary size, minimum count and length.
        """
        backend = tokenizers.Tokenizer(WordLevel(unk_token=UNKNOWN))
        backend.normalizer = _normalizer(lowercase=params.lowercase)
        backend.pre_tokenizer = _pre_tokenizer(params.punctuation)
        specials = {PADDING: PADDING_ID, UNKNOWN: UNKNOWN_ID}
        trainer = WordLevelTrainer(
            vocab_size=params.vocabulary_size - len(specials),
            min_frequency=params.minimum_count,
            show_progress=False,
        )
        backend.train_from_iterator(texts, trainer)
        # Not as the trainer's special tokens: those are also found in text that happens to say
        # [pad].
        tokens = {token: i + len(specials) for token, i in backend.get_vocab().items()}
        backend.model = WordLevel(specials | tokens, unk_token=UNKNOWN)
        return cls(backend, params.max_length, params.truncation)

    @classmethod
    def load(cls, path: Path, max_length: int, truncation: End) -> Self:
        """Read what `save` wrote; the length is kept with the data or the model.

        Raises:
            ValueError: The file is missing or damaged, or its tokenizer cuts or fills texts.
        """
        try:
            backend = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # noqa: BLE001 - tokenizers raises bare Exceptions
            raise ValueError(str(error)) from None
        if backend.truncation or backend.padding:
            raise ValueError("it cuts or fills texts, which is the classifier's business")
        return cls(backend, max_length, truncation)

    def save(self, path: Path) -> None:
        """Write splitting and vocabulary; equal ones make equal bytes."""
        with replacing(path) as unfinished:
            unfinished.write_text(self.backend.to_str(pretty=True), encoding="utf-8")

    @property
    def vocabulary_size(self) -> int:
        """One more than the largest id."""
        return 1 + max(self.backend.get_vocab().values(), default=-1)

    def token(self, token_id: int) -> str:
        """The token of an id below `vocabulary_size`."""
        return str(self.backend.id_to_token(token_id))

    def token_id(self, token: str) -> int | None:
        """The id of a token; None if it is not in the vocabulary."""
        token_id: int | None = self.backend.token_to_id(token)
        return token_id

    def encode(self, texts: Iterable[str]) -> Iterator[NDArray[np.int32]]:
        """Token ids of each text, cut to `max_length`, never empty.

        A text without a single token becomes one unknown token, so that it has a state to classify.

        Args:
            texts: Any number of texts; some are held in memory, never all.

        Yields:
            int32 [tokens] for each text, in order.
        """
        unread = iter(texts)
        while some := list(islice(unread, TEXTS_AT_ONCE)):
            for encoding in self.backend.encode_batch_fast(some):
                yield self.cut(np.array(encoding.ids or [UNKNOWN_ID], dtype=np.int32))

    def read(self, text: str) -> Reading:
        """The tokens that `encode` keeps of a text, as they are spelled; none where it has none."""
        encoding = self.backend.encode(text)
        positions = self.cut(np.arange(len(encoding.ids), dtype=np.int32))
        leaps = np.diff(positions, prepend=-1, append=len(encoding.ids)) > 1
        return Reading(
            tokens=[text[slice(*encoding.offsets[i])] for i in positions],
            ids=np.array(encoding.ids, dtype=np.int32)[positions],
            skipped=len(encoding.ids) - len(positions),
            gap=int(leaps.argmax()),
        )

    def cut(self, tokens: NDArray[np.int32]) -> NDArray[np.int32]:
        """At most `max_length` of the tokens, int32 [tokens], from the end that is kept.

        Of both ends half each, the odd one in front.
        """
        if len(tokens) <= self.max_length:
            return tokens
        if self.truncation == "head":
            return tokens[: self.max_length]
        if self.truncation == "tail":
            return tokens[-self.max_length :]
        tail = self.max_length // 2
        return np.concatenate([tokens[: self.max_length - tail], tokens[len(tokens) - tail :]])


def _normalizer(*, lowercase: bool) -> normalizers.Normalizer:
    steps = [plain_normalizer(), normalizers.Replace("<br />", " ")]
    return normalizers.Sequence([*steps, normalizers.Lowercase()] if lowercase else steps)


def _pre_tokenizer(punctuation: Literal["keep", "drop"]) -> pre_tokenizers.PreTokenizer:
    words_and_punctuation = pre_tokenizers.Whitespace()  # \w+|[^\w\s]+
    if punctuation == "keep":
        return words_and_punctuation
    return pre_tokenizers.Sequence([words_and_punctuation, pre_tokenizers.Punctuation("removed")])
