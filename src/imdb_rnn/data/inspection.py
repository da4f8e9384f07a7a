"""What is in a user's own files, before anything is learned from them."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray
from rich.markup import escape
from rich.table import Table

from imdb_rnn.config import Download, FilesSource
from imdb_rnn.console import error_console
from imdb_rnn.data.files import readings, split_off_record, unwatched
from imdb_rnn.data.own_texts import Reading, shown
from imdb_rnn.data.places import local_path
from imdb_rnn.data.split import split_off
from imdb_rnn.data.statistics import (
    TextDigests,
    conflicting_texts,
    dataset_warnings,
    few_of_class,
    none_of_class,
    repeated_texts,
    shared_groups,
    shared_texts,
    text_digests,
    texts_of_class,
)
from imdb_rnn.messages import without_secrets

_OUTPUTS: Final = Path("data/raw")
"""What the pipeline writes; a watched folder must not hold it."""


@dataclass
class _Inspected:
    """The texts of one file, of which little stays in memory."""

    labels: NDArray[np.int8]
    """Place of each text's class, int8 [texts]; -1 for unlabelled texts."""
    words: NDArray[np.int32]
    """Length of each text, int32 [texts]."""
    digests: TextDigests
    groups: NDArray[np.int32] | None
    """Number of each text's group, int32 [texts]."""
    group_sizes: dict[str, int]
    """Texts of each group."""
    reading: Reading


def inspect_files(
    source: FilesSource, settings: Download, downloads: Path, base: Path
) -> dict[str, Any]:
    """Read a user's own files and say what is in them.

    Args:
        source: Where they are, and their columns.
        settings: How long and how often to ask the web.
        downloads: Keeps files from elsewhere meanwhile; removed at the end.
        base: Where relative paths start.

    Returns:
        For JSON: `files`, by their role, with `rows`, `texts`, `empty_texts`, `repeated_texts`,
        `median_words`, `longest_words`, and where there are labels `texts_of_class` and
        `texts_with_several_labels`; `classes` in order; `classes_of_few_texts`;
        `classes_without_test_texts`; `split_off`, as in `data/raw/provenance.json`;
        `shared_texts`, for a pair `b in a` the texts of `b` that are in `a` too;
        `shared_groups`.

    Raises:
        UserError: The pipeline could not read them, or split off texts to evaluate on.
    """
    counting = settings.model_copy(update={"empty_texts": "drop"})  # `findings` tells of them
    options = ("--text", "--label", "--group")
    try:
        inspected = {
            role: _read(reading)
            for role, reading in readings(
                source, counting, downloads, base, options=options, on=error_console
            )
        }
    finally:
        rmtree(downloads, ignore_errors=True)
    return _facts(inspected, source, settings)


def _read(reading: Reading) -> _Inspected:
    codes, words, groups, numbers = array("b"), array("i"), array("i"), dict[str, int]()

    def texts() -> Iterator[str]:
        for row in reading.rows():
            codes.append(row.label)
            words.append(len(row.text.split()))
            if row.group:
                groups.append(numbers.setdefault(row.group, len(numbers)))
            yield row.text

    digests = text_digests(texts())
    return _Inspected(
        reading.places(codes),
        np.array(words, dtype=np.int32),
        digests,
        np.array(groups, dtype=np.int32) if groups else None,
        dict(zip(numbers, np.bincount(groups).tolist(), strict=True)),
        reading,
    )


def _facts(
    inspected: Mapping[str, _Inspected], source: FilesSource, settings: Download
) -> dict[str, Any]:
    train, given = inspected["train"], inspected.get("test")
    classes = train.reading.classes
    test_labels, split = (given.labels, None) if given else _split_off(train, source, settings)
    files = {role: _facts_of_file(of, classes) for role, of in inspected.items()}
    roles = list(inspected)
    shared = {
        f"{b} in {a}": shared_texts(inspected[b].digests, inspected[a].digests)
        for i, a in enumerate(roles)
        for b in roles[i + 1 :]
    }
    return {
        "files": files,
        "classes": list(classes),
        "classes_of_few_texts": few_of_class(files["train"]["texts_of_class"]),
        "classes_without_test_texts": none_of_class(texts_of_class(test_labels, classes)),
        "split_off": split,
        "shared_texts": shared,
        "shared_groups": shared_groups(train.group_sizes, given.group_sizes if given else {}),
    }


