"""The count of what the tests try, on a small suite of its own."""

import json

import pytest

SUITE = """
import pytest
from hypothesis import given, settings, strategies as st

@pytest.mark.fault
@pytest.mark.parametrize("fault", ["404", "500", "stall"])
def test_faults(fault):
    pass

@pytest.mark.hostile
@settings(max_examples=20, derandomize=True)
@given(st.integers())
def test_inputs(number):
    pass

@pytest.mark.hostile
def test_an_input():
    pass

def test_kills(reliability):
    for _ in range(2):
        reliability.count_kill(identical=True)

def test_neither():
    pass
"""
ALL = {
    "kills": 2,
    "kills_identical": 2,
    "faults": 3,
    "faults_survived": 3,
    "inputs": 21,
    "inputs_handled": 21,
}


def counts(pytester: pytest.Pytester, suite: str, *options: str) -> dict[str, int] | None:
    """What a run of a suite writes."""
    pytester.makeini("[pytest]\ntestpaths = .\nmarkers =\n    fault\n    hostile\n")
    pytester.makepyfile(test_it=suite)
    written = pytester.path / "counts.json"
    # As this project does it, because with several processes each needs the plugin.
    pytester.makeconftest(
        "from pathlib import Path\nfrom reliability import Reliability\n"
        f"pytest_configure = lambda config: config.pluginmanager.register("
        f"Reliability(Path({str(written)!r})), 'reliability')"
    )
    pytester.inline_run("-p", "no:cacheprovider", *options)
    return json.loads(written.read_text()) if written.exists() else None


@pytest.mark.parametrize("options", [[], ["--numprocesses", "1"]])
def test_everything_that_was_tried_is_counted(
    pytester: pytest.Pytester, options: list[str]
) -> None:
    assert counts(pytester, SUITE, *options) == ALL


@pytest.mark.parametrize(
    ("before", "after", "held"),
    [
        ("(fault):\n    pass", "(fault):\n    assert fault != '500'", {"faults_survived": 2}),
        ("_input():\n    pass", "_input():\n    assert False", {"inputs_handled": 20}),
        ("identical=True", "identical=_ == 0", {"kills_identical": 1}),
    ],
)
def test_what_did_not_hold_shows(
    pytester: pytest.Pytester, before: str, after: str, held: dict[str, int]
) -> None:
    assert before in SUITE
    assert counts(pytester, SUITE.replace(before, after)) == ALL | held


@pytest.mark.parametrize(
    "options", [["-k", "kills"], ["-k", "kills", "-n1"], ["test_it.py"], ["-x"]]
)
def test_a_run_of_a_part_writes_nothing(pytester: pytest.Pytester, options: list[str]) -> None:
    suite = SUITE.replace("_input():\n    pass", "_input():\n    assert False")
    assert counts(pytester, suite, *options) is None


def test_a_counted_test_that_was_skipped_keeps_the_file_from_changing(
    pytester: pytest.Pytester,
) -> None:
    assert (
        counts(pytester, SUITE.replace("_input():\n    pass", "_input():\n    pytest.skip()"))
        is None
    )
