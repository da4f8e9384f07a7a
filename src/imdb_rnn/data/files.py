"""A dataset out of a user's own labelled files.

They are read once, row by row, into one file beside the downloads. Once all labels are known, the
splits are read out of that, so that texts are never all in memory and files from the web are
fetched once.
"""

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from rich.console import Console

from imdb_rnn.config import Download, FilesSource
from imdb_rnn.console import console
from imdb_rnn.data.own_texts import Labels, OwnText, Reading, shown
from imdb_rnn.data.places import Found, find_files, local_path
from imdb_rnn.data.reviews import SCHEMA, StoredReviews, rows_digest
from imdb_rnn.data.rows import Column
from imdb_rnn.data.split import split_off
from imdb_rnn.data.statistics import (
    dataset_warnings,
    few_of_class,
    none_of_class,
    shared_groups,
    texts_of_class,
)
from imdb_rnn.errors import UserError
from imdb_rnn.messages import printable, without_secrets

OWN_TEXTS: Final = "own texts"
"""How the variant of such a dataset begins."""

_ROWS_AT_ONCE: Final = 10_000
_CHARACTERS_AT_ONCE: Final = 2**23
_SPLITS: Final = {"train": "train", "test": "test", "unlabelled": "unsup"}
"""Of the source's files -> as the splits are called from there on."""


@dataclass(frozen=True)
class OwnDataset:
    """A user's own texts."""

    source: str
    variant: str
    splits: dict[str, StoredReviews]
    classes: tuple[str, ...]
    record: dict[str, Any]
    """What else `provenance.json` says."""
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Spooled:
    """The texts of one of the source's files, on disk, with what the split needs in memory."""

    path: Path
    labels: NDArray[np.int8]
    """Place of each text's class, int8 [texts]; -1 for unlabelled texts."""
    groups: NDArray[np.int32] | None
    """Number of each text's group, int32 [texts]."""
    group_sizes: dict[str, int]
    """Texts of each group."""
    reading: Reading


def read_files(source: FilesSource, settings: Download, downloads: Path, base: Path) -> OwnDataset:
    """Read a user's own files.

    Args:
        source: Where they are, and their columns.
        settings: How they are split, and what to do about empty texts.
        downloads: Where they are kept while the dataset is in use; the caller removes it.
        base: Where relative paths start.

    Raises:
        UserError: A file, a row, or all of them together cannot be used.
    """
    with _removing_after_a_fault(downloads / "rows") as rows:
        spooled = {
            role: _spool(reading, rows / f"{role}.arrow")
            for role, reading in readings(source, settings, downloads, base)
        }
        return _dataset(source, settings, spooled)


@contextmanager
def _removing_after_a_fault(folder: Path) -> Iterator[Path]:
    try:
        yield folder
    except BaseException:
        rmtree(folder, ignore_errors=True)
        raise


def readings(  # noqa: PLR0913 - the last two are for another command
    source: FilesSource,
    settings: Download,
    downloads: Path,
    base: Path,
    *,
    options: Sequence[str] = ("text:", "label:", "group:"),
    on: Console = console,
) -> Iterator[tuple[str, Reading]]:
    """The role of each of a source's files and what reads it, training texts first.

    Each is to be read whole before the next is asked for: it is checked then, and its classes are
    the only ones that the next may have.

    Args:
        source: Where the files are, and their columns.
        settings: What to do about empty texts, and how long and how often to ask the web.
        downloads: Keeps files from elsewhere meanwhile.
        base: Where relative paths start.
        options: How users name other columns, for messages.
        on: Where progress is shown.

    Raises:
        UserError: A file or a column is not there, or what was read cannot be used.
    """
    _require_columns(source)
    columns, labels = _columns_of(source, options), _labels_of(source)
    for role, found in _found_files(source, base).items():
        labelled = role != "unlabelled"
        reading = Reading(
            found,
            columns if labelled else columns[:1],
            labels if labelled else None,
            settings,
            downloads,
            on,
        )
        yield role, reading
        _require_texts(reading)
        labels = labels.closed(found.name)


def _require_columns(source: FilesSource) -> None:
    """Refuse a column in two roles."""
    names = [name for name in (source.text, source.label, source.group) if name]
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                f"download.sources: the column {name} is named twice among text, label and group. "
                "Each is a column of its own."
            )


def _found_files(source: FilesSource, base: Path) -> dict[str, Found]:
    """The files that a source names, by their role; training files first."""
    places = source.files.model_dump(exclude_none=True)
    return {
        name: find_files(places[name], base, labelled=name != "unlabelled")
        for name in _SPLITS
        if name in places
    }


