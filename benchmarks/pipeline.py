"""This project's own pipeline in the benchmark: its stages as they ship, in a scratch folder."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import yaml

from benchmarks.baseline import RAW, Reviews, evaluated
from benchmarks.observed_training import CURVE
from imdb_rnn.config import PARAMS_FILE, load_params, read_mapping
from imdb_rnn.errors import UserError
from imdb_rnn.experiments.named import DEFAULT, FOLDER, merged
from imdb_rnn.io.json_file import read_json
from imdb_rnn.models.predictor import Predictor
from imdb_rnn.runtime.machine import prepare

ROOT: Final = Path(__file__).parents[1]
BEFORE: Final = ("prepare", "pseudo_label", "ngram_log_odds", "word_vectors")
"""The stages between `download` and `train`."""


def experiment_params(name: str) -> dict[str, Any]:
    """`params.yaml` with the changes of an experiment, or as it is for `default`.

    Raises:
        UserError: There is no such experiment.
    """
    params = read_mapping(PARAMS_FILE)
    return params if name == DEFAULT else merged(params, read_mapping(FOLDER / f"{name}.yaml"))


def measure_pipeline(experiment: str, seed: int, test: Reviews) -> dict[str, Any]:
    """Run the stages from `prepare` to `train`, then let the model predict the test reviews.

    Returns:
        As `baseline.measure`.
    """
    params = experiment_params(experiment) | {"seed": seed}
    with tempfile.TemporaryDirectory(prefix="imdb-rnn-benchmark-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        (folder / RAW).symlink_to(RAW.resolve(), target_is_directory=True)
        (folder / PARAMS_FILE).write_text(yaml.safe_dump(params), encoding="utf-8")
        before = sum(_run(folder, f"imdb_rnn.stages.{stage}") for stage in BEFORE)
        training = _run(folder, "benchmarks.observed_training")
        observed = read_json(folder / CURVE)
        training -= observed["paused"]
        curve = [[before + moment, accuracy] for moment, accuracy in observed["curve"]]
        prepare(load_params(folder / PARAMS_FILE).train.threads)
        model = folder / "models/rnn"
        predictor = Predictor.load(model)
        seconds = before + training
        return evaluated(predictor.probabilities, test, seconds, curve, model)


def _run(folder: Path, module: str) -> float:
    """Carry a stage out in a folder; the seconds that it took, start of Python included."""
    path = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", module],
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "DVC_ROOT": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    seconds = time.monotonic() - began
    if done.returncode != 0:
        said = done.stdout.decode(errors="replace").strip().splitlines() or [""]
        raise UserError(f"{module} failed with exit code {done.returncode}: {said[-1]}")
    return seconds
