"""The rows of the benchmark: what is measured, and how long it takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

from benchmarks.baseline import Reviews, measure


@dataclass(frozen=True)
class Row:
    """A row of the benchmark."""

    title: str
    minutes: float
    """What one run takes on two cores of an AMD EPYC, about."""
    baseline: str | None = None
    """Module and class below `benchmarks`; None where the row is an experiment of this project."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the class, besides the seed."""

    @property
    def quick(self) -> bool:
        """Whether it runs several times by default."""
        return self.minutes < 2  # noqa: PLR2004 - as the field says


def measured(name: str, seed: int) -> dict[str, Any]:
    """Measure a row: the fields of its entry in `reports/benchmark.json`.

    Raises:
        ModuleNotFoundError: The baseline's library is not installed.
    """
    row, test = ROWS[name], Reviews.read("test")
    if row.baseline is None:
        from benchmarks.pipeline import measure_pipeline

        return measure_pipeline(name, seed, test)
    # Imported when it runs: the lack of one library must not stop the others.
    module, _, kind = row.baseline.partition(".")
    build = getattr(import_module(f"benchmarks.{module}"), kind)
    return measure(build(seed=seed, **row.options), Reviews.read("train"), test)


ROWS: Final[dict[str, Row]] = {
    "tfidf": Row(
        "tf-idf n-grams + logistic regression (scikit-learn)",
        0.6,
        "linear.Linear",
        {"kind": "tfidf"},
    ),
    "nb": Row("NB-weighted n-grams", 1.2, "linear.Linear", {"kind": "nb"}),
    "fasttext": Row("fastText, 5 epochs", 0.3, "linear.FastText", {"epochs": 5}),
    "fasttext-25": Row("fastText, 25 epochs", 0.5, "linear.FastText", {"epochs": 25}),
    "notebook-loop": Row("the notebook's own loop (PyTorch)", 3.5, "notebook.Notebook"),
    "keras-bidirectional-lstm": Row("Keras' bidirectional LSTM example", 5, "keras_model.Keras"),
    "notebook": Row("this project, `notebook`", 2.5),
    "vanilla": Row("this project, `vanilla`", 3.5),
    "no-pseudo-labels": Row(
        "this project, `no-pseudo-labels` (unlabelled for word vectors alone)", 2.5
    ),
    "default": Row("**this project, default** (+ 50,000 unlabelled)", 6),
    "best-cpu": Row("**this project, `best-cpu`** (+ 50,000 unlabelled)", 13),
}
