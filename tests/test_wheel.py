"""The built wheel predicts and explains with a model folder, far from any checkout."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from results import small_params, write_model

PROJECT = Path(__file__).parents[1]
SOURCES = ("LICENSE", "README.md", "pyproject.toml")


def pip(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--no-deps", "--quiet", "--no-index"]
    subprocess.run([*command, "--disable-pip-version-check"], check=True, capture_output=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that an environment with nothing but the wheel would import from."""
    work = tmp_path_factory.mktemp("wheel")
    # A build leaves files beside its sources, and would take in what an earlier one left.
    source = work / "source"
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(PROJECT / "src", source / "src", ignore=ignored)
    for name in SOURCES:
        shutil.copy(PROJECT / name, source)
    pip("wheel", "--no-build-isolation", "--wheel-dir", work, source)
    pip("install", "--target", work / "installed", next(work.glob("*.whl")))
    return work / "installed"


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    write_model(tmp_path / "model", small_params())
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


def python(installed: Path, folder: Path, *arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def imdb_rnn(installed: Path, folder: Path, *arguments: str | Path) -> str:
    return python(installed, folder, installed / "bin/imdb-rnn", *arguments)


def test_what_is_no_code_is_in_the_wheel(installed: Path) -> None:
    package = installed / "imdb_rnn"
    assert (package / "py.typed").is_file()
    assert (package / "evaluation/behaviour.yaml").is_file()
    templates = {file.name for file in (PROJECT / "src/imdb_rnn/report").glob("*.[!p]*")}
    assert {"report.css", "report.html", "model_card.md"} <= templates
    assert templates <= {file.name for file in (package / "report").iterdir()}


def test_it_says_its_version(installed: Path, elsewhere: Path) -> None:
    assert version("imdb-rnn") in imdb_rnn(installed, elsewhere, "--version")
    where = "import imdb_rnn; print(imdb_rnn.__file__)"
    assert python(installed, elsewhere, "-c", where).startswith(str(installed))


def test_it_predicts_and_explains_far_from_any_checkout(installed: Path, elsewhere: Path) -> None:
    model = elsewhere.with_name("model")
    text = "a great great film"
    (elsewhere / "reviews.txt").write_text(f"{text}\n", encoding="utf-8")
    answer = imdb_rnn(
        installed,
        elsewhere,
        "predict",
        "--file",
        "reviews.txt",
        "--model",
        model,
        "--format",
        "csv",
    )
    assert answer.splitlines()[1].startswith("1,")
    page = elsewhere / "explained.html"
    explained = imdb_rnn(
        installed, elsewhere, "explain", text, "--model", model, "--html", page.name
    )
    assert "great" in explained
    assert "great" in page.read_text(encoding="utf-8")
