"""Commands that meet a full disk, a read-only folder, a reader that leaves, or Ctrl-C."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from imdb_rnn import cli
from imdb_rnn.serving.bulk import FIRST_ROWS
from limits import largest_file, on_linux, ordinary_user
from results import PROJECT, small_params, write_model, write_predictions

COMMAND = [sys.executable, "-c", "from imdb_rnn.cli import main; main()"]
PREDICTIONS = "predictions.parquet"


def write_folder(folder: Path) -> None:
    """Write what commands read."""
    write_model(folder / "models/rnn", small_params())
    write_predictions(folder / PREDICTIONS)
    for name in ("dvc.yaml", "dvc.lock", "params.yaml"):
        shutil.copy(PROJECT / name, folder)
    (folder / "experiments").mkdir()
    (folder / "reports").mkdir()
    for name in ("evaluate", "train", "diagnostics"):
        shutil.copy(PROJECT / f"reports/{name}.json", folder / "reports")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    write_folder(folder)
    return folder


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


PRINTING = {
    "help": ["--help"],
    "summary": ["summary"],
    "diagnostics": ["diagnostics"],
    "predict": ["predict", "great", "dull"],
    "explain": ["explain", "a great film"],
    "compare": ["compare", PREDICTIONS, PREDICTIONS],
}
WRITING = {
    "page.html": ["explain", "great", "--html", "page.html"],
    "out.json": ["compare", PREDICTIONS, PREDICTIONS, "--json", "out.json"],
    "export": ["export", "export"],
    "reports/experiments.json": ["experiments"],
}
"""What a command writes, and how it is called."""
each_printing = pytest.mark.parametrize("arguments", PRINTING.values(), ids=PRINTING.keys())
each_writing = pytest.mark.parametrize(("output", "arguments"), WRITING.items(), ids=WRITING.keys())


@contextmanager
def started(command: list[str], folder: Path, **streams: int) -> Iterator[subprocess.Popen[str]]:
    """A command that has ended after the block, or is killed where the test has failed."""
    environment = os.environ | {"PYTHONPATH": str(PROJECT / "src")}
    streams |= {"stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=folder, env=environment, text=True, **streams) as process:
        try:
            yield process
            process.wait(120)
        finally:
            process.kill()


def sentence(said: str) -> str:
    """The one line that tells of a fault, besides those that say what is being done."""
    (line,) = [line for line in said.splitlines() if not line.endswith(" ...")]
    return line


@on_linux
@pytest.mark.fault
@each_printing
def test_standard_output_without_room_is_a_sentence(folder: Path, arguments: list[str]) -> None:
    with (
        Path("/dev/full").open("w", encoding="utf-8") as full,
        started([*COMMAND, *arguments], folder, stdout=full.fileno()) as command,
    ):
        said = command.communicate(timeout=120)[1]
    assert command.returncode == 1
    assert sentence(said).startswith("standard output: No space left on device")


@pytest.mark.fault
@each_printing
def test_a_reader_that_leaves_ends_the_command_without_a_word(
    folder: Path, arguments: list[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with started([*COMMAND, *arguments], folder, stdout=writing) as command:
        os.close(writing)
        said = command.communicate(timeout=120)[1]
    assert command.returncode == 1
    assert [line for line in said.splitlines() if not line.endswith(" ...")] == []


@pytest.mark.fault
def test_predict_into_head_gives_the_first_line(folder: Path) -> None:
    (folder / "reviews.txt").write_text("great\n" * 100_000)
    predict = [*COMMAND, "predict", "--file", "reviews.txt", "--format", "jsonl"]
    with started(predict, folder, stdout=subprocess.PIPE) as command:
        assert command.stdout
        first = command.stdout.readline()
        command.stdout.close()
        assert command.stderr
        said = command.stderr.read()
    assert json.loads(first)["row"] == 1
    assert command.returncode == 1
    assert said == ""


@pytest.mark.fault
@pytest.mark.parametrize(
    ("command", "code"), [("predict <&-", 2), ("predict great >&-", 0), ("summary <&- >&-", 0)]
)
def test_a_closed_stream_counts_as_an_empty_one(folder: Path, command: str, code: int) -> None:
    done = subprocess.run(
        ["bash", "-c", f'"$@" {command}', "bash", *COMMAND],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(PROJECT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def run(patch: pytest.MonkeyPatch, arguments: list[str]) -> int:
    """The exit code of `imdb-rnn ARGUMENTS`."""
    patch.setattr(sys, "argv", ["imdb-rnn", *arguments])
    with pytest.raises(SystemExit) as left:
        cli.main()
    return int(left.value.code or 0)


@pytest.fixture
def readable() -> Iterator[Path]:
    """A folder that may be read and not written, below none that may not be entered."""
    with TemporaryDirectory() as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent) / "project"
        folder.mkdir()
        write_folder(folder)
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield folder


@pytest.mark.fault
@each_writing
def test_a_read_only_folder_is_a_sentence(  # noqa: PLR0913, PLR0917 - fixtures
    tmp_path: Path,
    readable: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    output: str,
    arguments: list[str],
) -> None:
    write_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, arguments) == 0  # loads what an ordinary user may not read
    capsys.readouterr()
    monkeypatch.chdir(readable)
    before = contents(readable)
    with ordinary_user():
        assert run(monkeypatch, arguments) == 1
    assert sentence(capsys.readouterr().err).startswith(f"{output}: Permission denied")
    assert contents(readable) == before


@pytest.mark.fault
@each_writing
@pytest.mark.parametrize("before", [False, True], ids=["new", "again"])
def test_a_full_disk_is_a_sentence_and_leaves_nothing_or_what_was_there(  # noqa: PLR0913 - fixtures
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    output: str,
    arguments: list[str],
    *,
    before: bool,
) -> None:
    write_folder(tmp_path)
    monkeypatch.chdir(tmp_path)
    if before:
        assert run(monkeypatch, arguments) == 0
        capsys.readouterr()
    found = contents(tmp_path)
    with largest_file(10):
        assert run(monkeypatch, arguments) == 1
    said = sentence(capsys.readouterr().err)
    assert said.startswith(output)
    assert "File too large" in said
    assert contents(tmp_path) == found
    assert before == Path(output).exists()


@pytest.mark.hostile
@pytest.mark.parametrize("output", ["page.html", "out.json"])
@pytest.mark.parametrize("kind", ["link", "dangling", "folder"])
def test_an_output_that_would_cost_something_is_refused_first(  # noqa: PLR0913, PLR0917 - fixtures
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    output: str,
    kind: str,
) -> None:
    monkeypatch.chdir(folder)
    place, mine = tmp_path / output, tmp_path / "mine"
    mine.write_text("mine")
    if kind == "folder":
        place.mkdir()
    else:
        place.symlink_to(mine if kind == "link" else "nowhere")
    before = contents(tmp_path)
    assert run(monkeypatch, [*WRITING[output][:-1], str(place)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence(said.err).startswith(str(place))
    assert contents(tmp_path) == before
    assert place.is_symlink() == (kind in {"link", "dangling"})


@pytest.mark.hostile
@pytest.mark.parametrize("output", ["page.html", "out.json"])
def test_a_protected_file_stays(
    folder: Path,
    readable: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    output: str,
) -> None:
    monkeypatch.chdir(folder)
    assert run(monkeypatch, WRITING[output]) == 0  # loads what an ordinary user may not read
    monkeypatch.chdir(readable)
    readable.chmod(0o777)
    Path(output).write_text("mine")
    Path(output).chmod(0o444)
    capsys.readouterr()
    with ordinary_user():
        assert run(monkeypatch, WRITING[output]) == 1
    assert sentence(capsys.readouterr().err).startswith(f"{output}: Permission denied")
    assert Path(output).read_text() == "mine"


@on_linux
@pytest.mark.parametrize("output", ["page.html", "out.json"])
def test_a_device_stays_one(folder: Path, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    monkeypatch.chdir(folder)
    assert run(monkeypatch, [*WRITING[output][:-1], "/dev/null"]) == 0
    assert Path("/dev/null").is_char_device()


@pytest.mark.fault
@pytest.mark.parametrize(
    ("command", "file"),
    [
        (["summary"], "reports/evaluate.json"),
        (["diagnostics"], "reports/diagnostics.json"),
        (["check"], "params.yaml"),
        (["predict", "great"], "models/rnn/config.json"),
        (["predict", "great"], "models/rnn/model.safetensors"),
        (["predict", "--file", "reviews.csv"], "reviews.csv"),
        (["explain", "great"], "models/rnn/tokenizer.json"),
        (["compare", PREDICTIONS, PREDICTIONS], PREDICTIONS),
        (["experiments"], "reports/train.json"),
    ],
)
@pytest.mark.parametrize("kind", ["folder", "unreadable"])
def test_an_input_that_cannot_be_read_is_named(  # noqa: PLR0913, PLR0917 - fixtures
    readable: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    file: str,
    kind: str,
) -> None:
    place = readable / file
    place.parent.chmod(0o755)
    if kind == "folder":
        place.unlink(missing_ok=True)
        place.mkdir()
    else:
        place.touch()
        place.chmod(0o000)
    monkeypatch.chdir(readable)
    with ordinary_user():
        assert run(monkeypatch, command) in {1, 2}
    assert file in sentence(capsys.readouterr().err)


@pytest.mark.fault
@pytest.mark.parametrize("module", ["rich", "typer", "imdb_rnn.errors"])
def test_ctrl_c_while_the_command_is_loaded_leaves_no_traceback(
    tmp_path: Path, module: str
) -> None:
    program = tmp_path / "imdb-rnn"
    program.write_text("from imdb_rnn.cli import main\nmain()\n")
    predict = [sys.executable, "-X", "importtime", str(program), "predict"]
    with started(predict, tmp_path, stdin=subprocess.PIPE) as command:
        assert command.stderr
        next(line for line in command.stderr if line.split("|")[-1].strip() == module)
        command.send_signal(signal.SIGINT)
        said = command.communicate(timeout=60)[1]
    assert command.returncode == 130
    assert "Traceback" not in said


@pytest.mark.fault
def test_ctrl_c_ends_a_command_that_waits_for_texts(folder: Path) -> None:
    predict = [*COMMAND, "predict", "--format", "jsonl"]
    with started(predict, folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as command:
        assert command.stdin
        assert command.stdout
        command.stdin.write("great\n" * FIRST_ROWS)
        command.stdin.flush()
        assert json.loads(command.stdout.readline())["row"] == 1
        command.send_signal(signal.SIGINT)
        said = command.communicate(timeout=60)[1]
    assert command.returncode == 130
    assert said == ""
