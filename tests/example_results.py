"""The results of a made-up run, for tests of what shows them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.evaluation.predictions import TITLES
from imdb_rnn.report.inputs import ReportInputs, ladder
from imdb_rnn.report.mistakes import Mistake
from results import shipped_params

TEST: dict[str, Any] = {
    "variant": "full",
    "n_test": 25000,
    "classes": list(SENTIMENT),
    "confidence": 0.95,
    "accuracy": 0.9104,
    "accuracy_low": 0.9068,
    "accuracy_high": 0.9139,
    "accuracy_without_duplicates": 0.91,
    "without_duplicates": {"accuracy": 0.91, "accuracy_low": 0.9064, "accuracy_high": 0.9136},
    "log_loss": 0.22,
    "brier": 0.06,
    "roc_auc": 0.97,
    "average_precision": 0.96,
    "f1": 0.91,
    "expected_calibration_error": 0.01,
    "baselines": {
        name: {
            "accuracy": 0.9,
            "difference": 0.0104,
            "difference_low": 0.0072,
            "difference_high": 0.0136,
            "mcnemar_p": 2e-9,
        }
        for name in ("nb", "tfidf")
    },
    "behaviour": {
        half: {
            capability: {
                "n": n,
                "accuracy": 0.75,
                "accuracy_low": 0.7,
                "accuracy_high": 0.8,
                "baselines": {"nb": 0.625, "tfidf": 0.5},
                "example": None if capability == "overall" else "I can't find a fault in it.",
            }
            for capability, n in (("overall", 456), ("negated_negative", 60))
        }
        for half in ("development", "held_out")
    },
    "slices": {
        "length": {
            "0-99": {"n": 3000, "accuracy": 0.92, "accuracy_low": 0.91, "accuracy_high": 0.93},
            "400 or more": {"n": 9, "accuracy": 0.6, "accuracy_low": 0.3, "accuracy_high": 0.94},
        },
        "rating": {
            "4": {"n": 2600, "accuracy": 0.82, "accuracy_low": 0.8, "accuracy_high": 0.84},
        },
    },
}
EXPERIMENTS = [
    {
        "name": name,
        "accuracy": accuracy,
        "accuracy_low": accuracy - 0.004,
        "accuracy_high": accuracy + 0.004,
        "valid_accuracy": accuracy,
        "seeds": 1,
        "variant": "full",
    }
    for name, accuracy in (("notebook", 0.5641), ("gru", 0.8954), ("better", 0.93))
]
SEEDS = {
    "variant": "full",
    "n": 2,
    "accuracy_mean": 0.91,
    "accuracy_sd": 0.0006,
    "runs": [
        {"seed": 1, "accuracy": 0.9104, "valid_accuracy": 0.9},
        {"seed": 2, "accuracy": 0.9096, "valid_accuracy": 0.91},
    ],
}
MISTAKES = [
    Mistake(
        "test/neg/1_4", "negative", "positive", 0.9987, 4, "Not <b>so</b> bad.\n\nA & B were great."
    ),
    Mistake("test/pos/7_8", "positive", "negative", 0.9979, None, "word" * 200),
]


def _curves() -> dict[str, pa.Table]:
    line = [0.0, 0.5, 1.0]
    models = dict.fromkeys(TITLES, line)
    return {
        "roc": pa.table({"false_positive_rate": line, **models}),
        "precision_recall": pa.table({"recall": line, **models}),
        "calibration": pa.table(
            {"mean_probability": line, "positive_share": line, "reviews": [9, 1, 9]}
        ),
        "confusion": pa.table(
            {
                "actual": ["negative", "negative", "positive", "positive"],
                "predicted": ["negative", "positive", "negative", "positive"],
                "reviews": [11400, 1100, 1140, 11360],
            }
        ),
    }


def example_results(**changes: Any) -> ReportInputs:
    """A run on all reviews; keyword arguments take the place of fields."""
    names = ("train", "valid", "test", "unsup")
    results = ReportInputs(
        params=shipped_params(),
        source="data/external/aclImdb_v1.tar.gz",
        data={
            "variant": "full",
            "vocabulary_size": 30000,
            "classes": list(SENTIMENT),
            "validation_by": "movie",
            "splits": {
                name: {
                    "reviews": 22504,
                    "positive": 0 if name == "unsup" else 11252,
                    "words": 5817589,
                    "median_length": 206.0,
                    "longest": 600,
                    "unknown_share": 0.0105,
                }
                for name in names
            },
            "duplicates_within": dict.fromkeys(names, 82),
            "duplicates_across": {"test in train": 123},
            "movies_shared": {"train and test": 1},
        },
        train={
            "best_epoch": 2,
            "epochs": 2,
            "valid_accuracy": 0.93,
            "parameters": 4016257,
            "tokens": 37503458,
        },
        test=TEST,
        history=pa.table(
            {
                "epoch": [1, 2],
                "train_loss": [0.6, 0.4],
                "train_accuracy": [0.6, 0.8],
                "valid_loss": [0.5, 0.45],
                "valid_accuracy": [0.7, 0.75],
            }
        ),
        curves=_curves(),
        experiments=ladder(EXPERIMENTS, TEST),
        seeds=SEEDS,
        mistakes=MISTAKES,
    )
    return replace(results, **changes)


def train_only_results() -> ReportInputs:
    """A run on the smaller variant: no ratings, no movies, no unlabelled reviews."""
    full = example_results()
    test = TEST | {
        "variant": "train-only",
        "slices": {"length": TEST["slices"]["length"]},
    }
    splits = full.data["splits"] | {"unsup": {"reviews": 0, "words": 0}}
    data = full.data | {
        "variant": "train-only",
        "splits": splits,
        "movies_shared": {"train and test": None},
    }
    return replace(
        full, test=test, data=data, experiments=ladder([], test), seeds=None, mistakes=[]
    )


def stars_results(classes: Sequence[str] = ("1", "2 <b>or</b> $3", "5")) -> ReportInputs:
    """A run on texts of one's own with three classes."""
    full = example_results()
    errors = {
        f"mean_absolute_error{end}": value
        for end, value in {"": 0.31, "_low": 0.29, "_high": 0.33}.items()
    }
    gaps = {
        f"mean_absolute_error{end}": value
        for end, value in {
            "": 0.41,
            "_difference": -0.1,
            "_difference_low": -0.12,
            "_difference_high": -0.08,
        }.items()
    }
    test = {name: value for name, value in TEST.items() if name != "f1"} | {
        "variant": "own",
        "classes": list(classes),
        "macro_f1": 0.8,
        "weighted_f1": 0.9,
        **errors,
        "baselines": {name: found | gaps for name, found in TEST["baselines"].items()},
        "slices": {"length": TEST["slices"]["length"]},
        "accuracy_without_duplicates": None,
        "without_duplicates": None,
    }
    of_class = dict(zip(classes, (7000, 8000, 7504), strict=True))
    splits = {
        name: {key: value for key, value in split.items() if key != "positive"}
        | {"reviews_of_class": dict.fromkeys(classes, 0) if name == "unsup" else of_class}
        for name, split in full.data["splits"].items()
    }
    names = [f"class {name}" for name in classes]
    line = [0.0, 0.5, 1.0]
    curves = {
        **full.curves,
        "roc": pa.table(dict.fromkeys(("false_positive_rate", *TITLES, *names), line)),
        "precision_recall": pa.table(dict.fromkeys(("recall", *TITLES, *names), line)),
        "confusion": pa.table(
            {
                "actual": [name for name in classes for _ in classes],
                "predicted": [name for _ in classes for name in classes],
                "reviews": [6100, 500, 400, 310, 7300, 390, 200, 304, 7000],
            }
        ),
    }
    mistakes = [Mistake("own/1", classes[1], classes[0], 0.97, None, "A text.")]
    return replace(
        full,
        test=test,
        data=full.data | {"variant": "own", "validation_by": "text", "splits": splits},
        curves=curves,
        experiments=ladder(EXPERIMENTS, test),
        seeds=None,
        mistakes=mistakes,
    )
