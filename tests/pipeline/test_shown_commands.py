"""The commands that the README and the tutorial show, as they stand there, one after the other."""

import json
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import mlflow
import psutil
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from chromium import chromium, needs_chromium, watched_page
from imdb_rnn.models.predictor import Predictor
from imdb_rnn.report.plots_page import TEMPLATE, write_template
from imdb_rnn.tracking.registry import ALIAS, NAME
from pipeline.project import SECONDS_TO_END, Project, below, imdb_rnn, run, started

pytestmark = pytest.mark.timeout(600)
ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "imdb-rnn seeds --n 3": "tests/pipeline/test_seeds.py::test_seeds_are_run_once_and_summarised",
    "imdb-rnn ui": "tests/tracking/test_mlflow_ui.py::test_a_server_ends_with_its_command",
}
"""Command -> the test that runs it."""
TUTORIAL = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
SHOWN = TUTORIAL + (ROOT / "README.md").read_text(encoding="utf-8")
(NAMED,) = re.findall("^Reproducing experiment '(.+)'", TUTORIAL, re.MULTILINE)
"""What DVC called the experiment."""
PYTHON = "python"
POSTED: dict[str, dict[str, object]] = {
    "texts": {"inputs": ["A superb, moving film.", "A dull film."]},
    "a name for the texts": {"inputs": {"text": ["film"]}},
    "no text": {"inputs": ["film", ""]},
    "no text, refused": {"inputs": ["film", ""], "params": {"errors": "raise"}},
}
METRICS: dict[str, object] = json.loads((ROOT / "reports/metrics.json").read_text("utf-8"))
SIGNIFICANT = 0.05
PORT = "8000"
"""Where the model is served."""


class Shown(NamedTuple):
    """A command in the README or the tutorial."""

    typed: str
    output: str
    """What stands there as its output; `...` stands for anything."""

    @property
    def command(self) -> str:
        return self.typed.partition("  #")[0].strip()


