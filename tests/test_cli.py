"""The commands as a user meets them: output, standard error, exit codes."""

import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from imdb_rnn import cli
from results import PROJECT, make_project, small_params, write_model

RESULT = {
    "id": [f"test/{i}" for i in range(60)],
    "label": pa.array([0, 1] * 30, pa.int8()),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "model"
    write_model(folder, small_params())
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of `imdb-rnn ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["imdb-rnn", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


def test_predicting_needs_no_heavy_library(model: Path) -> None:
    script = (
        "import sys; from imdb_rnn import cli\n"
        f"sys.argv = ['imdb-rnn', 'predict', '--model', {str(model)!r}, '--format', 'jsonl']\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'mlflow', 'sklearn', 'dvc', 'scipy', 'matplotlib', 'pandas', 'sympy'}\n"
        "sys.exit(' '.join(heavy & sys.modules.keys()) or 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=b"a great film\ndull\n",
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert [json.loads(line)["row"] for line in done.stdout.splitlines()] == [1, 2]


def test_answers_go_to_standard_output_and_all_else_to_standard_error(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(monkeypatch, "predict", "great", "", "--model", str(model), "--errors", "skip")
    said = capsys.readouterr()
    assert code == 0
    assert said.out.splitlines()[1].split()[-1] == "great"
    assert len(said.out.splitlines()) == 2
    assert "row 2: left out" in said.err


def test_a_bad_row_ends_with_exit_code_2_after_the_good_ones(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "r.jsonl").write_text('{"review": "great"}\n' * 16 + '{"review": "gr\n')
    arguments = ["--file", str(tmp_path / "r.jsonl"), "--column", "review", "--format", "csv"]
    assert run(monkeypatch, "predict", *arguments, "--model", str(model)) == 2
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1 + 16
    assert said.err.startswith(f"{tmp_path / 'r.jsonl'}, row 17: not JSON")
    assert "starting at character 12" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "great", "--model", "nowhere"],
        ["predict", "--file", "nowhere.csv"],
        ["compare", "nowhere", "nowhere"],
        ["compare", "a.parquet", "b.parquet"],
        ["compare", "0" * 32, "0" * 32],
        ["promote", "0" * 32],
        ["champion"],
        ["export", "out", "--model", "nowhere"],
    ],
)
def test_what_is_not_there_is_refused_with_a_way_out(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert run(monkeypatch, *arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    told = [line for line in said.err.splitlines() if not line.endswith(" ...")]
    assert len(told) == 1, "besides what is being done"
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("r.csv", b"", "the file is empty"),
        ("r.csv", b"id,review\n1,great\n", "one column text is needed; there are: id, review"),
        ("r.txt", "gro\u00df".encode("latin-1"), "row 1: not UTF-8 from byte 4 on"),
        ("r.txt", "great".encode("utf-16"), "iconv -f UTF-16 -t UTF-8"),
        ("r.csv", "text\ngreat\n".encode("utf-16"), "iconv -f UTF-16 -t UTF-8"),
        ("r.parquet", b"great", "not a whole parquet file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(  # noqa: PLR0913, PLR0917 - fixtures
    model: Path,
    name: str,
    content: bytes,
    complaint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / name).write_bytes(content)
    assert run(monkeypatch, "predict", "--file", str(tmp_path / name), "--model", str(model)) == 2
    said = capsys.readouterr()
    assert complaint in said.err
    assert said.err.count("\n") == 1


def test_the_name_of_a_file_is_judged_with_a_hint(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("great.csv").write_text("text\ngreat\n", encoding="utf-8")
    assert run(monkeypatch, "predict", "great.csv", "--model", str(model)) == 0
    said = capsys.readouterr()
    assert "`imdb-rnn predict --file great.csv`" in said.err
    assert len(said.out.splitlines()) == 2


def test_a_dash_reads_standard_input(model: Path) -> None:
    done = _command(["predict", "--file", "-", "--model", str(model), "--format", "jsonl"], {})
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["row"] for line in done.stdout.splitlines()] == [1, 2]


def test_the_versions_are_shown_at_once() -> None:
    script = (
        "import sys; from imdb_rnn import cli\n"
        "sys.argv = ['imdb-rnn', '--version']\n"
        "try: cli.main()\n"
        "except SystemExit as left: assert not left.code\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    words = done.stdout.decode().replace(",", "").split()
    assert words[1::2] == [version("imdb-rnn"), platform.python_version(), version("torch")]


def _command(
    arguments: list[str], environment: dict[str, str], given: bytes = b"a great film\ndull\n"
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", "from imdb_rnn.cli import main; main()", *arguments],
        input=given,
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )


ENCODINGS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1:strict"},
    "C": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


@pytest.mark.hostile
@pytest.mark.parametrize("environment", ENCODINGS.values(), ids=ENCODINGS)
def test_every_terminal_gets_its_answers(
    environment: dict[str, str], model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "caf\udce9 “x”"  # a name that is not UTF-8, in quotes that ASCII lacks
    folder.mkdir()
    make_project(folder)
    (folder / "reports").mkdir()
    shutil.copy(PROJECT / "reports/diagnostics.json", folder / "reports")
    for arguments in (
        ["predict", "a “great” film", "映画", "--errors", "skip", "--model", str(model)],
        ["explain", "a “great” film", "--model", str(model), "--html", str(folder / "p.html")],
        ["predict", "great", "--model", str(folder)],
        ["--help"],
    ):
        done = _command(arguments, environment)
        assert done.returncode in {0, 2}, done.stderr
        assert b"Traceback" not in done.stderr
    done = subprocess.run(
        [sys.executable, "-c", "from imdb_rnn.cli import main; main()", "diagnostics"],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b'For positive speak most "' in done.stdout


@pytest.mark.hostile
def test_a_text_means_the_same_in_every_locale(model: Path) -> None:
    arguments = ["predict", "a “great” café", "--model", str(model), "--format", "jsonl"]
    answers = {_command(arguments, environment).stdout for environment in [{}, *ENCODINGS.values()]}
    assert len(answers) == 1
    assert json.loads(answers.pop())["row"] == 1


def test_an_export_says_where_its_page_is(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(monkeypatch, "export", str(tmp_path / "out"), "--model", str(model)) == 0
    assert str(tmp_path / "out") in capsys.readouterr().out
    assert (tmp_path / "out" / "model.onnx").is_file()


def test_comparing_two_files_says_which_is_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, wrong in (("a", 20), ("b", 2)):
        sure = [0.8 if label else 0.1 for label in [0, 1] * 30]
        probability = [1 - p if i < wrong else p for i, p in enumerate(sure)]
        pq.write_table(pa.table(RESULT | {"probability": probability}), f"{name}.parquet")
    assert run(monkeypatch, "compare", "a.parquet", "b.parquet", "--json", "out.json") == 0
    shown = capsys.readouterr().out
    assert "b.parquet is better than a.parquet: +30.00 points" in shown
    content = json.loads(Path("out.json").read_text())
    assert content["outcome"] == "better"
    assert content["only_b_right"] == len(content["disagreements"]) == 18
    assert content["changed"] is None


@pytest.mark.hostile
def test_files_whose_names_are_not_utf8_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(b"caf\xe9.parquet")
    with Path(name).open("wb") as file:
        pq.write_table(pa.table(RESULT | {"probability": [0.25, 0.75] * 30}), file)
    assert run(monkeypatch, "compare", name, name, "--json", os.fsdecode(b"\xe9.json")) == 0
    content = json.loads(Path(os.fsdecode(b"\xe9.json")).read_text(encoding="utf-8"))
    assert content["a"] == name


@pytest.mark.parametrize("content", ["[]", "3", '{"variant": "full"}', '{"baselines": []}'])
def test_a_summary_of_what_another_version_wrote_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/evaluate.json").write_text(content)
    make_project(tmp_path)
    assert run(monkeypatch, "summary") == 2
    said = capsys.readouterr().err
    assert "reports/evaluate.json: cannot be read" in said
    assert "`dvc repro --force evaluate` writes it anew" in said


@pytest.fixture
def subfolder(
    model: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Where the user stands: a folder inside a project that has a trained model."""
    project = tmp_path_factory.mktemp("project")
    make_project(project)
    shutil.copytree(model, project / "models/rnn")
    folder = project / "docs" / "drafts"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_commands_work_from_a_subfolder_with_the_paths_as_they_are_typed(
    subfolder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run_there(*arguments: str) -> int:
        monkeypatch.chdir(subfolder)
        return run(monkeypatch, *arguments)

    (subfolder / "texts.txt").write_text("great\n")
    for name in ("a", "b"):
        sure = [0.8 if label else 0.1 for label in [0, 1] * 30]
        pq.write_table(pa.table(RESULT | {"probability": sure}), subfolder / f"{name}.parquet")
    assert run_there("predict", "great") == 0
    assert run_there("predict", "--file", "texts.txt", "--model", "../../models/rnn") == 0
    assert run_there("predict", "--file", str(subfolder / "texts.txt")) == 0
    assert run_there("explain", "great", "--html", "page.html") == 0
    assert run_there("export", "../app") == 0
    assert run_there("compare", "a.parquet", "./b.parquet", "--json", "out.json") == 0
    assert (subfolder / "page.html").is_file()
    assert (subfolder / "out.json").is_file()
    assert (subfolder.parent / "app" / "model.onnx").is_file()
    assert {path.name for path in subfolder.parents[1].iterdir()} == {
        "dvc.yaml",
        "params.yaml",
        "models",
        "docs",
    }
    capsys.readouterr()
    assert run_there("predict", "--file", "nowhere.txt") == 2
    assert "docs/drafts/nowhere.txt" in capsys.readouterr().err


@pytest.mark.usefixtures("subfolder")
def test_a_model_typed_in_a_subfolder_is_the_one_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "predict", "great", "--model", "models/rnn") == 2
    assert "docs/drafts/models/rnn" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["summary"],
        ["experiment", "smoke"],
        ["experiments"],
        ["diagnostics"],
        ["seeds"],
        ["track"],
        ["promote"],
        ["champion"],
        ["ui"],
        ["verify"],
        ["predict", "great"],
        ["explain", "great"],
        ["export", "out"],
    ],
)
def test_outside_of_a_project_commands_say_so_and_make_nothing(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert run(monkeypatch, *command) == 2
    said = capsys.readouterr().err
    assert str(tmp_path) in said
    assert "project" in said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_outside_of_a_project_a_model_is_enough(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "predict", "great", "--model", str(model)) == 0
    assert run(monkeypatch, "explain", "great", "--model", str(model)) == 0
    assert run(monkeypatch, "export", "out", "--model", str(model)) == 0
    assert run(monkeypatch, "track", "--help") == 0
