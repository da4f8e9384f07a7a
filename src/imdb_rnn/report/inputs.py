"""What the stages before have written, gathered for the report and the model card."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv

from imdb_rnn.config import Params
from imdb_rnn.data.classes import SENTIMENT, question, titles_of
from imdb_rnn.data.reviews import is_imdb
from imdb_rnn.evaluation.curves import read_points
from imdb_rnn.evaluation.evaluated_model import ACCURACY, seeds_of
from imdb_rnn.io.json_file import read_json
from imdb_rnn.report.mistakes import Mistake

CURVES: Final = ("roc", "precision_recall", "calibration", "confusion")


@dataclass(frozen=True)
class ReportInputs:
    """One state of the pipeline."""

    params: Params
    source: str
    """Where the reviews came from."""
    data: Mapping[str, Any]
    """Contents of `reports/data.json`."""
    train: Mapping[str, Any]
    """Contents of `reports/train.json`."""
    test: Mapping[str, Any]
    """Contents of `reports/evaluate.json`."""
    history: pa.Table
    """Contents of `reports/history.csv`."""
    curves: Mapping[str, pa.Table]
    """Contents of `reports/plots/NAME.csv` by name."""
    experiments: list[dict[str, Any]]
    """The ladder of experiments, the lowest accuracy first."""
    seeds: Mapping[str, Any] | None
    """Contents of `reports/seeds.json`; None where they are of other parameters."""
    mistakes: list[Mistake]

    @property
    def classes(self) -> tuple[str, ...]:
        """What people call them."""
        return titles_of(self.test["classes"])

    @property
    def is_imdb(self) -> bool:
        """Whether the reviews are IMDB's, and not texts of one's own."""
        return is_imdb(self.test["variant"])

    @property
    def is_part(self) -> bool:
        """Whether the variant is a part of a dataset, whose scores do not compare."""
        variant: str = self.test["variant"]
        return variant.startswith("train-only") or "per class" in variant

    @property
    def question(self) -> str:
        """That the classifier answers."""
        if not self.is_imdb:
            return question(self.classes)
        if tuple(self.test["classes"]) == SENTIMENT:
            return "Is a movie review positive or negative?"
        return "How many stars does a movie review give?"


def read_inputs(
    reports: Path, params: Params, source: str, mistakes: list[Mistake]
) -> ReportInputs:
    """Gather the results in a folder `reports`.

    Args:
        reports: Written by the stages before, and by `imdb-rnn experiments` and `imdb-rnn seeds`.
        params: All of `params.yaml`.
        source: Where the reviews came from.
        mistakes: On the test reviews, the most confident first.
    """
    test = read_json(reports / "evaluate.json")
    return ReportInputs(
        params=params,
        source=source,
        data=read_json(reports / "data.json"),
        train=read_json(reports / "train.json"),
        test=test,
        history=pyarrow.csv.read_csv(reports / "history.csv"),
        curves={name: read_points(reports / f"plots/{name}.csv") for name in CURVES},
        experiments=ladder(_recorded(reports / "experiments.json") or [], test),
        seeds=seeds_of(_recorded(reports / "seeds.json"), test),
        mistakes=mistakes,
    )


def ladder(rows: list[dict[str, Any]], test: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The recorded experiments on these reviews with this run among them, the lowest first.

    Args:
        rows: Contents of `reports/experiments.json`.
        test: Contents of `reports/evaluate.json`.

    Returns:
        The rows, with `this` true for the present run, which is put in where it is not recorded.
    """
    present = {key: test[key] for key in (*ACCURACY, "variant")}
    marked = [
        row | {"this": present.items() <= row.items()}
        for row in rows
        if row["variant"] == test["variant"]
    ]
    if not any(row["this"] for row in marked):
        marked.append({"name": "this run", **present, "this": True})
    return sorted(marked, key=lambda row: row["accuracy"])


def _recorded(path: Path) -> Any:  # noqa: ANN401 - JSON has no narrower type
    """What a command outside of the pipeline wrote; None where it was never run."""
    return read_json(path) if path.exists() else None
