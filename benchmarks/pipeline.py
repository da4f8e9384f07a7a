"""The project's own pipeline as a contestant: its stages as they ship, in a scratch folder."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.contestant import MEGABYTE, folder_mb, latency_ms, milestones, timed
from benchmarks.memory import peak_bytes
from benchmarks.observed_training import CURVE
from benchmarks.reviews import RAW, Reviews
from imdb_rnn.config import PARAMS_FILE, load_params, read_mapping
from imdb_rnn.errors import UserError
from imdb_rnn.experiments.named import DEFAULT, FOLDER, merged
from imdb_rnn.io.json_file import read_json
from imdb_rnn.models.predictor import Predictor
from imdb_rnn.runtime.machine import prepare

ROOT: Final = Path(__file__).parents[1]
TRAIN: Final = "train"
_FIRST: Final = frozenset({"check", "download"})
"""Stages that the benchmark takes as done."""


@dataclass(frozen=True)
class StageRun:
    """What one stage took."""

    seconds: float
    peak_mb: float


class Pipeline:
    """The stages up to `train`, with parameters of their own.

    Args:
        folder: Scratch, holds `params.yaml` and whatever the stages write.
        raw: Folder of the review tables.
        params: All of `params.yaml`.
    """

    def __init__(self, folder: Path, raw: Path, params: Mapping[str, Any]) -> None:
        self.folder = folder
        (folder / "data").mkdir()
        (folder / RAW).symlink_to(raw.resolve(), target_is_directory=True)
        (folder / PARAMS_FILE).write_text(yaml.safe_dump(dict(params)), encoding="utf-8")

    @classmethod
    @contextmanager
    def scratch(cls, params: Mapping[str, Any], raw: Path = RAW) -> Iterator["Pipeline"]:
        """A pipeline in a folder that goes when it is done."""
        with tempfile.TemporaryDirectory(prefix="imdb-rnn-benchmark-") as folder:
            yield cls(Path(folder), raw, params)

    def run(self, stage: str, *, module: str = "") -> StageRun:
        """Carry a stage out.

        Args:
            stage: Its name.
            module: Python module to run; by default the stage's own.

        Raises:
            UserError: It fails; the message ends with what it said last.
        """
        module = module or f"imdb_rnn.stages.{stage}"
        peak = self.folder / "peak"
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.memory", module, str(peak)],
            check=False,
            cwd=self.folder,
            env=os.environ
            | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "DVC_ROOT": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        seconds = time.monotonic() - began
        if done.returncode != 0:
            said = done.stdout.decode(errors="replace").strip().splitlines() or [""]
            raise UserError(f"stage {stage} failed with exit code {done.returncode}: {said[-1]}")
        return StageRun(seconds, int(peak.read_text(encoding="utf-8")) / MEGABYTE)

    def observed(self) -> dict[str, Any]:
        """What `observed_training` noted: the course, and the seconds that the looking took."""
        noted: dict[str, Any] = read_json(self.folder / CURVE)
        return noted

    def predictor(self) -> Predictor:
        """The trained model."""
        return Predictor.load(self.folder / "models/rnn")


def experiment_params(name: str) -> dict[str, Any]:
    """`params.yaml` with the changes of an experiment, or as it is for `default`.

    Raises:
        UserError: There is no such experiment.
    """
    params = read_mapping(PARAMS_FILE)
    if name == DEFAULT:
        return params
    file = FOLDER / f"{name}.yaml"
    if not file.exists():
        raise UserError(f"{file}: no such experiment")
    return merged(params, read_mapping(file))


def stages_before_training() -> list[str]:
    """The stages whose outputs `train` needs, in an order that works, without the first ones."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    maker = {out: name for name, stage in stages.items() for out in _outputs(stage)}
    order: list[str] = []

    def visit(name: str) -> None:
        for dependency in stages[name]["deps"]:
            made_by = _maker_of(dependency, maker)
            if made_by and made_by not in _FIRST and made_by not in order:
                visit(made_by)
        order.append(name)

    visit(TRAIN)
    return order[:-1]


def measure_pipeline(params: Mapping[str, Any], test: Reviews, raw: Path = RAW) -> dict[str, Any]:
    """Run the stages up to `train`, then let the model judge the test reviews.

    Returns:
        As `contestant.measure`, and the seconds of each stage.
    """
    with Pipeline.scratch(params, raw) as pipeline:
        runs = {stage: pipeline.run(stage) for stage in stages_before_training()}
        before = sum(run.seconds for run in runs.values())
        training = pipeline.run(TRAIN, module="benchmarks.observed_training")
        observed = pipeline.observed()
        runs[TRAIN] = StageRun(training.seconds - observed["paused"], training.peak_mb)
        seconds = before + runs[TRAIN].seconds
        curve = [[before + moment, accuracy] for moment, accuracy in observed["curve"]]
        words = read_json(pipeline.folder / "reports/train.json")["tokens"]
        prepare(load_params(pipeline.folder / PARAMS_FILE).train.threads)
        predictor = pipeline.predictor()

        def predict(texts: Sequence[str]) -> NDArray[np.float32]:
            return predictor.judge(predictor.read(texts))

        probabilities, test_seconds = timed(lambda: predict(test.texts))
        return {
            "accuracy": float(np.mean((probabilities > 0.5) == (test.labels == 1))),  # noqa: PLR2004
            "train_seconds": seconds,
            "total_seconds": seconds + test_seconds,
            "seconds_to": milestones(curve),
            "peak_mb": max(peak_bytes() / MEGABYTE, *(run.peak_mb for run in runs.values())),
            "model_mb": folder_mb(pipeline.folder / "models/rnn"),
            "reviews_per_second": len(test.texts) / test_seconds,
            "latency_ms": latency_ms(predict, test.texts),
            "tokens_per_second": words / runs[TRAIN].seconds,
            "curve": curve,
            "settings": {
                "params": {
                    key: value
                    for key, value in params.items()
                    if key not in {"download", "baseline", "evaluate"}
                },
                "stage_seconds": {stage: run.seconds for stage, run in runs.items()},
            },
        }


def _outputs(stage: Mapping[str, Any]) -> list[str]:
    """Paths of what a stage of `dvc.yaml` writes; each is a name or a mapping with one key."""
    entries = [*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])]
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def _maker_of(path: str, maker: Mapping[str, str]) -> str | None:
    """The stage that writes a path, or a folder around it."""
    folders = [str(parent) for parent in Path(path).parents]
    return next((maker[place] for place in [path, *folders] if place in maker), None)
