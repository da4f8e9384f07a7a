"""The notebook runs from its first cell to its last, and is stored with what it shows.

`python tests/test_notebook.py` runs it with the trained model of `make run`, and stores it.
"""

from pathlib import Path
from typing import Any

import nbformat
import pyarrow as pa
import pytest
from nbclient import NotebookClient

from imdb_rnn.data.reviews import SCHEMA, write_reviews
from results import TEXTS, small_params, write_model

NOTEBOOK = Path(__file__).parents[1] / "notebooks/bptt.ipynb"
SECONDS = 60


def execute(folder: Path) -> Any:
    """The notebook as it comes out in a folder; without times, so that equal runs are equal."""
    notebook = nbformat.read(NOTEBOOK, nbformat.NO_CONVERT)
    place = {"metadata": {"path": folder}}
    return NotebookClient(notebook, timeout=SECONDS, resources=place, record_timing=False).execute()


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Beside a trained model and a review."""
    project = tmp_path_factory.mktemp("project")
    write_model(project / "models/rnn", small_params())
    row = {"id": "test/pos/0_9", "text": TEXTS[0], "label": 1, "rating": 9, "movie": None}
    (project / "data/raw").mkdir(parents=True)
    write_reviews(project / "data/raw/test.parquet", pa.Table.from_pylist([row], SCHEMA), "full")
    (project / "notebooks").mkdir()
    return execute(project / "notebooks")


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: Any) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_the_reference_agrees_with_the_equations_in_the_notebook(executed: Any) -> None:
    text = "".join(shown(cell) for cell in code(executed))
    assert text.count("True") == 4
    assert "False" not in text


def test_a_real_review_is_read_by_the_trained_model(executed: Any) -> None:
    *_, last = code(executed)
    assert "test/pos/0_9" in shown(last)
    assert "great" in str(last.outputs[-1])


def test_it_is_stored_as_it_was_run_from_top_to_bottom() -> None:
    cells = code(nbformat.read(NOTEBOOK, nbformat.NO_CONVERT))
    assert [cell.execution_count for cell in cells] == [*range(1, len(cells) + 1)]
    assert all(cell.outputs for cell in cells[1:])
    assert not any(output.output_type == "error" for cell in cells for output in cell.outputs)


if __name__ == "__main__":
    nbformat.write(execute(NOTEBOOK.parent), NOTEBOOK)
