"""The stage on generated reviews: what it writes, that it repeats, what it refuses."""

import os
import re
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest
import yaml

from imdb_rnn.config import Params
from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.data.token_store import write_store
from imdb_rnn.diagnostics.gradients import QUANTITIES
from imdb_rnn.diagnostics.study import gather
from imdb_rnn.errors import UserError
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.stages import diagnostics as stage
from results import write_model
from studies import study_params

VOCABULARY = 9
DATASET = {
    "variant": "full",
    "vocabulary_size": VOCABULARY,
    "classes": SENTIMENT,
    "max_length": 30,
}
FIGURES = (
    "gradients",
    "spectrum",
    "initialization",
    "clipping",
    "explosion",
    "truncation",
    "padding",
    "delayed_recall",
    "adding",
    "windows",
    "order",
    "reading",
)
TRUNCATION = {
    "cell": "lstm",
    "reviews": 10,
    "words": 20,
    "epochs": 1,
    "rows": [
        {"bptt_steps": 1, "valid_accuracy": 0.5, "seconds_an_epoch": 2.0, "peak_mib": 300},
        {"bptt_steps": None, "valid_accuracy": 0.6, "seconds_an_epoch": 1.0, "peak_mib": 310},
    ],
}


def params(**diagnostics: object) -> Params:
    small = {
        "reviews": 30,
        "measured_reviews": 12,
        "words": 20,
        "hidden_size": 4,
        "epochs": 2,
        "longest_delay": 10,
        "probe_steps": 3,
    }
    settings = study_params(**small | diagnostics)
    tiny = settings.model.model_copy(update={"hidden_size": 4, "embedding_size": 4})
    return settings.model_copy(update={"model": tiny})


def with_threads(threads: int) -> Params:
    settings = params()
    train = settings.train.model_copy(update={"threads": threads})
    return settings.model_copy(update={"train": train})


