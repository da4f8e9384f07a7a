"""Points of a training's curves on their way to MLflow."""

import json
from collections.abc import Iterable

from mlflow.entities import Metric

from imdb_rnn.errors import naming
from imdb_rnn.repository.dvc import main_checkout


class Journal:
    """Points of one state's curves that MLflow may not have yet, in a file, a JSON list a line.

    A process that is killed loses none of them.

    Args:
        state: The fingerprint.
    """

    def __init__(self, state: str) -> None:
        self._path = main_checkout() / ".cache" / "curves" / f"{state}.jsonl"

    def points(self) -> list[Metric]:
        """What is in the file; a line that a killed process left unfinished is passed over."""
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        return [point for line in lines if (point := _parse_point(line))]

    def open(self) -> None:
        """Prepare for adding points behind those that are there."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a", encoding="utf-8")
        self._file.write("\n")  # an unfinished line ends here

    def append(self, points: Iterable[Metric]) -> None:
        """Add points; they are out of this process's hands on return.

        Raises:
            OSError: They cannot be written; the error names the file.
        """
        with naming(self._path):
            for point in points:
                entry = [point.key, point.value, point.timestamp, point.step]
                self._file.write(json.dumps(entry) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Add no more."""
        self._file.close()

    def remove(self) -> None:
        """Forget the points, which MLflow has."""
        self._path.unlink(missing_ok=True)


def _parse_point(line: str) -> Metric | None:
    try:
        key, value, timestamp, step = json.loads(line)
        return Metric(str(key), float(value), int(timestamp), int(step))
    except (ValueError, TypeError):
        return None