def _split_off(
    train: _Inspected, source: FilesSource, settings: Download
) -> tuple[NDArray[np.int8], dict[str, Any]]:
    """Labels of the texts that the pipeline would evaluate on, and what it would record."""
    classes, share, seed = train.reading.classes, settings.test_share, settings.test_seed
    chosen = split_off(train.labels, train.groups, classes, share, seed)
    return train.labels[chosen], split_off_record(source, settings, chosen)


def _facts_of_file(of: _Inspected, classes: tuple[str, ...]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "path": of.reading.found.name,
        "rows": sum(file["rows"] for file in of.reading.files),
        "texts": len(of.labels),
        "empty_texts": of.reading.empty,
        "first_empty": of.reading.first_empty or None,
        "repeated_texts": repeated_texts(of.digests),
        "median_words": float(np.median(of.words)),
        "longest_words": int(of.words.max()),
    }
    if of.reading.labels:
        facts |= {
            "texts_of_class": texts_of_class(of.labels, classes),
            "texts_with_several_labels": conflicting_texts(of.digests, of.labels),
        }
    return facts


def facts_table(facts: Mapping[str, Any]) -> Table:
    """The counts of each file, under its role and path."""
    table = Table("")
    for role, file in facts["files"].items():
        table.add_column(f"{role}\n{escape(shown(file['path']))}", justify="right")
    rows = {
        "rows": "rows",
        "without a text": "empty_texts",
        "repeated texts": "repeated_texts",
        "words, median": "median_words",
        "words, longest": "longest_words",
    }
    for said, key in rows.items():
        table.add_row(said, *(f"{file[key]:,.0f}" for file in facts["files"].values()))
    for name in facts["classes"]:
        counts = (file.get("texts_of_class", {}).get(name) for file in facts["files"].values())
        cells = ("" if count is None else f"{count:,}" for count in counts)
        table.add_row(f"class {escape(shown(name))}", *cells)
    return table


def findings(facts: Mapping[str, Any]) -> Iterator[str]:
    """What deserves a look, a sentence each."""
    for file in facts["files"].values():
        if file["empty_texts"]:
            yield (
                f"{file['first_empty']}: the text is empty, as of {file['empty_texts']:,} rows in "
                "all; download.empty_texts: drop leaves them out."
            )
        if several := file.get("texts_with_several_labels"):
            yield f"{file['path']}: {several:,} texts occur under more than one label."
    for pair, count in facts["shared_texts"].items():
        if count:
            b, _, a = pair.partition(" in ")
            yield f"{count:,} of the {b} texts are among the {a} texts too, compared by words."
    yield from dataset_warnings(facts)


def settings_to_paste(source: FilesSource, settings: Download, base: Path) -> str:
    """The lines of `params.yaml` that take the files in place of IMDB, without secrets."""
    pasted, remark = source.model_dump(exclude_none=True), ""
    for role, place in pasted["files"].items():
        if "://" in place and (told := without_secrets(place)) != place:
            pasted["files"][role] = told
            remark = (
                "# Put what belongs in place of *** back; everybody who reads params.yaml sees "
                "it.\n"
            )
    download: dict[str, Any] = {"sources": [pasted]}
    if overlooked := unwatched(source, base, settings.watch):
        if watch := _to_watch(source, base):
            download["watch"] = watch
        else:
            remark += (
                f"# DVC will not notice changes of {' and '.join(overlooked)}: move what belongs "
                f"together into {settings.watch}/.\n"
            )
    block = {"download": download}
    return remark + yaml.safe_dump(
        block, sort_keys=False, allow_unicode=True, default_flow_style=None, width=1000
    )


def _to_watch(source: FilesSource, base: Path) -> str:
    """The file, or the folder of all the files, in which DVC is to notice changes."""
    places = list(source.files.model_dump(exclude_none=True).values())
    local = [_before_magic(local_path(place)) for place in places if "://" not in place]
    if len(set(local)) == 1:
        return local[0].as_posix()
    parents = {(path if (base / path).is_dir() else path.parent) for path in local}
    folder = next(iter(parents))
    holds_outputs = (base / _OUTPUTS).resolve().is_relative_to((base / folder).resolve())
    return folder.as_posix() if len(parents) == 1 and not holds_outputs else ""


def _before_magic(path: Path) -> Path:
    """The folder in which a glob begins; the path itself if it is none."""
    magic = [i for i, part in enumerate(path.parts) if any(sign in part for sign in "*?[")]
    return Path(*path.parts[: magic[0]]) if magic else path
