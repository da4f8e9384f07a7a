"""JSON files whose bytes depend on their content alone."""

import json
from pathlib import Path
from typing import Any

from imdb_rnn.errors import UserError
from imdb_rnn.io.atomic import replacing


def write_json(path: Path, content: object) -> None:
    """Write JSON in the order given, indented, with a final newline; makes the folder."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(path) as unfinished:
        # The name of a file may hold what is not UTF-8; \udce9 is JSON for it.
        unfinished.write_text(text + "\n", encoding="utf-8", errors="backslashreplace")


def read_json(path: Path) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """Read a JSON file.

    Raises:
        UserError: It is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path}: this is not JSON: {error}. Delete the file; `dvc repro` writes it anew."
        ) from None
