"""What holds for all tests."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from chromium import MISSING
from reliability import REPORT, Reliability

pytest_plugins = ["pytester"]

# No time limit an example, because machines differ; the same examples in every run, because a
# failure should be one that the change has made.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


PIPELINE = "pipeline"
LONGEST = {PIPELINE, "test_queue.py"}


class OneProcessAFixture(LoadScopeScheduling):
    """Tests of a file go to the same process, and all of tests/pipeline, which share a project."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        return PIPELINE if file.parent.name == PIPELINE else str(file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneProcessAFixture:
    return OneProcessAFixture(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest last, or first if other processes go on with the rest."""
    several = hasattr(config, "workerinput")
    items.sort(key=lambda item: bool(LONGEST & {*item.path.parts}) != several)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where nobody reads on, say loudly what no browser has looked at."""
    skipped = terminalreporter.stats.get("skipped", [])
    unseen = [report.nodeid for report in skipped if MISSING in str(report.longrepr)]
    if unseen and os.environ.get("CI"):
        terminalreporter.section(f"SKIPPED: {MISSING}")
        for test in unseen:
            terminalreporter.write_line(test)


def pytest_configure(config: pytest.Config) -> None:
    # Started in the background of a script, Python leaves Ctrl-C ignored, also for what it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.pluginmanager.register(Reliability(REPORT), "reliability")
