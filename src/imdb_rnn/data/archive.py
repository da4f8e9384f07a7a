"""The official archive, read as a stream: nothing is extracted, odd members are passed over.

Only regular files with an official name are looked at, and every size is bounded, so that a
hostile archive can neither write anywhere nor fill the memory.
"""

import gzip
import re
import tarfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

import pyarrow as pa

from imdb_rnn.data.reviews import OfficialReview, WrongReviewsError, review_table

SPLITS: Final = {
    "train": ("train/neg", "train/pos"),
    "test": ("test/neg", "test/pos"),
    "unsup": ("train/unsup",),
}
REVIEW_NAME: Final = re.compile(
    r"""(?:\./)?aclImdb/
    (?P<folder> (?:train|test)/(?:neg|pos) | (?P<unsup>train/unsup) )/
    (?P<number> 0 | [1-9][0-9]{0,5} )_
    (?P<stars> (?(unsup) 0 | (?:10|[1-9]) ) )\.txt""",
    re.VERBOSE,
)
PAGES_NAME: Final = re.compile(
    r"(?:\./)?aclImdb/(?:(?P<split>train|test)/urls_(?P<label>neg|pos)|train/urls_unsup)\.txt"
)
TITLE: Final = re.compile(r"/title/(tt[0-9]+)(?:/|$)")

MAX_REVIEW_BYTES: Final = 2**20
MAX_PAGES_BYTES: Final = 2**24
MAX_UNPACKED_BYTES: Final = 2**30
MAX_HEADER_BYTES: Final = 2**18
MAX_CHARACTERS: Final = 2**28
MAX_MEMBERS: Final = 200_000
_BLOCK_BYTES: Final = 2**14
# tarfile lets the last three through where an extended header makes no sense.
_DAMAGE: Final = (
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    ValueError,
    OverflowError,
    RecursionError,
)


class _Text(NamedTuple):
    """What a review file says in its name and in itself."""

    stars: int
    text: str


class _Contents:
    """What was found so far: texts by folder and number, movie pages by folder."""

    def __init__(self) -> None:
        self.texts: dict[str, dict[int, _Text]] = {}
        self.pages: dict[str, list[str]] = {}
        self._characters = 0

    def add_text(self, member: re.Match[str], text: str) -> None:
        of_folder = self.texts.setdefault(member["folder"], {})
        number = int(member["number"])
        if number in of_folder:
            raise WrongReviewsError(f"review {number} of {member['folder']} is in it twice")
        if not text.strip():
            raise WrongReviewsError(f"{member.string} is empty")
        self._characters += len(text)
        if self._characters > MAX_CHARACTERS:
            raise WrongReviewsError(f"its reviews have more than {MAX_CHARACTERS:,} characters")
        of_folder[number] = _Text(int(member["stars"]), text)

    def add_pages(self, member: re.Match[str], text: str) -> None:
        folder = f"{member['split'] or 'train'}/{member['label'] or 'unsup'}"
        if folder in self.pages:
            raise WrongReviewsError(f"{member.string} is in it twice")
        self.pages[folder] = text.splitlines()

    def reviews(self, folder: str) -> Iterator[OfficialReview]:
        """The reviews of a folder, each with its movie (line number + 1 of the pages)."""
        if folder not in self.texts:
            raise WrongReviewsError(f"it has no reviews in {folder}")
        if folder not in self.pages:
            raise WrongReviewsError(f"it has no list of movie pages for {folder}")
        for number, (stars, text) in self.texts[folder].items():
            name = f"{number}_{stars}"
            movie = self._movie(folder, number)
            yield OfficialReview(folder, number, name, text, rating=stars or None, movie=movie)

    def _movie(self, folder: str, number: int) -> str:
        pages = self.pages[folder]
        title = TITLE.search(pages[number]) if number < len(pages) else None
        if title is None:
            raise WrongReviewsError(f"its list of movie pages names no movie for {folder}/{number}")
        return title[1]


