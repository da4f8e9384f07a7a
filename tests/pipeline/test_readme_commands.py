"""The commands that the README shows, run as they stand there, one after the other."""

import json
import os
import re
import shlex
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import mlflow
import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from imdb_rnn import cli
from imdb_rnn.registry import ALIAS, NAME
from pipeline.project import Project, run, start

pytestmark = pytest.mark.timeout(600)
ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "imdb-rnn seeds --n 3": "tests/pipeline/test_pipeline.py"
    "::test_seeds_are_run_once_and_summarised",
    "imdb-rnn ui": "tests/test_mlflow_ui.py::test_a_server_ends_with_its_command",
}
"""Command -> the test that runs it."""
NAMED, PORT = "larky-bott", "8000"
"""The experiment that DVC named, and where the model is served."""


class Shown(NamedTuple):
    """A command in the README."""

    typed: str
    output: str
    """What the README says that it prints; `...` stands for anything."""

    @property
    def command(self) -> str:
        return self.typed.partition("  #")[0].strip()


def shown_commands() -> list[Shown]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    command = re.compile(r"^\$ (.*(?:(?<=\\)\n.*)*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
    return [Shown(*found) for block in blocks for found in command.findall(block)]


class Walk:
    """A project whose results are committed, and what the commands print on the way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.experiment = NAMED
        self.port = str(_unused_port())
        self.printed: dict[str, str] = {}
        (folder / "reviews.csv").write_text("review\nA superb film.\n\n", encoding="utf-8")
        for command in (["branch", "-M", "main"], ["add", "-A"], ["commit", "-qm", "results"]):
            run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *command], folder)

    def take(self, command: str) -> None:
        """Run a command to its end."""
        here = self.as_here(command)
        printed = _in_process(here) if here.startswith("imdb-rnn") else self._in_bash(here)
        self.printed[command] = printed
        if found := re.search("Reproducing experiment '(.+)'", printed):
            self.experiment = found[1]

    @contextmanager
    def serving(self, command: str) -> Iterator[None]:
        """Run a command that goes on until nobody needs it any more."""
        server = start(["setsid", *shlex.split(self.as_here(command))], self.folder)
        try:
            _wait_for(f"http://127.0.0.1:{self.port}/ping")
            yield
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            self.printed[command] = "".join(server.communicate())

    def as_here(self, text: str) -> str:
        """Text of the README with the names that things have in this walk."""
        return text.replace(NAMED, self.experiment).replace(PORT, self.port)

    def _in_bash(self, command: str) -> str:
        typed = f"{command} --dry-run" if command.startswith("make") else command
        done = run(["bash", "-c", typed], self.folder)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def walk(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """All commands of the README were run."""
    folder = tmp_path_factory.mktemp("walk") / "imdb-rnn"
    shutil.copytree(project.folder, folder, symlinks=True)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as servers:
        for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_EXP_NAME"):
            patch.delenv(name, raising=False)
        patch.chdir(folder)
        walk = Walk(folder)
        for command in (shown.command for shown in shown_commands()):
            if command.startswith("mlflow models serve"):
                servers.enter_context(walk.serving(command))
            elif command not in ELSEWHERE:
                walk.take(command)
    return walk


@pytest.mark.parametrize("shown", shown_commands(), ids=lambda shown: shown.command[:40])
def test_a_command_does_what_the_readme_shows(walk: Walk, shown: Shown) -> None:
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


def test_the_edited_model_became_champion_and_its_server_answers_as_predict_does(
    walk: Walk,
) -> None:
    client = mlflow.MlflowClient(f"sqlite:///{walk.folder / 'mlflow.db'}")
    champion = client.get_run(client.get_model_version_by_alias(NAME, ALIAS).run_id)
    results = json.loads((walk.folder / "reports/evaluate.json").read_text(encoding="utf-8"))
    assert champion.data.params["train.epochs"] == "1"
    assert champion.data.metrics["test/accuracy"] == results["accuracy"]
    (served,) = (printed for command, printed in walk.printed.items() if "curl" in command)
    (answer,) = re.findall(r'\{"predictions": \[(.+)\]\}', served)
    (predicted,) = re.findall(
        r"(\S+)  A superb", walk.printed['imdb-rnn predict "A superb, moving film."']
    )
    assert float(answer) == pytest.approx(float(predicted), abs=1e-4)


def _in_process(command: str) -> str:
    """What `imdb-rnn` prints; the libraries that it loads are loaded already."""
    command, _, target = command.partition(" > ")
    printed, said = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed), redirect_stderr(said):
        patch.setattr("sys.argv", shlex.split(command))
        with pytest.raises(SystemExit) as left:
            cli.main()
    assert left.value.code in {0, None}, f"{command}\n{printed.getvalue()}{said.getvalue()}"
    if target:
        Path(target).write_text(printed.getvalue(), encoding="utf-8")
    return printed.getvalue() + said.getvalue()


def _unvarying(text: str) -> str:
    """The words of a text without what depends on the run, and tables without their lines."""
    for varying, stands_for in {
        "“.+?”": "“”",
        r"\b[0-9a-f]{7,40}\b|[+-]?\d[\d.,]*(e-\d+)?": "#",
        r"(is (better|worse) than|cannot be told apart from) HEAD: .*": "",
    }.items():
        text = re.sub(varying, stands_for, text, flags=re.DOTALL)
    return " ".join(re.sub("[|-]+", " ", text).split())


def _wait_for(url: str) -> None:
    patient = HTTPAdapter(max_retries=Retry(total=100, backoff_factor=0.1, backoff_max=1))
    with requests.Session() as session:
        session.mount(url, patient)
        session.get(url, timeout=60).raise_for_status()


def _unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
