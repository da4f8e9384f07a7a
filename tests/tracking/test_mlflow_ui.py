"""A run in MLflow's own pages, as a browser shows them."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import mlflow
import psutil
import pytest
import requests

from chromium import chromium, needs_chromium, watched_page
from example_results import example_results
from imdb_rnn.report.page import page
from imdb_rnn.tracking.connection import EXPERIMENT, store_uri
from imdb_rnn.tracking.filing import file_results
from results import make_project, small_params, write_results

PATIENCE = 60_000  # milliseconds; the pages are large programs
FOUND = {
    "metrics.`test/accuracy` > 0.95": "0 matching runs",
    "metrics.`test/accuracy` > 0.91 and params.`model.cell` = 'lstm'": "1 matching run",
}
"""What is searched for -> what the page says of it."""


class Ui(NamedTuple):
    """What `imdb-rnn ui` shows."""

    command: subprocess.Popen[bytes]
    runs: str
    """Address of the table of runs."""
    run_id: str
    """Of the one that is filed there."""


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Iterator[Ui]:
    folder = tmp_path_factory.mktemp("project")
    shutil.copyfile(empty_store, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME"):
            patch.setenv(name, "")
            patch.delenv(name)
        patch.chdir(folder)
        params = small_params()
        write_results(folder, params)
        make_project(folder)
        (folder / "reports/report.html").write_text(page(example_results(), {}), encoding="utf-8")
        assert file_results(params, with_report=True)
        client = mlflow.MlflowClient(store_uri())
        experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
        (run,) = client.search_runs([experiment])
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        program = [sys.executable, "-c", "from imdb_rnn.cli import main; main()", "ui"]
        command = subprocess.Popen([*program, "--port", str(port)], stdout=subprocess.DEVNULL)
    base = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{base}/health")
        yield Ui(command, f"{base}/#/experiments/{experiment}/runs", run.info.run_id)
    finally:
        command.terminate()
        command.wait(timeout=60)


@needs_chromium
def test_the_pages_show_the_run_with_its_data_model_curves_and_report(ui: Ui) -> None:
    with chromium() as browser:
        shown, _ = watched_page(browser, 1400)  # one, because loading the program takes longest
        shown.set_default_timeout(PATIENCE)
        shown.goto(f"{ui.runs}?workflowType=machine_learning")
        shown.get_by_text("lstm-4x1-bi seed 1").first.wait_for()
        shown.get_by_text("1 matching run").wait_for()
        for filter_, found in FOUND.items():
            shown.get_by_placeholder("metrics.rmse").fill(filter_)
            shown.keyboard.press("Enter")
            shown.get_by_text(found).wait_for()
        shown.goto(f"{ui.runs}/{ui.run_id}")
        shown.get_by_text("[0.9068, 0.9139]").wait_for()
        shown.get_by_text("IMDB train, full").first.wait_for()
        shown.goto(ui.runs.replace("/runs", "/models"))
        shown.get_by_text("lstm-4x1-bi seed 1").first.wait_for()
        shown.get_by_text("Ready").wait_for()
        shown.goto(f"{ui.runs}/{ui.run_id}/model-metrics")
        shown.get_by_placeholder("Search metric charts").fill("epoch/valid_loss")
        shown.get_by_text("valid_loss").first.wait_for()
        shown.goto(f"{ui.runs}/{ui.run_id}/artifacts/reports/report.html")
        shown.frame_locator("iframe").get_by_text("Against the linear models").wait_for()


def test_nobody_else_can_reach_the_server(ui: Ui) -> None:
    port = urlsplit(ui.runs).port
    sockets = [found for found in psutil.net_connections("tcp") if found.laddr.port == port]
    listening = {found.laddr.ip for found in sockets if found.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_a_server_ends_with_its_command(ui: Ui) -> None:
    servers = psutil.Process(ui.command.pid).children(recursive=True)
    assert servers
    ui.command.terminate()
    assert ui.command.wait(timeout=30) == 143
    assert psutil.wait_procs(servers, timeout=5)[1] == []


def _wait_for(url: str) -> None:
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up:
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise TimeoutError(url)
