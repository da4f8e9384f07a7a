"""What holds for all tests."""

import pytest
from hypothesis import settings

from reliability import REPORT, Reliability

pytest_plugins = ["pytester"]

# No time limit an example, because machines differ; the same examples in every run, because a
# failure should be one that the change has made.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


PIPELINE = "pipeline"


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep together what shares fixtures; the longest first if there are others to go on with."""
    for item in items:
        folder = item.path.parent.name
        item.add_marker(pytest.mark.xdist_group(folder if folder == PIPELINE else item.path.stem))
    several = hasattr(config, "workerinput")
    items.sort(key=lambda item: (item.path.parent.name == PIPELINE) != several)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Reliability(REPORT), "reliability")
