from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from benchmarks.portability import differences

from imdb_rnn.data.reviews import SCHEMA
from imdb_rnn.evaluation.predictions import write_predictions
from imdb_rnn.io.json_file import read_json

ROOT = Path(__file__).parents[2]
RESULTS: dict[str, Any] = read_json(ROOT / "reports/portability.json")


def write_run(folder: Path, probabilities: list[float], digest: str) -> Path:
    """What is compared of a run of the pipeline."""
    folder.mkdir()
    empty = [None] * len(probabilities)
    names = [str(number) for number in range(len(probabilities))]
    columns = [names, names, [1, 0, 0], empty, empty]
    reviews = SCHEMA.empty_table().from_arrays(columns, schema=SCHEMA)
    columns = {"probability": np.array(probabilities)}
    write_predictions(folder / "reports/predictions.parquet", reviews, columns)
    outs = [{"path": "same", "md5": "0"}, {"path": "moved", "md5": digest}]
    (folder / "dvc.lock").write_text(yaml.safe_dump({"stages": {"train": {"outs": outs}}}))
    return folder


def test_differences_are_the_largest_of_probabilities(tmp_path: Path) -> None:
    first = write_run(tmp_path / "first", [0.9, 0.1, 0.6], "a")
    other = write_run(tmp_path / "other", [0.8, 0.1, 0.4], "b")
    assert differences(first, other) == {
        "outputs": 2,
        "outputs_different": ["moved"],
        "probability_difference": pytest.approx(0.2),
        "accuracy_difference": pytest.approx(1 / 3),
    }
    assert differences(first, first)["outputs_different"] == []


def test_the_same_again_gave_the_same_bytes() -> None:
    same = RESULTS["runs"][0]
    assert same["changed"] == "nothing"
    assert same["outputs_different"] == []
    assert same["probability_difference"] == 0


@pytest.mark.parametrize("run", RESULTS["runs"], ids=lambda run: run["changed"])
def test_accuracy_stayed_within_its_interval(run: dict[str, Any]) -> None:
    accuracy = RESULTS["accuracy"]
    half = 1.96 * (accuracy * (1 - accuracy) / RESULTS["reviews"]) ** 0.5
    assert abs(run["accuracy_difference"]) < half
