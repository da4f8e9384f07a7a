"""Counts what the tests try to break and how often it held: `reports/reliability.json`.

How a test takes part:

- `@pytest.mark.fault`: something breaks or misbehaves (a server, a disk, a file, another process).
  Each test, with each of its parameters, is one fault; it was survived if the test passes.
- `@pytest.mark.hostile`: somebody passes in what nobody should. Each test is one input, of a
  hypothesis test each example; it was handled if the test passes.
- The fixture `reliability`: `reliability.count_kill(identical=...)`, once for each process that was
  killed and run again; `identical` says whether the outputs are those of an undisturbed run. Count
  before you assert.

The file is written by a run of the whole suite. It holds counts alone, so that it changes in Git
only when the tests do. A run of a part, or one that had to skip a counted test, leaves it alone.
"""

import functools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

REPORT = Path(__file__).parents[1] / "reports" / "reliability.json"
TRIED = {"fault": "faults", "hostile": "inputs"}
HELD = {"fault": "faults_survived", "hostile": "inputs_handled"}


class Reliability:
    """The counts of one run, and what it takes to write them."""

    def __init__(self, report: Path) -> None:
        self._report = report
        self._finished = 0
        self._partial = False
        self._examples = 0
        self.counts: Counter[str] = Counter()

    def count_kill(self, *, identical: bool) -> None:
        """Count a process that was killed and run again."""
        self.counts["kills"] += 1
        self.counts["kills_identical"] += identical

    @pytest.fixture
    def reliability(self) -> "Reliability":
        """For tests that kill."""
        return self

    def pytest_deselected(self) -> None:
        self._partial = True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Count the examples that a hypothesis test comes through."""
        self._examples = 0
        hypothesis = getattr(getattr(item, "obj", None), "hypothesis", None)
        if hypothesis is None:
            self._examples = 1
            return (yield)
        inner = hypothesis.inner_test

        @functools.wraps(inner)
        def counted(*arguments: object, **named: object) -> None:
            inner(*arguments, **named)
            self._examples += 1

        hypothesis.inner_test = counted
        try:
            return (yield)
        finally:
            hypothesis.inner_test = inner

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        report = yield
        for mark in TRIED:
            if item.get_closest_marker(mark):
                self._count(mark, report)
        self._finished += call.when == "teardown"
        return report

    def _count(self, mark: str, report: pytest.TestReport) -> None:
        self._partial |= report.skipped
        if report.when == "call" and report.passed:
            self.counts[TRIED[mark]] += self._examples
            self.counts[HELD[mark]] += self._examples
        elif report.failed:
            self.counts[TRIED[mark]] += 1

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        whole = session.config.args_source is pytest.Config.ArgsSource.TESTPATHS
        if whole and not self._partial and self._finished == session.testscollected > 0:
            names = ["kills", "kills_identical"]
            names += [name for mark in TRIED for name in (TRIED[mark], HELD[mark])]
            content = {name: self.counts[name] for name in names}
            self._report.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