def _columns_of(source: FilesSource, options: Sequence[str]) -> list[Column]:
    """What is read of labelled texts."""
    text, label, group = options
    columns = [Column(source.text, "the texts", text), Column(source.label, "the labels", label)]
    return columns + ([Column(source.group, "the groups", group)] if source.group else [])


def _labels_of(source: FilesSource) -> Labels:
    """The classes that a source allows, or all."""
    if source.classes is None:
        return Labels()
    names = tuple(map(str, source.classes))
    if len(set(names)) < len(names):
        raise UserError("download.sources: a class is named twice in `classes`. Name each once.")
    return Labels(names, "`classes` are")


def _require_texts(reading: Reading) -> None:
    """Refuse texts that are empty, or none at all."""
    if reading.empty and reading.settings.empty_texts == "refuse":
        more = f" ({reading.empty:,} such rows in all)" if reading.empty > 1 else ""
        raise UserError(
            f"{reading.first_empty}: the text is empty{more}. Fill it in, or leave such rows out "
            "with download.empty_texts: drop."
        )
    if sum(file["rows"] for file in reading.files) == reading.empty:
        raise UserError(f"{reading.found.name}: there are no texts in it. At least one is needed.")


def _spool(reading: Reading, path: Path) -> _Spooled:
    codes, groups, numbers = array("b"), array("i"), dict[str, int]()
    path.parent.mkdir(parents=True, exist_ok=True)
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_file(str(path), SCHEMA, options=options) as file:
        for some in _bundles(reading.rows()):
            codes.extend(text.label for text in some)
            groups.extend(
                numbers.setdefault(text.group, len(numbers)) for text in some if text.group
            )
            columns = {
                "id": [text.id for text in some],
                "text": [text.text for text in some],
                "label": [text.label for text in some],
                "rating": [None] * len(some),
                "movie": [text.group for text in some],
            }
            file.write_batch(pa.record_batch(columns, schema=SCHEMA))
    return _Spooled(
        path,
        reading.places(codes),
        np.array(groups, dtype=np.int32) if groups else None,
        dict(zip(numbers, np.bincount(groups).tolist(), strict=True)),
        reading,
    )


def _bundles(texts: Iterator[OwnText]) -> Iterator[list[OwnText]]:
    """So many at once that neither their number nor their length takes much memory."""
    some, characters = list[OwnText](), 0
    for text in texts:
        some.append(text)
        characters += len(text.text)
        if len(some) == _ROWS_AT_ONCE or characters >= _CHARACTERS_AT_ONCE:
            yield some
            some, characters = [], 0
    if some:
        yield some


def _dataset(
    source: FilesSource,
    settings: Download,
    spooled: dict[str, _Spooled],
) -> OwnDataset:
    classes = spooled["train"].reading.classes
    parts = _parts(spooled, settings, classes)
    _refuse_missing_classes(parts["train"], classes)
    chosen = parts["test"].chosen
    splits = {split: part.stored(classes) for split, part in parts.items()}
    _refuse_other_texts(source, splits)
    variant = f"{OWN_TEXTS}: {short_name(source.files.train)}"
    if limit := settings.reviews_per_class:
        parts = {split: part.limited(limit) for split, part in parts.items()}
        splits = {split: part.stored(classes) for split, part in parts.items()}
        variant = f"{variant}, {limit} per class"
    test_groups = spooled["test"].group_sizes if "test" in spooled else {}
    shared = shared_groups(spooled["train"].group_sizes, test_groups)
    record = {
        "classes": list(classes),
        "files": [
            {"split": _SPLITS[name], **file}
            for name, given in spooled.items()
            for file in given.reading.files
        ],
        "dropped": {_SPLITS[name]: given.reading.empty for name, given in spooled.items()},
        "split_off": None if "test" in spooled else split_off_record(source, settings, chosen),
        "shared_groups": shared,
        "classes_without_test_texts": none_of_class(texts_of_class(parts["test"].labels, classes)),
    }
    names = ", ".join(given.reading.found.name for given in spooled.values())
    warnings = tuple(_warnings(spooled, parts["train"], classes, record))
    return OwnDataset(names, variant, splits, classes, record, warnings)


