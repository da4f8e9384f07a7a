"""What holds for all tests."""

import pytest
from hypothesis import settings

from reliability import REPORT, Reliability

pytest_plugins = ["pytester"]

# No time limit an example, because machines differ; the same examples in every run, because a
# failure should be one that the change has made.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Reliability(REPORT), "reliability")
