"""A checkout that was copied or moved goes on with its own artifacts.

MLflow resolves every address of an artifact when it records it, and keeps it absolute.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from imdb_rnn.console import error_console
from imdb_rnn.errors import UserError

ADDRESSES: Final = [
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("trace_tags", "value"),
]
"""Table and column of what MLflow keeps addresses of artifacts in."""


def update_artifact_paths(database: Path, artifacts: Path, recorded: str) -> None:
    """Have all addresses in a database lead into the checkout that it lies in, or none; say so.

    Args:
        database: Of MLflow, in SQLite.
        artifacts: The checkout's folder of artifacts.
        recorded: Where the project's experiment has its artifacts, as MLflow tells.

    Raises:
        UserError: They lead elsewhere, and the database cannot be changed.
    """
    before = Path(url2pathname(urlsplit(recorded).path) if "://" in recorded else recorded)
    if before.name != artifacts.name or before.resolve() == artifacts:
        return  # somebody chose another place, or this is the place
    old, new = before.parent, artifacts.parent
    try:
        with closing(sqlite3.connect(database)) as connection, connection:
            for table, column in ADDRESSES:
                for was, is_now in ((old.as_uri(), new.as_uri()), (str(old), str(new))):
                    connection.execute(
                        f"UPDATE {table} SET {column} = ?2 || substr({column}, length(?1) + 1) "  # noqa: S608 - names from the list above
                        f"WHERE substr({column}, 1, length(?1) + 1) = ?1 || '/'",
                        (was, is_now),
                    )
    except sqlite3.Error as fault:
        raise UserError(
            f"{database}: the files of its runs are looked for in {old}, where this checkout was "
            f"before it was copied or moved, and that cannot be changed: {fault}. Make it writable "
            f"and run this again."
        ) from None
    error_console.print(
        f"{database}: this checkout was copied or moved from {old}; the files of its runs are now "
        f"looked for in {artifacts}.",
        style="yellow",
    )
