from pathlib import Path

import pytest
from benchmarks.document import filled_in
from benchmarks.kills import blocks

from imdb_rnn.io.json_file import read_json

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "reports/kills.json"


def test_the_sentence_says_what_was_killed_and_how_much_is_equal() -> None:
    kills = [{"signal": "SIGKILL", "stage": "train"}, {"signal": "SIGINT", "stage": "diagnostics"}]
    said = blocks({"kills": kills, "outputs": 30, "outputs_different": ["models/rnn"]})["kills"]
    assert "killed 2 times" in said
    assert "`train` by SIGKILL, `diagnostics` by SIGINT." in said
    assert "Of its 30 outputs, 29 have the bytes" in said


@pytest.mark.skipif(not RESULTS.exists(), reason="nothing has been killed on real reviews yet")
def test_the_page_shows_the_committed_results() -> None:
    results = read_json(RESULTS)
    page = (ROOT / "docs/promises.md").read_text(encoding="utf-8")
    assert filled_in(page, blocks(results)) == page
    assert results["outputs_different"] == []
    assert len(results["kills"]) >= 3
