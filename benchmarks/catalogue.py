"""All contestants: how each is built, how long it takes, how often it runs."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

from benchmarks.contestant import Contestant, measure
from benchmarks.reviews import Reviews
from imdb_rnn.config import load_params

# Contestants import their own libraries when they are built: each runs in a process of its own, and
# the lack of one library must not stop the others.


@dataclass(frozen=True)
class Entry:
    """A row of the benchmark."""

    title: str
    measure: Callable[[Reviews, Reviews, int], dict[str, Any]]
    """From training reviews, test reviews and a seed to the fields of the row."""
    minutes: float
    """What one run takes on two cores of an AMD EPYC, about."""
    long: bool = False
    """Whether it runs only once by default."""
    own: bool = False
    """Whether it is this project's own pipeline; the others are its peers."""


def _linear(kind: Literal["tfidf", "nb"], seed: int) -> Contestant:  # noqa: ARG001 - draws nothing
    from benchmarks.linear import Linear
    from imdb_rnn.features.ngram_models import nb_model, tfidf_model

    settings = getattr(load_params().baseline, kind)
    model = (tfidf_model if kind == "tfidf" else nb_model)(settings)
    return Linear(model, settings.model_dump())


def _fasttext(epochs: int, seed: int) -> Contestant:
    from benchmarks.fasttext_model import FastText

    return FastText(epochs, seed, _cores())


def _cores() -> int:
    """Number of those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _notebook(epochs: int, seed: int) -> Contestant:
    from benchmarks.notebook import Notebook

    return Notebook(epochs, seed)


def _keras(
    architecture: Literal["bidirectional-lstm", "simple-rnn"], epochs: int, seed: int
) -> Contestant:
    from benchmarks.keras_model import Keras

    return Keras(architecture, epochs, seed)


def _contestant(
    build: Callable[[int], Contestant], train: Reviews, test: Reviews, seed: int
) -> dict[str, Any]:
    return measure(build(seed), train, test)


def _experiment(name: str, train: Reviews, test: Reviews, seed: int) -> dict[str, Any]:  # noqa: ARG001 - the pipeline reads the tables itself
    from benchmarks.pipeline import experiment_params, measure_pipeline

    return measure_pipeline(experiment_params(name) | {"seed": seed}, test)


def _own(title: str, experiment: str, minutes: float) -> Entry:
    return Entry(title, partial(_experiment, experiment), minutes, long=True, own=True)


CATALOGUE: Final[dict[str, Entry]] = {
    "tfidf": Entry(
        "tf-idf n-grams + logistic regression (scikit-learn)",
        partial(_contestant, partial(_linear, "tfidf")),
        0.6,
    ),
    "nb": Entry("NB-weighted n-grams", partial(_contestant, partial(_linear, "nb")), 1.2),
    "fasttext": Entry("fastText, 5 epochs", partial(_contestant, partial(_fasttext, 5)), 0.3),
    "fasttext-25": Entry("fastText, 25 epochs", partial(_contestant, partial(_fasttext, 25)), 0.5),
    "notebook-loop": Entry(
        "the notebook's own loop (PyTorch)",
        partial(_contestant, partial(_notebook, 5)),
        3.5,
        long=True,
    ),
    "keras-simple-rnn": Entry(
        "the notebook's network in Keras",
        partial(_contestant, partial(_keras, "simple-rnn", 5)),
        5,
        long=True,
    ),
    "keras-bidirectional-lstm": Entry(
        "Keras' bidirectional LSTM example",
        partial(_contestant, partial(_keras, "bidirectional-lstm", 2)),
        5,
        long=True,
    ),
    "notebook": _own("this project, `notebook`", "notebook", 2.5),
    "vanilla": _own("this project, `vanilla`", "vanilla", 3.5),
    "no-pseudo-labels": _own(
        "this project, `no-pseudo-labels` (unlabelled for word vectors alone)",
        "no-pseudo-labels",
        2.5,
    ),
    "default": _own("**this project, default** (+ 50,000 unlabelled)", "default", 6),
    "best-cpu": _own("**this project, `best-cpu`** (+ 50,000 unlabelled)", "best-cpu", 13),
}
