"""Small archives in the layout of the official one, with text that a model can learn from."""

import gzip
import hashlib
import io
import random
import tarfile
from collections.abc import Mapping
from pathlib import Path

FOLDERS = ("train/neg", "train/pos", "train/unsup", "test/neg", "test/pos")
REVIEWS_PER_MOVIE = 5

_SENTIMENT = {
    "neg": "awful boring dreadful clumsy tedious worst pointless lifeless waste ridiculous",
    "pos": "superb moving delightful charming brilliant best gripping lovely perfect fun",
}
_NEUTRAL = (
    "the a of and this movie film it was is in with actor scene story plot camera music director "
    "cast ending dialogue character minute hour évocation but for on as that"
)
_STARS = {"neg": (1, 2, 3, 4), "pos": (7, 8, 9, 10), "unsup": (0,)}


def write_archive(path: Path, reviews_per_class: int, seed: int = 0) -> dict[str, str]:
    """Write an archive and return what `download.digests` must say about it.

    Each of the four labelled folders gets `reviews_per_class` reviews, the unlabelled one twice as
    many. Neighbouring numbers are reviews of one movie, as in the official archive; positive and
    negative reviews share the movies of their split, and no two splits share a movie.
    """
    files = official_files(reviews_per_class, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack(files))
    return digests(files)


def official_files(reviews_per_class: int, seed: int = 0) -> dict[str, bytes]:
    """Files of a generated archive by their path below `aclImdb/`."""
    rng = random.Random(seed)  # noqa: S311 - test data, not a secret
    files = {"README": b"A generated archive.\n"}
    for folder in FOLDERS:
        split, label = folder.split("/")
        count = reviews_per_class * (2 if label == "unsup" else 1)
        for number in range(count):
            stars = rng.choice(_STARS[label])
            files[f"{folder}/{number}_{stars}.txt"] = _review(rng, label).encode()
        files[f"{split}/urls_{label}.txt"] = _movie_pages(folder, count).encode()
    return files


def pack(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz with these files below `aclImdb/`; equal files make equal bytes."""
    return compress(tar({f"aclImdb/{path}": content for path, content in files.items()}))


def tar(members: Mapping[str, bytes]) -> bytes:
    """A tar archive of regular files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in members.items():
            add_file(archive, name, content)
    return packed.getvalue()


def add_file(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """Append a regular file."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def compress(content: bytes) -> bytes:
    """gzip without a time stamp."""
    return gzip.compress(content, compresslevel=1, mtime=0)


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """The digests of `data/README.md`, computed from the files themselves."""
    return {
        "train": digest(files, "train/neg/", "train/pos/"),
        "test": digest(files, "test/neg/", "test/pos/"),
        "unsup": digest(files, "train/unsup/"),
    }


def digest(files: Mapping[str, bytes], *folders: str) -> str:
    """SHA-256 over path, NUL, content, NUL of the files in some folders, by path."""
    content = hashlib.sha256()
    for path in sorted(files, key=str.encode):
        if path.startswith(folders):
            content.update(path.encode() + b"\0" + files[path] + b"\0")
    return content.hexdigest()


def _review(rng: random.Random, label: str) -> str:
    """Neutral words with some that give the label away, a few of them misleading."""
    own = _SENTIMENT[label if label in _SENTIMENT else rng.choice(sorted(_SENTIMENT))]
    kinds = (_NEUTRAL.split(), own.split(), " ".join(_SENTIMENT.values()).split())
    length = rng.randint(15, 120)
    words = [rng.choice(kind) for kind in rng.choices(kinds, weights=(80, 16, 4), k=length)]
    if rng.random() < 0.2:
        words.insert(rng.randrange(len(words)), "not")
    middle = len(words) // 2
    return f"{' '.join(words[:middle]).capitalize()}.<br /><br />{' '.join(words[middle:])}!"


def _movie_pages(folder: str, count: int) -> str:
    """One line a review: the page of its movie."""
    first = {"train/neg": 1_000, "train/pos": 1_000, "train/unsup": 3_000}.get(folder, 2_000)
    titles = (f"tt{first + number // REVIEWS_PER_MOVIE:07d}" for number in range(count))
    return "".join(f"http://www.imdb.com/title/{title}/usercomments\n" for title in titles)