def write_inputs(
    folder: Path,
    classes: tuple[str, ...] = SENTIMENT,
    words: tuple[int, int] = (2, 29),
    train: int = 80,
) -> None:
    """Of reviews with words from and to so many."""
    generator = np.random.default_rng(3)
    for split, count in (("train", train), ("valid", 20)):
        reviews = [
            generator.integers(1, VOCABULARY, generator.integers(words[0], words[1] + 1)).astype(
                np.int32
            )
            for _ in range(count)
        ]
        labels = [number % len(classes) for number in range(count)]
        write_store(folder / "data/prepared" / split, reviews, labels, list(map(str, range(count))))
    write_json(folder / "data/prepared/dataset.json", DATASET | {"classes": classes})
    write_json(folder / "reports/bptt.json", TRUNCATION)
    write_model(folder / "models/rnn", params(), max_length=30, classes=classes)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the stage has run; to be read alone."""
    folder = tmp_path_factory.mktemp("measured")
    write_inputs(folder)
    with chdir(folder):
        stage.diagnostics(params())
    return folder


def outputs(folder: Path) -> dict[str, bytes]:
    files = (folder / "reports").rglob("*.*")
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_everything_is_written(measured: Path) -> None:
    assert set(outputs(measured)) == {
        "reports/bptt.json",
        "reports/diagnostics.json",
        *(f"reports/diagnostics/{name}.png" for name in FIGURES),
        *(f"reports/plots/diagnostics/{name}.csv" for name in FIGURES),
    }


def test_processes_beside_each_other_come_to_the_same(folder: Path, measured: Path) -> None:
    stage.diagnostics(with_threads(2))
    assert outputs(folder) == outputs(measured)


@pytest.mark.hostile
def test_neither_a_notebook_nor_a_locale_changes_anything(folder: Path, measured: Path) -> None:
    (folder / "params.yaml").write_text(yaml.safe_dump(params().model_dump(mode="json")), "utf-8")
    hostile = {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "COLUMNS": "11",
        "FORCE_COLOR": "1",
        "TZ": "Asia/Kathmandu",
    }
    done = subprocess.run(
        [sys.executable, "-m", "imdb_rnn.stages.diagnostics"],
        env=os.environ | hostile,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert outputs(folder) == outputs(measured)


@pytest.mark.parametrize("threads", [1, 2])
def test_what_a_study_is_refused_for_is_said(folder: Path, threads: int) -> None:
    (folder / "models/rnn/model.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match=r"model\.safetensors"):
        stage.diagnostics(with_threads(threads))
    assert not (folder / "reports/diagnostics.json").exists()


def test_the_numbers_and_the_points_agree(measured: Path) -> None:
    found: dict[str, Any] = read_json(measured / "reports/diagnostics.json")
    points = pyarrow.csv.read_csv(measured / "reports/plots/diagnostics/gradients.csv")
    assert points["distance"].to_pylist() == list(range(20))
    for cell, course in found["cells"].items():
        assert set(course["epochs"]) == {"0", "1", "2"}
        for epoch, numbers in course["epochs"].items():
            low, median, high = (
                points[f"{cell}_{epoch}_{q}"].fill_null(0).to_pylist()
                for q in ("low", "median", "high")
            )
            assert median[0] == pytest.approx(numbers["norm_at_last_word"], rel=1e-3)
            assert median[-1] == pytest.approx(numbers["norm_at_farthest_word"], rel=1e-3)
            assert all(a <= b <= c for a, b, c in zip(low, median, high, strict=True))
    truncation = pyarrow.csv.read_csv(
        measured / "reports/plots/diagnostics/truncation.csv"
    ).to_pydict()
    assert truncation["words"] == [1, 20], "uncut, a gradient goes back over all words"
    assert truncation["accuracy"] == [0.5, 0.6]
    assert found["truncation"] == TRUNCATION
    clipping = pyarrow.csv.read_csv(measured / "reports/plots/diagnostics/clipping.csv").to_pydict()
    assert clipping["step"] == [1, 2]  # an epoch is a single batch of 30
    assert max(clipping["tanh_after"]) <= 1
    spectrum = pyarrow.csv.read_csv(measured / "reports/plots/diagnostics/spectrum.csv").to_pydict()
    assert spectrum["epoch"] == [0, 1, 2]
    for quantity in QUANTITIES:
        epochs = found["cells"]["lstm"]["epochs"].values()
        assert spectrum[f"lstm_{quantity}"] == [numbers[quantity] for numbers in epochs]
    assert "gru_memory_factor_per_step" not in spectrum
    memory = points["lstm_0_memory"].to_pylist()
    assert memory[0] is None, "the loss reads h, not the last memory"
    factor = (memory[-1] / memory[1]) ** (1 / 18)
    assert found["cells"]["lstm"]["epochs"]["0"]["memory_factor_per_step"] == pytest.approx(
        factor, rel=1e-3
    )


def test_without_a_measured_truncation_the_stage_says_where_it_comes_from(folder: Path) -> None:
    (folder / "reports/bptt.json").unlink()
    with pytest.raises(UserError, match=r"benchmarks\.bptt"):
        stage.diagnostics(params())


def test_each_figure_has_a_sentence_without_gaps(measured: Path) -> None:
    sentences = read_json(measured / "reports/diagnostics.json")["findings"]
    assert set(sentences) == set(FIGURES)
    for sentence in sentences.values():
        assert sentence.endswith(".")
        assert not re.search(r"\bnan\b|\binf\b|None", sentence)


def test_measured_reviews_are_not_learned_from(folder: Path) -> None:
    material = gather(params(), folder / "data/prepared", folder, {}, DATASET)
    learned, full, short = (
        {tuple(store[i]) for i in range(len(store))}
        for store in (material.learned, material.full, material.short)
    )
    assert not learned & (full | short)


@pytest.mark.parametrize(
    ("classes", "words", "left_out"),
    [
        (("neg", "pos"), (1, 1), {"gradients", "initialization", "padding"}),
        (("costs $1", "costs $2", "a"), (3, 14), set()),
    ],
)
def test_few_short_texts_are_studied_as_far_as_they_allow(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    classes: tuple[str, ...],
    words: tuple[int, int],
    left_out: set[str],
) -> None:
    write_inputs(tmp_path, classes, words, train=30)
    monkeypatch.chdir(tmp_path)
    stage.diagnostics(params(reviews=2000, words=120))
    found = read_json(tmp_path / "reports/diagnostics.json")
    assert set(found.get("left_out", {})) == left_out
    figures = set(found["findings"])
    assert {f"reports/diagnostics/{name}.png" for name in figures} < set(outputs(tmp_path))
    named_in_dvc_yaml = {"delayed_recall", "adding", "windows", "reading"}
    assert named_in_dvc_yaml <= figures
    assert figures == set(FIGURES) if not left_out else figures < set(FIGURES)
    assert found["material"]["learned"] == 15
    assert found["material"]["words"] <= words[1]
    reading = pyarrow.csv.read_csv(tmp_path / "reports/plots/diagnostics/reading.csv")
    assert reading.column_names == ["position", "probability", "attribution"]
    assert found["reading"]["shown"]["label"] in {*classes, "negative", "positive"}
