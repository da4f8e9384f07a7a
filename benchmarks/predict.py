"""How fast `imdb-rnn predict` is with the trained model: bulk, first answer, one review.

`python -m benchmarks.predict` writes reports/predict.json. Leave the machine alone meanwhile.
"""

import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import pyarrow.parquet as pq
import torch

from imdb_rnn.evaluation.predictions import read_predictions
from imdb_rnn.io.json_file import write_json
from imdb_rnn.models.predictor import Predictor
from imdb_rnn.signals import ending_together

MODEL: Final = Path("models/rnn")
REVIEWS: Final = Path("data/raw/test.parquet")
PREDICTIONS: Final = Path("reports/predictions.parquet")
RESULTS: Final = Path("reports/predict.json")
BOUNDS: Final = {
    "reviews_per_second": "at least 1500",
    "cold_start_seconds": "at most 3",
    "one_review_p50_milliseconds": "at most 10",
    "largest_difference": "at most 1e-6",
}
ATTEMPTS: Final = 5
ONE_BY_ONE: Final = 500


def main() -> None:
    """Measure, print and write."""
    measured = {**_bulk(), "cold_start_seconds": _cold_start(), **_one_by_one()}
    results = {
        "threads": torch.get_num_threads(),
        **{
            name: {"measured": value, "bound": BOUNDS[name]} if name in BOUNDS else value
            for name, value in measured.items()
        },
    }
    write_json(RESULTS, results)
    for name, value in results.items():
        print(f"{name}: {value}")  # noqa: T201 - what a user of the script waits for


def _bulk() -> dict[str, float]:
    """All test reviews from file to file, start of the program included.

    The answers have six decimals, and so has the distance to what `evaluate` said.
    """
    with TemporaryDirectory() as folder:
        answers = Path(folder) / "answers.csv"
        seconds = [_timed(["--file", str(REVIEWS), "--format", "csv"], answers) for _ in range(3)]
        found = np.loadtxt(answers, delimiter=",", skiprows=1, usecols=2)
    expected = read_predictions(PREDICTIONS, str(PREDICTIONS)).probability
    return {
        "reviews": len(found),
        "reviews_per_second": round(len(found) / min(seconds)),
        "largest_difference": float(np.abs(found - expected.round(6)).max().round(9)),
    }


def _cold_start() -> float:
    """Median seconds from the start of the program to the answer about one text."""
    runs = [_timed(["A superb, moving film."], Path("/dev/null")) for _ in range(ATTEMPTS)]
    return round(median(runs), 2)


def _one_by_one() -> dict[str, float]:
    """Median and 95th percentile of one review after another in a warm process."""
    predictor = Predictor.load(MODEL)
    texts = pq.read_table(REVIEWS, columns=["text"])["text"].to_pylist()
    chosen = np.random.default_rng(1).choice(len(texts), ONE_BY_ONE, replace=False)
    predictor.probabilities([texts[chosen[0]]])
    milliseconds = []
    for i in chosen:
        began = time.perf_counter()
        predictor.probabilities([texts[i]])
        milliseconds.append(1000 * (time.perf_counter() - began))
    return {
        "one_review_p50_milliseconds": round(median(milliseconds), 2),
        "one_review_p95_milliseconds": round(float(np.percentile(milliseconds, 95)), 2),
    }


def _timed(arguments: list[str], answers: Path) -> float:
    """Seconds that `imdb-rnn predict` takes."""
    began = time.perf_counter()
    program = str(Path(sys.executable).with_name("imdb-rnn"))
    with answers.open("w", encoding="utf-8") as out:
        subprocess.run([program, "predict", *arguments], stdout=out, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    with ending_together():
        main()
