from pathlib import Path

import pytest

from benchmarks import bptt
from imdb_rnn.io.json_file import write_json

RESULTS = {
    "cell": "lstm",
    "reviews": 4000,
    "words": 200,
    "epochs": 3,
    "classes": ["neg", "pos"],
    "rows": [
        {
            "bptt_steps": steps,
            "valid_accuracy": 0.75,
            "seconds_an_epoch": 2.5,
            "peak_mib": 1234,
        }
        for steps in (5, None)
    ],
}


def test_the_lesson_gets_a_row_for_each_length() -> None:
    block = bptt.lesson_block(RESULTS)
    assert "| 5 | 0.7500 | 2.5 | 1,234 |" in block
    assert "| none | 0.7500 | 2.5 | 1,234 |" in block
    assert "LSTM of 3 epochs over the last 200 words of 4,000 reviews" in block


def test_measuring_fills_in_the_lesson(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = {row["bptt_steps"]: row for row in RESULTS["rows"]}  # type: ignore[index,attr-defined]
    monkeypatch.setattr(bptt, "STEPS", tuple(rows))
    monkeypatch.setattr(bptt, "in_own_process", lambda _, steps: rows[steps])
    (tmp_path / "docs").mkdir()
    write_json(bptt.PREPARED / "dataset.json", {"classes": RESULTS["classes"]})
    bptt.LESSON.write_text("<!-- bptt -->\nNot measured yet.\n<!-- /bptt -->\n", encoding="utf-8")
    bptt.main()
    expected = f"<!-- bptt -->\n{bptt.lesson_block(RESULTS)}<!-- /bptt -->\n"
    assert bptt.LESSON.read_text(encoding="utf-8") == expected
    write_json(tmp_path / "expected.json", RESULTS)
    assert bptt.RESULT.read_bytes() == (tmp_path / "expected.json").read_bytes()