def shown_commands() -> list[Shown]:
    blocks = re.findall(r"^```console\n(.*?)^```", SHOWN, re.DOTALL | re.MULTILINE)
    command = re.compile(r"^\$ (.*(?:(?<=\\)\n.*)*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
    return [Shown(*found) for block in blocks for found in command.findall(block)]


def shown_program() -> str:
    """The tutorial's lines of Python."""
    (program,) = re.findall(r"^```python\n(.*?)^```", TUTORIAL, re.DOTALL | re.MULTILINE)
    return str(program)


class Walk:
    """A project whose results are committed, and what the commands print on the way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.experiment = NAMED
        self.port = str(_unused_port())
        self.printed: dict[str, str] = {}
        self.answers: dict[str, requests.Response] = {}
        rows = "review,stars\n" + "A superb film.,5\nA dull film.,1\n" * 5 + ",5\n"
        (folder / "reviews.csv").write_text(rows, encoding="utf-8")

    def take(self, command: str) -> None:
        """Run a command to its end."""
        here = self.as_here(command)
        in_process = here.startswith("imdb-rnn")
        printed = self._in_process(here) if in_process else self._in_bash(here)
        self.printed[command] = printed
        if found := re.search("Reproducing experiment '(.+)'", printed):
            self.experiment = found[1]

    @contextmanager
    def serving(self, command: str) -> Iterator[None]:
        """Run a command that goes on until nobody needs it any more."""
        with started(shlex.split(self.as_here(command)), self.folder) as server:
            _wait_for(f"http://127.0.0.1:{self.port}/ping")
            yield
            self.printed[command] = _ended(server)

    def post(self, content: object) -> requests.Response:
        """What the server answers."""
        address = f"http://127.0.0.1:{self.port}/invocations"
        return requests.post(address, json=content, timeout=60)

    def json(self, name: str) -> Any:
        return json.loads((self.folder / "reports" / name).read_text(encoding="utf-8"))

    def as_here(self, text: str) -> str:
        """Text of the pages with the names that things have in this walk."""
        return text.replace(NAMED, self.experiment).replace(PORT, self.port)

    def _in_process(self, command: str) -> str:
        command, _, target = command.partition(" > ")
        done = imdb_rnn(self.folder, *shlex.split(command)[1:])
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        if target:
            (self.folder / target).write_text(done.stdout, encoding="utf-8")
        return done.stdout + done.stderr

    def _in_bash(self, command: str) -> str:
        typed = f"{command} --dry-run" if command.startswith("make") else command
        done = run(["bash", "-c", typed], self.folder)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def walk(project: Project) -> Walk:
    """All commands were run."""
    folder = project.folder
    template = folder / TEMPLATE  # which `make setup` makes
    write_template(template)
    project.dvc("config", "--local", "plots.html_template", str(template))
    walk = Walk(folder)
    with ExitStack() as servers:
        for command in (shown.command for shown in shown_commands()):
            if command.startswith("mlflow models serve"):
                servers.enter_context(walk.serving(command))
            elif command not in ELSEWHERE:
                walk.take(command)
        walk.printed[PYTHON] = run([sys.executable, "-c", shown_program()], folder).stdout
        for name, request in POSTED.items():
            walk.answers[name] = walk.post(request)
    return walk


@pytest.mark.parametrize("shown", shown_commands(), ids=lambda shown: shown.command[:40])
def test_a_command_does_what_is_shown(walk: Walk, shown: Shown) -> None:
    if shown.command in ELSEWHERE:
        file, test = ELSEWHERE[shown.command].split("::")
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8")
        return
    printed = _unvarying(walk.printed[shown.command])
    for part in walk.as_here(shown.output).split("..."):
        assert _unvarying(part) in printed


def test_make_leads_to_the_pipeline_and_to_the_tests(walk: Walk) -> None:
    assert "dvc repro" in walk.printed["make run"]
    assert "pytest" in walk.printed["make test"]


def test_the_verdict_says_what_its_numbers_say(walk: Walk) -> None:
    compare = f"imdb-rnn compare HEAD {NAMED}"
    (shown,) = (shown.output for shown in shown_commands() if shown.command == compare)
    assert _verdict(shown, NAMED) in {"better", "worse"}, "the session goes back for a reason"
    assert _verdict(walk.printed[compare], walk.experiment)


def test_the_differences_are_those_of_the_edit(walk: Walk) -> None:
    changed = "params.yaml train.epochs 2 1"
    assert changed in " ".join(walk.printed["dvc params diff"].split())
    (show,) = (command for command in walk.printed if command.startswith("dvc exp show"))
    head, _, *rows = walk.printed[show].splitlines()
    columns = [cell.strip() for cell in head.strip("|").split("|")]
    assert columns[0] == "Experiment"
    assert columns[-1] == "train.epochs"
    assert set(columns[1:-1]) <= set(walk.json("metrics.json"))
    epochs = [row.strip("| ").split("|")[-1].strip() for row in rows if row]
    assert epochs == ["1", "2", "1"], "the workspace, main, and the experiment below it"


@needs_chromium
def test_the_pages_of_dvc_plots_are_drawn_without_a_network(walk: Walk) -> None:
    with chromium() as browser:
        shown, heard = watched_page(browser, 1000)
        shown.goto((walk.folder / "dvc_plots/index.html").as_uri())
        for title in ("ROC on the test texts", "Calibration on the test texts"):
            shown.locator("svg.marks").get_by_text(title).first.wait_for()
    assert [said for said in heard if said.startswith("asked for")] == []


def test_mlflow_s_own_ui_shows_the_same_store_to_this_machine_alone(walk: Walk) -> None:
    with started(["mlflow", "ui", "--port", walk.port], walk.folder) as server:
        _wait_for(f"http://127.0.0.1:{walk.port}/health")
        address = f"http://127.0.0.1:{walk.port}/api/2.0/mlflow/experiments/get-by-name"
        found = requests.get(address, {"experiment_name": "imdb-rnn"}, timeout=60)
        said = _ended(server)
    assert found.json()["experiment"]["name"] == "imdb-rnn"
    (line,) = re.findall(r"among its first lines is `(.+?)`", TUTORIAL, re.DOTALL)
    assert " ".join(line.split()) in said


def test_going_back_made_the_committed_model_the_champion(walk: Walk) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{walk.folder / 'mlflow.db'}")
    champion = client.get_run(client.get_model_version_by_alias(NAME, ALIAS).run_id)
    assert champion.info.run_name == "default"
    assert champion.data.params["train.epochs"] == "2"
    assert champion.data.metrics["test/accuracy"] == walk.json("evaluate.json")["accuracy"]
    changed = run(["git", "status", "--porcelain", "--untracked-files=no"], walk.folder).stdout
    assert changed == ""


def test_the_experiment_that_was_left_can_be_brought_back(walk: Walk) -> None:
    applied = run(["dvc", "exp", "apply", walk.experiment], walk.folder)
    assert applied.returncode == 0, applied.stderr
    changed = run(["dvc", "params", "diff"], walk.folder).stdout
    assert "params.yaml train.epochs 2 1" in " ".join(changed.split())
    run(["bash", "-c", "git restore . && dvc checkout"], walk.folder)
    assert run(["dvc", "params", "diff"], walk.folder).stdout == ""


def test_every_way_to_the_champion_answers_as_predict_does(walk: Walk) -> None:
    (predicted,) = re.findall(
        r"(\S+)  A superb", walk.printed['imdb-rnn predict "A superb, moving film."']
    )
    (served,) = (printed for command, printed in walk.printed.items() if "curl" in command)
    (answer,) = re.findall(r'\{"predictions": \[.+"probability": (.+)\}\]\}', served)
    (loaded,) = re.findall(r"(\S+)$", walk.printed[PYTHON].strip())
    assert float(answer) == pytest.approx(float(predicted), abs=1e-4)
    assert float(loaded) == pytest.approx(float(answer), abs=1e-5)


def test_the_server_answers_each_text_and_refuses_what_is_none(walk: Walk) -> None:
    predictor = Predictor.load(walk.folder / "models/rnn")
    expected = predictor.probabilities(POSTED["texts"]["inputs"])  # type: ignore[arg-type]
    answers = walk.answers["texts"].json()["predictions"]
    assert [answer["probability"] for answer in answers] == pytest.approx(expected, abs=1e-6)
    assert [answer["label"] for answer in answers] == [
        "pos" if p > 0.5 else "neg" for p in expected
    ]
    assert walk.answers["a name for the texts"].status_code == 400
    null = {"label": None, "probability": None}
    assert walk.answers["no text"].json()["predictions"][1] == null
    refusal = walk.answers["no text, refused"]
    assert refusal.status_code == 400
    assert "text 2: it has no word that the model knows" in refusal.json()["message"]
    assert "Traceback" not in refusal.text


def _verdict(printed: str, name: str) -> str:
    """The verdict of `compare`, which must follow from the p-value and the gap beside it."""
    said = re.search(
        rf"{name} (?:is (better|worse) than|(cannot be told apart) from) HEAD: (.*)",
        printed,
        re.DOTALL,
    )
    assert said, printed
    found: str = said[1] or said[2]
    sentence = " ".join(said[3].split())
    if sentence.startswith("both are right on the same reviews"):
        assert found == "cannot be told apart"
        return found
    (gap,) = re.findall(r"([+-][\d.]+) points of accuracy", sentence)
    (p,) = re.findall(r"McNemar p = ([\d.e-]+)\)", sentence)
    significant = "better" if float(gap) > 0 else "worse"
    assert found == (significant if float(p) < SIGNIFICANT else "cannot be told apart")
    return found


def _ended(server: subprocess.Popen[str]) -> str:
    """What a server has printed that nobody needs any more."""
    for each in (*below(server), server):
        with suppress(psutil.NoSuchProcess):
            each.terminate()
    return "".join(server.communicate(timeout=SECONDS_TO_END))


def _unvarying(text: str) -> str:
    """The words of a text without what depends on the run, and tables without their lines.

    Which numbers move, and so are columns or rows of a difference, depends on the run; the verdict
    has a test of its own.
    """
    for varying, stands_for in {
        r"\b[0-9a-f]{7,40}\b|[+-]?\d[\d.,]*(e-\d+)?": "#",
        r"(is (better|worse) than|cannot be told apart from) HEAD: .*": "",
        rf"\b({'|'.join(METRICS)})\b": "",
        "[|-]+": " ",
    }.items():
        text = re.sub(varying, stands_for, text, flags=re.DOTALL)
    words = (" ".join(line.split()) for line in text.splitlines())
    lines = [re.sub("#( #)+", "#", line) for line in words if line]
    return " ".join(
        line for line, before in zip(lines, [None, *lines], strict=False) if line != before
    )


def _wait_for(url: str) -> None:
    patient = HTTPAdapter(max_retries=Retry(total=100, backoff_factor=0.1, backoff_max=1))
    with requests.Session() as session:
        session.mount(url, patient)
        session.get(url, timeout=60).raise_for_status()


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
