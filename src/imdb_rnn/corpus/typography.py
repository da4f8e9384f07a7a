"""One form for characters that print differently and mean the same.

A phone writes "isn't" with a curly apostrophe, most reviews have a straight one. Read as they are,
these would be two words, and the one that is rare in the training reviews would be unknown.
"""

import unicodedata
from collections.abc import Mapping
from typing import Final

from tokenizers import normalizers

ALIKE: Final[Mapping[str, str]] = {
    # U+0080 to U+009F are what is left of Windows-1252 that was read as Latin-1: the reviews have
    # some thousand of them.
    "'": "\u2018\u2019\u201a\u201b\u02bc\u2032\u00b4\u0060\u0091\u0092",
    '"': "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\u00a8\u0084\u0093\u0094",
    "-": "\u2010\u2011\u2012\u2013\u2212\u0096",
    "--": "\u2014\u2015\u0097",
    "...": "\u2026\u0085",
    "ff": "\ufb00",
    "fi": "\ufb01",
    "fl": "\ufb02",
    "ffi": "\ufb03",
    "ffl": "\ufb04",
    # Nothing is seen of these: soft hyphen, zero-width space, word joiner, byte order mark.
    "": "\u00ad\u200b\u2060\ufeff",
}
"""Plain form -> the characters that it stands for."""

_PLAIN: Final = {character: plain for plain, alike in ALIKE.items() for character in alike}
_TABLE: Final = str.maketrans(_PLAIN)
_ASCII: Final = {character: plain for character, plain in _PLAIN.items() if character.isascii()}


def plain(text: str) -> str:
    r"""The text in its one form.

    Letters and accents that come apart are put together (Unicode's NFC), and the characters of
    `ALIKE` replaced: `plain("It isn\u2019t\u2026")` is `"It isn't..."`.
    """
    if not text.isascii():
        return unicodedata.normalize("NFC", text).translate(_TABLE)
    for character, replacement in _ASCII.items():  # nearly all reviews: ten times as fast
        text = text.replace(character, replacement)
    return text


def plain_normalizer() -> normalizers.Normalizer:
    """`plain` as a part of a tokenizer, which then takes it along wherever it goes."""
    replacements = (normalizers.Replace(alike, plain) for alike, plain in _PLAIN.items())
    return normalizers.Sequence([normalizers.NFC(), *replacements])
