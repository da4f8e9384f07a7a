"""What holds for all tests."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from chromium import MISSING
from once import made_once
from reliability import REPORT, Reliability

pytest_plugins = ["pytester"]

TESTS = Path(__file__).parent

# No time limit an example, because machines differ; the same examples in every run, because a
# failure should be one that the change has made.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")


LONGEST = [
    "pipeline/test_pipeline.py",  # the process that takes it makes what the others copy
    "stages/test_killed_training.py",
    "pipeline/test_shown_commands.py",
    "pipeline/test_own_texts.py",
    "pipeline/test_asked_to_end.py",
    "stages/test_kill.py",
    "pipeline/test_verify.py",
    "pipeline/test_queue.py",
    "pipeline/test_repository.py",
    "pipeline/test_seeds.py",
    "tracking/test_tracking.py",
    "tracking/test_moved_checkout.py",
    "tracking/test_tracking_faults.py",
    "tracking/test_mlflow_ui.py",
    "diagnostics/test_reading.py",
    "diagnostics/test_order.py",
    "diagnostics/test_delayed_recall.py",
    "stages/test_diagnostics.py",
    "evaluation/test_drawing.py",
    "stages/test_full_disk.py",
    "test_setup.py",
    "test_command_faults.py",
    "test_signals.py",
    "test_make_run.py",
    "test_cli.py",
    "test_notebook.py",
    "test_wheel.py",
    "explain/test_attribution.py",
    "experiments/test_verify.py",
    "tracking/test_registry.py",
    "test_config.py",
    "test_reliability.py",
    "training/test_checkpoint.py",
    "report/test_page.py",
    "report/test_plots_page.py",
    "runtime/test_processes.py",
    "runtime/test_instruction_set.py",
    "runtime/test_subnormal.py",
    "stages/test_global_generators.py",
    "stages/test_download.py",
    "stages/test_download_files.py",
    "serving/test_answer_file.py",
    "stages/test_run_stage.py",
    "experiments/test_revisions.py",
    "data/test_archive.py",
    "serving/test_texts.py",
]
"""Files that take long, by how long; all their tests are `slow`, with a few tests elsewhere."""


class OneProcessAFile(LoadScopeScheduling):
    """Tests of a file go to the same process, which then makes their fixtures once."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneProcessAFile:
    return OneProcessAFile(config, log)


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The longest last, or first if other processes go on with the rest."""
    several = hasattr(config, "workerinput")

    def rank(item: pytest.Item) -> int:
        file = item.path.relative_to(TESTS).as_posix()
        return LONGEST.index(file) if file in LONGEST else len(LONGEST)

    for item in items:
        if rank(item) < len(LONGEST):
            item.add_marker("slow")
    items.sort(key=lambda item: rank(item) if several else -rank(item))


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, which take seconds to make; to be copied."""

    def make(database: Path) -> None:
        import mlflow  # noqa: PLC0415 - takes seconds, and most tests do without

        mlflow.MlflowClient(f"sqlite:///{database}").search_experiments()

    return made_once(tmp_path_factory, "mlflow.db", make)


@pytest.fixture(autouse=True)
def subnormal_numbers() -> Iterator[None]:
    """Stages that run in this process do without them, and other tests need them."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


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
