"""The pipeline's output files that a run is made from."""

from pathlib import Path
from typing import Any, Final

from imdb_rnn.errors import UserError
from imdb_rnn.io.json_file import read_json

DATASET: Final = Path("data/prepared/dataset.json")
REPORTS: Final = Path("reports")
MODEL_FOLDER: Final = Path("models/rnn")


def read_output(path: Path) -> dict[str, Any]:
    """Read a JSON object that a stage has written.

    Raises:
        UserError: The file is missing or damaged.
    """
    try:
        content: dict[str, Any] = read_json(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {error}. `dvc repro` writes it anew.") from None
    return content
