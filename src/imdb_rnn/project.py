"""Which folder is the project's, seen from any folder inside."""

from pathlib import Path
from typing import Final

MARKS: Final = ("dvc.yaml", "params.yaml")


def project_root(folder: Path) -> Path | None:
    """The nearest folder upwards that holds a project; None where there is none.

    Args:
        folder: Where to begin, an absolute path.
    """
    folders = (folder, *folder.parents)
    return next((f for f in folders if all((f / mark).is_file() for mark in MARKS)), None)
