import sys
from pathlib import Path

import pytest
from benchmarks.measurements import GIB, StageUse, Watched, blocks, summarized, watched

HOLD = "import time; held = bytearray(80_000_000); time.sleep(1)"


def test_a_command_is_watched_with_its_stages(tmp_path: Path) -> None:
    stage = [sys.executable, "-c", HOLD, "imdb_rnn.stages.train"]
    above = f"import subprocess; subprocess.run({stage!r}, check=True)"
    seen = watched([sys.executable, "-c", above], tmp_path)
    assert seen.seconds >= 1
    assert list(seen.stages) == ["train"]
    assert 0.5 <= seen.stages["train"].seconds <= seen.seconds
    assert 80e6 < seen.stages["train"].peak_bytes <= seen.peak_bytes


def test_a_command_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="exit code 3"):
        watched([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_the_table_has_what_was_measured() -> None:
    stages = {
        "check": StageUse(0, 1, GIB // 10),
        "train": StageUse(1, 301, GIB),
        "diagnostics": StageUse(301, 361, GIB // 2),
    }
    results = summarized(Watched(365, GIB + GIB // 4, stages), 1.24, 43.6)
    assert results["repro_seconds"] == {"measured": 365, "at_most": 900}
    assert results["largest_stage"] == "train"
    table = blocks(results)["measurements"]
    assert "| `dvc repro` from nothing, all stages | 6.1 minutes | 15 minutes |" in table
    assert "| of these: `train` 5.0, `diagnostics` 1.0 |  | `diagnostics`: 3 minutes |" in table
    assert "| largest memory of any process (`train`) | 1.25 GiB | 3 GB |" in table
    assert "| `imdb-rnn experiment smoke`, all stages | 44 s | 60 s |" in table
