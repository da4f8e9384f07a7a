"""Counts what the tests try to break and how often it held: `reports/reliability.json`.

How a test takes part:

- `@pytest.mark.fault`: something breaks or misbehaves (a server, a disk, a file, another process).
  Each test, with each of its parameters, is one fault, of a hypothesis test each example; it was
  survived if the test passes.
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
PROPERTY = "reliability"
HELD = {"fault": "faults_survived", "hostile": "inputs_handled"}


class Reliability:
    """The counts of one run, and what it takes to write them.

    Each report of a test carries what the test adds, because with several processes the one that
    writes the file runs no test itself.
    """

    def __init__(self, report: Path) -> None:
        self._report = report
        self._finished = 0
        self._partial = False
        self._deselected = False
        self._examples = 0
        self._kills: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def count_kill(self, *, identical: bool) -> None:
        """Count a process that was killed and run again."""
        self._kills["kills"] += 1
        self._kills["kills_identical"] += identical

    @pytest.fixture
    def reliability(self) -> "Reliability":
        """For tests that kill."""
        return self

    def pytest_deselected(self) -> None:
        self._deselected = True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Count the examples that a hypothesis test comes through."""
        self._examples = 0
        self._kills.clear()
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
        marks = [mark for mark in TRIED if item.get_closest_marker(mark)]
        tried = Counter(self._kills if call.when == "call" else {})
        for mark in marks:
            tried += self._tried(mark, report)
        partial = self._deselected or (bool(marks) and report.skipped)
        report.user_properties.append((PROPERTY, {"tried": dict(tried), "partial": partial}))
        return report

    def _tried(self, mark: str, report: pytest.TestReport) -> Counter[str]:
        if report.when == "call" and report.passed:
            return Counter({TRIED[mark]: self._examples, HELD[mark]: self._examples})
        return Counter({TRIED[mark]: int(report.failed)})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        found = dict(report.user_properties)[PROPERTY]
        self.counts.update(found["tried"])
        self._partial |= found["partial"]
        self._finished += report.when == "teardown"

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        one_of_several = hasattr(session.config, "workerinput")
        whole = session.config.args_source is pytest.Config.ArgsSource.TESTPATHS
        complete = self._finished == session.testscollected > 0
        if whole and complete and not (self._partial or one_of_several):
            names = ["kills", "kills_identical"]
            names += [name for mark in TRIED for name in (TRIED[mark], HELD[mark])]
            content = {name: self.counts[name] for name in names}
            self._report.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
