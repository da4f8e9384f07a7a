import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.machine import in_own_process
from benchmarks.measurements import BOUNDS, PIPELINE, PREDICT, blocks, kept, summarized, taken

from imdb_rnn.io.json_file import read_json

ROOT = Path(__file__).parents[2]
RESULTS = {**read_json(ROOT / PIPELINE), **read_json(ROOT / PREDICT)}
HOLD = "import time; held = bytearray(900_000_000); time.sleep(0.5)"


def test_a_command_is_measured_with_the_processes_below_it(tmp_path: Path) -> None:
    above = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD!r}], check=True)"
    seconds, gib = in_own_process(taken, [sys.executable, "-c", above], tmp_path)
    assert seconds >= 0.5
    assert 900e6 / 2**30 < gib < 1


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        taken([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_the_table_has_what_was_measured() -> None:
    stages = {"check": (0.6, 0.1), "train": (1300.0, 1.0), "diagnostics": (60.0, 1.25)}
    results = summarized(stages, 1.24, 43.6)
    machine = {"machine": {"processor": "abacus"}, "variant": "full"}
    predict = {"reviews_per_second": 1668, "cold_start_seconds": 2.06}
    table = blocks(results | machine, predict)["measurements"]
    assert "| all stages from nothing, s | 1,360.6 | at most 900, missed |" in table
    assert "| largest memory of any process, GiB | 1.25 | at most 2.79 |" in table
    assert "from file to file, reviews a second | 1,668 | at least 1,500 |" in table
    assert "abacus, variant full. The seconds of its stages: `check` 1, `train` 1300," in table


def test_all_bounds_but_one_are_kept() -> None:
    assert RESULTS["variant"] == "full"
    assert {name for name in BOUNDS if not kept(name, RESULTS[name])} <= {"smoke_seconds"}
