from pathlib import Path

import matplotlib as mpl
import numpy as np
import pyarrow as pa
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from numpy.typing import NDArray

from imdb_rnn.evaluation import figures
from imdb_rnn.evaluation.calibration import calibration_bins
from imdb_rnn.evaluation.curves import confusion_counts, precision_recall_points, roc_points

GENERATOR = np.random.default_rng(4)
LABELS = (GENERATOR.random(300) < 0.5).astype(np.int8)
PROBABILITIES = {
    name: np.clip(LABELS * 0.4 + GENERATOR.random(300) * 0.6, 0, 1)
    for name in ("rnn", "tfidf", "nb")
}
SLICES = {
    "length": {"0-99": {"n": 1, "accuracy": 1.0, "accuracy_low": 0.2, "accuracy_high": 1.0}},
    "negation": {
        "none": {"n": 90, "accuracy": 0.9, "accuracy_low": 0.85, "accuracy_high": 0.94},
        "3 or more per 100": {"n": 9, "accuracy": 0.8, "accuracy_low": 0.5, "accuracy_high": 0.9},
    },
}
CAPABILITIES = {
    name: group | {"baselines": {"nb": 0.6, "tfidf": 0.5}}
    for name, group in SLICES["negation"].items()
}
HISTORY = pa.table(
    {
        "epoch": [1, 2],
        "train_loss": [0.6, 0.4],
        "train_accuracy": [0.6, 0.8],
        "valid_loss": [0.5, 0.45],
        "valid_accuracy": [0.7, 0.75],
        "learning_rate": [0.001, 0.0005],
    }
)
SEEDS = {
    "n": 2,
    "accuracy_mean": 0.92,
    "baselines": {"nb": 0.91, "tfidf": 0.9},
    "runs": [
        {"seed": 1, "accuracy": 0.93, "accuracy_low": 0.925, "accuracy_high": 0.935},
        {"seed": 2, "accuracy": 0.91, "accuracy_low": 0.905, "accuracy_high": 0.915},
    ],
}


def of_many(classes: int) -> tuple[NDArray[np.int8], dict[str, NDArray[np.float64]], list[str]]:
    """Labels and probabilities; some names would be formulas, notes or too long."""
    labels = np.resize(np.arange(classes), 300).astype(np.int8)
    probability = GENERATOR.dirichlet(np.ones(classes), 300) / 2 + np.eye(classes)[labels] / 2
    names = ["$x_$1$", "_hidden", "a name of a class that goes on and on", "\u826f\u3044"]
    names += [f"{number}$" for number in range(classes)]
    return labels, dict.fromkeys(("rnn", "tfidf", "nb"), probability), names[:classes]


def roc_of_many(classes: int) -> Figure:
    labels, probabilities, names = of_many(classes)
    return figures.roc_figure(roc_points(labels, probabilities, names), names)


def precision_recall_of_many(classes: int) -> Figure:
    labels, probabilities, names = of_many(classes)
    points = precision_recall_points(labels, probabilities, names)
    return figures.precision_recall_figure(points, names)


def confusion_of_many(classes: int) -> Figure:
    labels, probabilities, names = of_many(classes)
    return figures.confusion_figure(confusion_counts(labels, probabilities["rnn"], names), names)


DRAWN = {
    "roc of 4": lambda: roc_of_many(4),
    "roc of 12": lambda: roc_of_many(12),
    "precision_recall of 10": lambda: precision_recall_of_many(10),
    "confusion of 4": lambda: confusion_of_many(4),
    "confusion of 20": lambda: confusion_of_many(20),
    "confusion of 30": lambda: confusion_of_many(30),
    "roc": lambda: figures.roc_figure(roc_points(LABELS, PROBABILITIES)),
    "precision_recall": lambda: figures.precision_recall_figure(
        precision_recall_points(LABELS, PROBABILITIES)
    ),
    "calibration": lambda: figures.calibration_figure(
        calibration_bins(LABELS, PROBABILITIES["rnn"])
    ),
    "confusion": lambda: figures.confusion_figure(confusion_counts(LABELS, PROBABILITIES["rnn"])),
    "slices": lambda: figures.slices_figure(SLICES, 0.85),
    "behaviour": lambda: figures.behaviour_figure(CAPABILITIES),
    "seeds": lambda: figures.seeds_figure(SEEDS),
    "learning_curve": lambda: figures.learning_curve_figure(HISTORY),
}


@pytest.mark.filterwarnings("ignore:Glyph")  # pytest shows them also where they are ignored
@pytest.mark.parametrize("name", DRAWN)
def test_figures_are_small_and_identical_when_drawn_twice(name: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first.png", tmp_path / "second.png"
    figures.write_figure(first, DRAWN[name]())
    figures.write_figure(second, DRAWN[name]())
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_size < 80_000
    assert imread(first)[..., :3].std() > 0.02, "an empty picture"


def test_drawing_leaves_the_settings_of_matplotlib_alone() -> None:
    before = dict(mpl.rcParams)
    DRAWN["roc"]()
    assert dict(mpl.rcParams) == before


def texts_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text)]


def test_every_class_is_named_beside_its_curve() -> None:
    shown = texts_of(roc_of_many(4))
    for name in (r"\$x_\$1\$", "_hidden", "\u826f\u3044"):
        assert name in shown
    assert any(text.startswith("a name of a class") for text in shown)


def test_many_classes_leave_the_mean_alone() -> None:
    assert len(roc_of_many(12).axes) == 1
    assert "_hidden" not in texts_of(roc_of_many(12))


@pytest.mark.parametrize(("classes", "shown"), [(4, 4), (20, 20), (30, 20)])
def test_the_confusion_stays_readable(classes: int, shown: int) -> None:
    figure = confusion_of_many(classes)
    (axes,) = figure.axes
    assert len(axes.get_yticklabels()) == shown
    assert len(axes.texts) == shown**2


def test_two_classes_of_one_s_own_are_called_by_their_names() -> None:
    names = ("ham", "spam")
    figure = figures.roc_figure(roc_points(LABELS, PROBABILITIES, names), names)
    assert "ham texts called spam" in texts_of(figure)
