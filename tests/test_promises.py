"""docs/promises.md names tests that exist, and the counted attempts all held."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROMISES = (ROOT / "docs/promises.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`(tests/\S+?\.py)::(?:\w+::)?(\w+)`", PROMISES)))
REPORT = ROOT / "reports/reliability.json"


@pytest.mark.parametrize(("file", "test"), TESTS)
def test_a_test_that_shows_a_promise_exists(file: str, test: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_promise_has_a_test() -> None:
    _, _, table = PROMISES.partition("| promise | shown by |\n")
    rows = table.partition("\n\n")[0].splitlines()[1:]
    assert len(rows) > 10
    assert [row for row in rows if "::" not in row] == []


@pytest.mark.skipif(not REPORT.exists(), reason="the first run of the whole suite writes it")
def test_everything_that_was_counted_held() -> None:
    counts = json.loads(REPORT.read_text(encoding="utf-8"))
    assert counts["kills_identical"] == counts["kills"] > 0
    assert counts["faults_survived"] == counts["faults"] > 0
    assert counts["inputs_handled"] == counts["inputs"] >= 1000