class _Bounded:
    """The unpacked stream, up to more than the official archive can possibly hold."""

    def __init__(self, unpacked: gzip.GzipFile) -> None:
        self._unpacked = unpacked
        self._position = 0
        self._header_end = MAX_HEADER_BYTES

    def read(self, size: int) -> bytes:
        """What tarfile asks for. It asks past the end only where the archive was cut off.

        It would go on asking: a header that claims a size of 2**80 keeps it busy for ever.
        """
        if block := self._next(size):
            return block
        raise EOFError("it ends in the middle")

    def expect_header(self, position: int) -> None:
        """Allow reading up to a member's header and a little more.

        tarfile keeps in memory what a header says of itself, gigabytes of it if need be.
        """
        self._header_end = position + MAX_HEADER_BYTES

    def finish(self) -> None:
        """Go to the end, where gzip keeps its checksum."""
        self._header_end = MAX_UNPACKED_BYTES
        while self._next(_BLOCK_BYTES):
            pass

    def _next(self, size: int) -> bytes:
        block = self._unpacked.read(size)
        self._position += len(block)
        if self._position > MAX_UNPACKED_BYTES:
            raise WrongReviewsError(f"it unpacks to more than {MAX_UNPACKED_BYTES:,} bytes")
        if self._position > self._header_end:
            raise WrongReviewsError(
                f"a member has a header of more than {MAX_HEADER_BYTES:,} bytes"
            )
        return block


def read_archive(stream: BinaryIO) -> dict[str, pa.Table]:
    """Read the review tables of `train`, `test` and `unsup` from a tar.gz stream.

    Raises:
        WrongReviewsError: The stream is not a whole archive in the official layout.
    """
    contents = _Contents()
    try:
        _collect(stream, contents)
    except _DAMAGE as damage:
        raise WrongReviewsError(f"not a whole tar.gz archive ({damage})") from None
    return {
        split: review_table(review for folder in folders for review in contents.reviews(folder))
        for split, folders in SPLITS.items()
    }


def _collect(stream: BinaryIO, contents: _Contents) -> None:
    with gzip.GzipFile(fileobj=stream) as unpacked:
        bounded = _Bounded(unpacked)
        # `r|` over our own decompression instead of `r|gz`: only this way is what tarfile itself
        # reads (long names, extended headers) bounded too, and the checksum at the end verified.
        with tarfile.open(  # type: ignore[call-overload]  # it asks for all of BinaryIO, uses read
            fileobj=bounded, mode="r|", bufsize=_BLOCK_BYTES
        ) as tar:
            for count, member in enumerate(tar, start=1):
                if count > MAX_MEMBERS:
                    raise WrongReviewsError(f"it has more than {MAX_MEMBERS:,} members")
                bounded.expect_header(tar.offset)
                _take(tar, member, contents)
                # tarfile would keep every header, and hand global ones on to every member.
                tar.members.clear()
                tar.pax_headers.clear()
        bounded.finish()


def _take(tar: tarfile.TarFile, member: tarfile.TarInfo, contents: _Contents) -> None:
    if not member.isreg():
        return
    if name := REVIEW_NAME.fullmatch(member.name):
        contents.add_text(name, _read_text(tar, member, MAX_REVIEW_BYTES))
    elif name := PAGES_NAME.fullmatch(member.name):
        contents.add_pages(name, _read_text(tar, member, MAX_PAGES_BYTES))


def _read_text(tar: tarfile.TarFile, member: tarfile.TarInfo, max_bytes: int) -> str:
    if member.size > max_bytes:
        raise WrongReviewsError(f"{member.name} has {member.size:,} bytes, more than {max_bytes:,}")
    file = tar.extractfile(member)
    content = file.read() if file else b""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise WrongReviewsError(f"{member.name} is not UTF-8 (byte {error.start})") from None
