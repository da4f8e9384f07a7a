"""Numbers in docs/measurements.md that come from files in Git."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/measurements.md").read_text(encoding="utf-8")


def test_the_speed_of_predict_is_the_measured_one() -> None:
    found = json.loads((ROOT / "reports/predict.json").read_text(encoding="utf-8"))
    seconds = found["cold_start_seconds"]["measured"]
    milliseconds = found["one_review_p50_milliseconds"]["measured"]
    assert f"| {found['reviews_per_second']['measured']:,.0f} reviews a second |" in TEXT
    assert f"| {seconds:.2f} s |" in TEXT
    assert f"| {milliseconds:.1f} ms |" in TEXT