@dataclass(frozen=True)
class _Part:
    """One split: some of the texts of a file."""

    of: _Spooled
    chosen: NDArray[np.bool_]
    """Which are of this split, bool [texts]."""

    @property
    def labels(self) -> NDArray[np.int8]:
        """Of its texts, int8."""
        labels: NDArray[np.int8] = self.of.labels[self.chosen]
        return labels

    def stored(self, classes: Sequence[str]) -> StoredReviews:
        """The split as it is read from disk."""
        return StoredReviews(
            int(self.chosen.sum()), rows_digest(self._batches(), classes), self._batches
        )

    def limited(self, per_class: int) -> "_Part":
        """The first texts of each class alone."""
        chosen = np.zeros_like(self.chosen)
        for label in np.unique(self.labels):
            of_class = self.chosen & (self.of.labels == label)
            chosen[np.flatnonzero(of_class)[:per_class]] = True
        return replace(self, chosen=chosen)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """Those texts of the file, in its order."""
        begin = 0
        with pa.OSFile(str(self.of.path)) as file, pa.ipc.open_file(file) as reader:
            for number in range(reader.num_record_batches):
                batch = reader.get_batch(number)
                here = slice(begin, begin + len(batch))
                begin += len(batch)
                if self.chosen[here].any():
                    labels = pa.array(self.of.labels[here], pa.int8())
                    place = SCHEMA.get_field_index("label")
                    labelled = batch.set_column(place, SCHEMA.field("label"), labels)
                    yield labelled.filter(pa.array(self.chosen[here]))


def _parts(
    spooled: dict[str, _Spooled], settings: Download, classes: Sequence[str]
) -> dict[str, _Part]:
    parts = {
        _SPLITS[name]: _Part(given, np.ones(len(given.labels), dtype=np.bool_))
        for name, given in spooled.items()
    }
    train = parts["train"]
    if "test" not in parts:
        mask = split_off(
            train.labels, train.of.groups, classes, settings.test_share, settings.test_seed
        )
        parts |= {"train": replace(train, chosen=~mask), "test": replace(train, chosen=mask)}
    none = replace(train, chosen=np.zeros_like(train.chosen))
    return {split: parts.get(split, none) for split in _SPLITS.values()}


def _refuse_missing_classes(train: _Part, classes: tuple[str, ...]) -> None:
    if missing := none_of_class(texts_of_class(train.labels, classes)):
        names = " or ".join(map(shown, missing))
        raise UserError(
            f"{train.of.reading.found.name}: no text is {names}, which `classes` names. Take "
            "it out there, or add texts."
        )


def _refuse_other_texts(source: FilesSource, splits: dict[str, StoredReviews]) -> None:
    expected = source.digests.model_dump(exclude_none=True) if source.digests else {}
    for name, digest in expected.items():
        got = splits[_SPLITS[name]].sha256
        if got != digest:
            raise UserError(
                f"{without_secrets(getattr(source.files, name) or source.files.train)}: these are "
                f"not the expected {name} texts: SHA-256 over them is {got}, `digests` of the "
                f"source says {digest}. Bring back the files, or change the digest."
            )


def split_off_record(
    source: FilesSource, settings: Download, chosen: NDArray[np.bool_]
) -> dict[str, Any]:
    """How texts to evaluate on were split off, and what share of the labelled ones that made.

    Args:
        source: Names the groups.
        settings: What was asked for.
        chosen: Which texts those are, as by `split_off`.
    """
    return {
        "share": settings.test_share,
        "achieved_share": round(float(chosen.mean()), 6),
        "seed": settings.test_seed,
        "by": "group" if source.group else "text",
    }


def _warnings(
    spooled: dict[str, _Spooled],
    train: _Part,
    classes: tuple[str, ...],
    record: dict[str, Any],
) -> Iterator[str]:
    for given in spooled.values():
        if empty := given.reading.empty:
            yield (
                f"Left out for want of a text: {empty:,} of the rows of "
                f"{given.reading.found.name}, the first being {given.reading.first_empty}."
            )
    few = few_of_class(texts_of_class(train.labels, classes))
    yield from dataset_warnings({**record, "classes_of_few_texts": few})


def short_name(place: str) -> str:
    """What identifies a place among others in a few words: a relative path, else the last name."""
    told = printable(without_secrets(place))
    absolute = "://" in told or told.startswith(("/", "~"))
    return told.rstrip("/").rpartition("/")[2] if absolute else told


def unwatched(source: FilesSource, base: Path, watch: str) -> list[str]:
    """The local files and folders in which DVC would not notice a change.

    Args:
        source: Names the files.
        base: Where relative paths start.
        watch: What DVC looks at, `download.watch`.
    """
    watched = local_path(watch, base).resolve()
    return [
        place
        for place in source.files.model_dump(exclude_none=True).values()
        if "://" not in place and not local_path(place, base).resolve().is_relative_to(watched)
    ]
