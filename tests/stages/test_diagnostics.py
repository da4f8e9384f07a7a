"""The stage on generated reviews: what it writes, that it repeats, what it refuses."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import pytest
import yaml

from imdb_rnn.config import Params
from imdb_rnn.data.token_store import write_store
from imdb_rnn.diagnostics.gradients import QUANTITIES
from imdb_rnn.diagnostics.study import gather
from imdb_rnn.errors import UserError
from imdb_rnn.io.json_file import read_json, write_json
from imdb_rnn.stages import diagnostics as stage
from results import shipped_params, write_model

VOCABULARY = 9
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
    values = shipped_params().model_dump()
    values["model"] |= {"hidden_size": 4, "embedding_size": 4}
    values["train"] |= {"threads": 1}
    values["diagnostics"] |= {
        "reviews": 30,
        "measured_reviews": 12,
        "words": 20,
        "hidden_size": 4,
        "epochs": 2,
        "longest_delay": 10,
        "probe_steps": 3,
    }
    values["diagnostics"] |= diagnostics
    return Params.model_validate(values)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    random = np.random.default_rng(3)
    for split, count in (("train", 80), ("valid", 20)):
        reviews = [
            random.integers(1, VOCABULARY, random.integers(2, 30)).astype(np.int32)
            for _ in range(count)
        ]
        labels = [number % 2 for number in range(count)]
        write_store(
            tmp_path / "data/prepared" / split, reviews, labels, list(map(str, range(count)))
        )
    write_json(
        tmp_path / "data/prepared/dataset.json",
        {"variant": "full", "vocabulary_size": VOCABULARY, "max_length": 30},
    )
    write_json(tmp_path / "reports/bptt.json", TRUNCATION)
    write_model(tmp_path / "models/rnn", params(), max_length=30)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def outputs(folder: Path) -> dict[str, bytes]:
    files = (folder / "reports").rglob("*.*")
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_everything_is_written_and_twice_the_same(folder: Path) -> None:
    stage.diagnostics(params())
    first = outputs(folder)
    assert set(first) == {
        "reports/bptt.json",
        "reports/diagnostics.json",
        *(f"reports/diagnostics/{name}.png" for name in FIGURES),
        *(f"reports/plots/diagnostics/{name}.csv" for name in FIGURES),
    }
    stage.diagnostics(params())
    assert outputs(folder) == first


def test_processes_beside_each_other_come_to_the_same(folder: Path) -> None:
    alone = params()
    stage.diagnostics(alone)
    first = outputs(folder)
    together = alone.model_copy(update={"train": alone.train.model_copy(update={"threads": 2})})
    stage.diagnostics(together)
    assert outputs(folder) == first


@pytest.mark.hostile
def test_neither_a_notebook_nor_a_locale_changes_anything(folder: Path) -> None:
    stage.diagnostics(params())
    first = outputs(folder)
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
    assert outputs(folder) == first


@pytest.mark.parametrize("threads", [1, 2])
def test_what_a_study_is_refused_for_is_said(folder: Path, threads: int) -> None:
    (folder / "models/rnn/model.safetensors").write_bytes(b"")
    settings = params()
    train = settings.train.model_copy(update={"threads": threads})
    with pytest.raises(UserError, match=r"model\.safetensors"):
        stage.diagnostics(settings.model_copy(update={"train": train}))
    assert not (folder / "reports/diagnostics.json").exists()


def test_the_numbers_and_the_points_agree(folder: Path) -> None:
    stage.diagnostics(params())
    found: dict[str, Any] = read_json(folder / "reports/diagnostics.json")
    points = pyarrow.csv.read_csv(folder / "reports/plots/diagnostics/gradients.csv")
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
        folder / "reports/plots/diagnostics/truncation.csv"
    ).to_pydict()
    assert truncation["words"] == [1, 20], "uncut, a gradient goes back over all words"
    assert truncation["accuracy"] == [0.5, 0.6]
    assert found["truncation"] == TRUNCATION
    clipping = pyarrow.csv.read_csv(folder / "reports/plots/diagnostics/clipping.csv").to_pydict()
    assert clipping["step"] == [1, 2]  # an epoch is a single batch of 30
    assert max(clipping["tanh_after"]) <= 1
    spectrum = pyarrow.csv.read_csv(folder / "reports/plots/diagnostics/spectrum.csv").to_pydict()
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


def test_each_figure_has_a_sentence_without_gaps(folder: Path) -> None:
    stage.diagnostics(params())
    sentences = read_json(folder / "reports/diagnostics.json")["findings"]
    assert set(sentences) == set(FIGURES)
    for sentence in sentences.values():
        assert sentence.endswith(".")
        assert not re.search(r"\bnan\b|\binf\b|None", sentence)


def test_measured_reviews_are_not_learned_from(folder: Path) -> None:
    material = gather(params(), folder / "data/prepared", folder, {}, VOCABULARY)
    learned, full, short = (
        {tuple(store[i]) for i in range(len(store))}
        for store in (material.learned, material.full, material.short)
    )
    assert not learned & (full | short)
    assert set(material.full.lengths) == {20}
    assert 2 <= min(material.short.lengths) <= max(material.short.lengths) <= 10
    assert len(material.learned) == 30


@pytest.mark.parametrize("change", [{"words": 500}, {"reviews": 80}])
@pytest.mark.usefixtures("folder")
def test_too_few_reviews_are_refused_with_a_sentence(change: dict[str, int]) -> None:
    with pytest.raises(
        UserError, match=r"diagnostics: of the 80 training reviews.*diagnostics.words"
    ):
        stage.diagnostics(params(**change))
