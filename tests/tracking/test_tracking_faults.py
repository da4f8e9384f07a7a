"""A real MLflow server behind an HTTP proxy that misbehaves: training goes on, nothing is lost."""

import base64
import itertools
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mlflow
import pytest
import requests

from imdb_rnn.config import Params
from imdb_rnn.tracking import live
from imdb_rnn.tracking.connection import EXPERIMENT
from imdb_rnn.tracking.filing import file_results
from imdb_rnn.tracking.live import LiveRun, training_run
from limits import largest_file
from results import small_params, write_results

STEPS = 60
FORWARDED = ("Content-Type", "Accept")


class Proxy(ThreadingHTTPServer):
    """Passes requests on to `upstream`, unless `fault` answers them."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.has_points = False
        self.fault: Callable[[_Handler], bool] | None = None


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.fault and self.server.fault(self):
            return
        answer = requests.request(
            self.command,
            self.server.upstream + self.path,
            headers={name: self.headers[name] for name in FORWARDED if name in self.headers},
            data=body,
            timeout=60,
        )
        self.server.has_points |= b"step/loss" in body
        self.answer(answer.status_code, answer.content)

    do_GET = do_POST = do_PUT = do_PATCH = _handle  # noqa: N815 - http.server looks for these

    def answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def hang_up(handler: _Handler) -> bool:
    """What a client sees of a server that has died."""
    handler.close_connection = True
    return True


def server_error(handler: _Handler) -> bool:
    handler.answer(500, b"Internal Server Error")
    return True


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("server")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port]
    server = subprocess.Popen(
        [*command, "--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/runs.db"],
        cwd=folder,
        env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield _when_up(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait()


@pytest.fixture
def proxy(upstream: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The server that a working folder with results tracks its runs with."""
    for name in ("DVC_ROOT", "DVC_EXP_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    # A real training lasts longer than any of these.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(live, "SECONDS_BETWEEN_FLUSHES", 0.01)
    monkeypatch.setattr(live, "SECONDS_TO_FINISH", 0.5)
    with Proxy(upstream) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.fault
@pytest.mark.parametrize("fault", [hang_up, server_error])
@pytest.mark.parametrize("healthy_steps", [0, 20], ids=["from the start", "in the middle"])
def test_a_training_goes_on_without_its_server_and_is_filed_in_full_later(
    proxy: Proxy,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    fault: Callable[[_Handler], bool],
    healthy_steps: int,
) -> None:
    params = _unseen_params(tmp_path)
    with training_run(params) as run:
        for step in range(1, STEPS + 1):
            if step == healthy_steps:
                _wait_until(lambda: proxy.has_points, "the first steps arrive")
            if step >= healthy_steps:
                proxy.fault = fault
            run.log_step(step, {"loss": 1 / step})
        for epoch in (1, 2, 3):
            run.log_epoch(epoch, {"valid_loss": 1 / epoch})
    _wait_for_the_sender()
    assert capsys.readouterr().err.count("did not answer") == 1
    proxy.fault = None
    assert file_results(params)
    assert _filed(proxy, params) == ("FINISHED", EVERY_STEP, [1, 2, 3])
    assert _journals(tmp_path) == []


@pytest.mark.fault
def test_a_password_in_the_address_opens_the_server_and_is_kept_nowhere(
    proxy: Proxy,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allowed = "Basic " + base64.b64encode(b"ann:s3cret @home").decode()

    def refuse_strangers(handler: _Handler) -> bool:
        if handler.headers["Authorization"] == allowed:
            return False
        handler.answer(401, b"who are you?")
        return True

    proxy.fault = refuse_strangers
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
    address = proxy.url.replace("//", "//ann:s3cret%20%40home@")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    params = _unseen_params(tmp_path)
    run = file_results(params)
    assert run
    assert not {"s3cret", "ann:"} & set(re.findall("s3cret|ann:", "".join(capfd.readouterr())))
    client = mlflow.MlflowClient(proxy.upstream)
    shown = json.dumps(client.get_run(run).to_dictionary(), default=str)
    assert "s3cret" not in shown
    folder = mlflow.artifacts.download_artifacts(run_id=run, tracking_uri=proxy.upstream)
    assert not [
        path
        for path in Path(folder).rglob("*")
        if path.is_file() and b"s3cret" in path.read_bytes()
    ]


@pytest.mark.fault
def test_a_server_that_takes_its_time_does_not_hold_the_training_up(
    proxy: Proxy, tmp_path: Path
) -> None:
    params = _unseen_params(tmp_path)
    trained = threading.Event()

    def answer_after_the_training(_: _Handler) -> bool:
        trained.wait()
        return False

    proxy.fault = answer_after_the_training
    with training_run(params) as run:
        _log_all(run)
        trained.set()  # never reached by a training that waits for an answer
        proxy.fault = None
    _wait_for_the_sender()
    assert _journals(tmp_path) == []
    assert _filed(proxy, params) == ("FINISHED", EVERY_STEP, [1, 2, 3])


@contextmanager
def held_up(proxy: Proxy) -> Iterator[None]:
    """Nothing is answered within the block; after it, everything is."""
    released = threading.Event()

    def answer_when_released(_: _Handler) -> bool:
        released.wait()
        return False

    proxy.fault = answer_when_released
    try:
        yield
    finally:
        proxy.fault = None
        released.set()
        _wait_for_the_sender()


@pytest.mark.fault
def test_the_end_of_a_training_waits_a_bounded_time(
    proxy: Proxy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = _unseen_params(tmp_path)
    with held_up(proxy), training_run(params) as run:
        _log_all(run)
    assert "has not taken everything within 0.5 s" in capsys.readouterr().err
    assert _filed(proxy, params) == ("FINISHED", EVERY_STEP, [1, 2, 3])


@pytest.mark.fault
def test_filing_results_waits_a_bounded_time(
    proxy: Proxy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = _unseen_params(tmp_path)
    with held_up(proxy):
        assert file_results(params, seconds=0.2) is None
    assert "has not taken everything within 0.2 s" in capsys.readouterr().err
    assert _filed(proxy, params) == ("FINISHED", [], [1, 2, 3])


@pytest.mark.fault
def test_a_disk_without_room_for_the_journal_costs_a_warning_and_no_point(
    proxy: Proxy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    params = _unseen_params(tmp_path)
    with largest_file(0), training_run(params) as run:
        _log_all(run)
    _wait_for_the_sender()
    said = capsys.readouterr().err.replace("\n", " ")
    (journal,) = _journals(tmp_path)
    assert said.startswith(f"{journal}: File too large.")
    assert said.count(".jsonl") == 1
    assert _filed(proxy, params) == ("FINISHED", EVERY_STEP, [1, 2, 3])


@pytest.mark.fault
@pytest.mark.parametrize("left_over", ["", '["step/loss", 0.5, 17', "\x00" * 9, '["a"]', "{}", "3"])
def test_what_a_killed_training_had_not_sent_is_sent_by_the_next(
    proxy: Proxy, tmp_path: Path, left_over: str
) -> None:
    params = _unseen_params(tmp_path)
    proxy.fault = hang_up
    with suppress(SystemExit), training_run(params) as run:
        for step, loss in EVERY_STEP[:30]:
            run.log_step(step, {"loss": loss})
        raise SystemExit
    _wait_for_the_sender()
    (journal,) = _journals(tmp_path)
    with journal.open("a", encoding="utf-8") as file:
        file.write(left_over)
    with training_run(params) as run:
        for step, loss in EVERY_STEP[30:]:
            run.log_step(step, {"loss": loss})
        for epoch in (1, 2, 3):
            run.log_epoch(epoch, {"valid_loss": 1 / epoch})
    _wait_for_the_sender()
    proxy.fault = None
    with training_run(params) as run:
        for step, loss in EVERY_STEP[20:]:  # from the last checkpoint on
            run.log_step(step, {"loss": loss})
    _wait_for_the_sender()
    assert _filed(proxy, params) == ("FINISHED", EVERY_STEP, [1, 2, 3])


SEEDS = itertools.count(1)
EVERY_STEP = [(step, 1 / step) for step in range(1, STEPS + 1)]


def _unseen_params(folder: Path) -> Params:
    """Parameters that the server has no run of, and the results of the pipeline under them."""
    params = small_params().model_copy(update={"seed": next(SEEDS)})
    write_results(folder, params)
    return params


def _log_all(run: LiveRun) -> None:
    for step, loss in EVERY_STEP:
        run.log_step(step, {"loss": loss})
    for epoch in (1, 2, 3):
        run.log_epoch(epoch, {"valid_loss": 1 / epoch})


def _journals(folder: Path) -> list[Path]:
    return list((folder / ".cache" / "curves").iterdir())


def _wait_until(fulfilled: Callable[[], bool], what: str) -> None:
    for _ in range(6000):
        if fulfilled():
            return
        time.sleep(0.01)
    pytest.fail(f"not within a minute: {what}")


def _wait_for_the_sender() -> None:
    """A training's process ends without it; these tests go on in the same one."""
    for thread in threading.enumerate():
        if thread.name == "mlflow-sender":
            thread.join(60)


def _when_up(address: str) -> str:
    def is_up() -> bool:
        try:
            return requests.get(f"{address}/health", timeout=5).ok
        except requests.ConnectionError:
            return False

    _wait_until(is_up, "the MLflow server answers")
    return address


def _filed(proxy: Proxy, params: Params) -> tuple[str, list[tuple[int, float]], list[int]]:
    """Status, curve over steps, and the epochs of the run that the server has."""
    client = mlflow.MlflowClient(proxy.upstream)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment
    (run,) = client.search_runs([experiment.experiment_id], f"params.seed = '{params.seed}'")
    steps = client.get_metric_history(run.info.run_id, "step/loss")
    epochs = client.get_metric_history(run.info.run_id, "epoch/valid_loss")
    return run.info.status, [(p.step, p.value) for p in steps], [p.step for p in epochs]
