"""Files of answers: whole or not there, and never begun from nothing without need."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from imdb_rnn.cli import main
from imdb_rnn.console import Advance
from imdb_rnn.io.atomic import unfinished_name
from imdb_rnn.models.predictor import Predictor
from imdb_rnn.serving.answer_file import opened, purpose_of
from imdb_rnn.serving.texts import open_texts
from limits import largest_file
from results import PROJECT, small_params, write_model

ENDINGS = ("parquet", "jsonl", "csv")
CLASSES = ("bad", "so, so", "good")
WORDS = ["great", "dull", "film", "bad", "cast", "long", "xyzzy"]


class InterruptedWorkError(Exception):
    """Stands for whatever ends a process."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("answers") / "model"
    write_model(folder, small_params(), classes=CLASSES)
    return folder


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return write_texts(tmp_path / "texts.jsonl", 700)


def write_texts(path: Path, count: int) -> Path:
    """Some of them without a known word."""
    random = np.random.default_rng(count)
    lines = (" ".join(random.choice(WORDS, size=random.integers(0, 9))) for _ in range(count))
    path.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    return path


def answer(texts: Path, model: Path, out: Path, *options: str) -> int:
    """The exit code of `imdb-rnn predict --out`."""
    arguments = ["predict", "--file", str(texts), "--model", str(model), "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["imdb-rnn", *arguments, "--errors", "skip", *options])
        with pytest.raises(SystemExit) as done:
            main()
    return int(done.value.code or 0)


def interrupted_after(pieces: int) -> Advance:
    left = pieces

    def advance(amount: float = 1, note: str = "") -> None:  # noqa: ARG001 - as it is called
        nonlocal left
        left -= 1
        if left == 0:
            raise InterruptedWorkError

    return advance


def begin(texts: Path, model: Path, out: Path, pieces: int) -> None:
    """Leave what a process leaves that ends after so many pieces."""
    with (
        pytest.raises(InterruptedWorkError),
        open_texts(None, texts, "text") as source,
        opened(out, purpose_of(texts, "text", model), "skip") as answers,
    ):
        answers.write(Predictor.load(model), source, "skip", interrupted_after(pieces))


def hidden(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("pieces", [1, 2, 4])
def test_what_was_interrupted_goes_on_to_the_same_bytes(
    texts: Path, model: Path, ending: str, pieces: int, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path = texts.parent
    whole, out = tmp_path / f"whole.{ending}", tmp_path / f"answers.{ending}"
    assert answer(texts, model, whole) == 0
    concluded = capsys.readouterr().err.splitlines()[-1]
    begin(texts, model, out, pieces)
    (work,) = hidden(tmp_path)
    (work / f"{pieces}.{ending}").write_text("half a pie")  # as of a process that was killed
    assert not out.exists()
    assert answer(texts, model, out) == 0
    said = capsys.readouterr().err.splitlines()
    assert f"{out}: going on after row {min(64 * (2**pieces - 1), 700)}" in said
    assert said[-1] == concluded
    assert out.read_bytes() == whole.read_bytes()
    assert hidden(tmp_path) == []


@pytest.mark.slow
@pytest.mark.fault
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_killed_process_loses_and_doubles_nothing(
    model: Path, tmp_path: Path, ending: str
) -> None:
    texts = write_texts(tmp_path / "texts.jsonl", 20_000)
    whole, out = tmp_path / f"whole.{ending}", tmp_path / f"answers.{ending}"
    assert answer(texts, model, whole) == 0
    code = "from imdb_rnn.cli import main; main()"
    options = ["--file", str(texts), "--model", str(model), "--errors", "skip", "--out", str(out)]
    kills = 0
    for piece in (2, 6):
        process = subprocess.Popen(
            [sys.executable, "-c", code, "predict", *options],
            env=os.environ | {"PYTHONPATH": str(PROJECT / "src")},
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        begun = unfinished_name(out) / f"{piece}.{ending}"
        while process.poll() is None and not begun.exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    assert kills == 2
    assert not out.exists()
    assert answer(texts, model, out) == 0
    assert out.read_bytes() == whole.read_bytes()


def test_a_table_has_a_column_for_each_of_three_classes(
    texts: Path, model: Path, tmp_path: Path
) -> None:
    for ending in ENDINGS:
        assert answer(texts, model, tmp_path / f"answers.{ending}") == 0
    table = pq.read_table(tmp_path / "answers.parquet")
    columns = [f"probability_{name}" for name in CLASSES]
    assert table.column_names == ["row", "label", "probability", *columns, "unknown_words"]
    lines = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    predictor = Predictor.load(model)
    given = [json.loads(line)["text"] for line in texts.read_text().splitlines()]
    for row, line in zip(table.to_pylist(), lines, strict=True):
        assert (row["row"], row["label"]) == (line["row"], line["label"])
        assert list(line["probabilities"]) == list(CLASSES)
        assert line["label"] == max(CLASSES, key=line["probabilities"].__getitem__)
        of_classes = [row[name] for name in columns]
        assert of_classes == pytest.approx(list(line["probabilities"].values()), abs=1e-6)
        assert row["probability"] == max(of_classes)
    expected = predictor.probabilities([given[row - 1] for row in table["row"].to_pylist()])
    found = np.stack([table[name].to_numpy() for name in columns], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_file_that_is_there_already_is_refused_and_stays(
    texts: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing in it tells of which texts and which model it is."""
    out = tmp_path / "answers.csv"
    assert answer(texts, model, out) == 0
    made = out.read_bytes()
    assert answer(texts, model, out) == 2
    assert str(out) in capsys.readouterr().err
    assert out.read_bytes() == made
    assert hidden(tmp_path) == []


def change_texts(texts: Path, model: Path) -> None:  # noqa: ARG001 - as `change_model`
    os.utime(texts, (1, 1))


def change_model(texts: Path, model: Path) -> None:  # noqa: ARG001 - as `change_texts`
    write_model(model.with_name("other"), small_params(), seed=5, classes=CLASSES)
    for file in model.with_name("other").iterdir():
        file.replace(model / file.name)


@pytest.mark.parametrize("change", [change_texts, change_model])
def test_work_for_other_texts_or_another_model_is_begun_anew(
    texts: Path, tmp_path: Path, change: object, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = tmp_path / "model", tmp_path / "answers.csv"
    write_model(model, small_params(), classes=CLASSES)
    begin(texts, model, out, 2)
    change(texts, model)  # type: ignore[operator]
    assert answer(texts, model, out) == 0
    assert "starting anew" in capsys.readouterr().err
    assert answer(texts, model, tmp_path / "whole.csv") == 0
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("content", ["", "{}", '{"purpose": {}, "pieces": 1, "report": {"x": 1}}'])
def test_damaged_notes_on_the_progress_begin_anew(
    texts: Path, model: Path, tmp_path: Path, content: str
) -> None:
    out = tmp_path / "answers.csv"
    begin(texts, model, out, 2)
    (unfinished_name(out) / "progress.json").write_text(content)
    assert answer(texts, model, out) == 0
    assert answer(texts, model, tmp_path / "whole.csv") == 0
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_after_a_refused_row_the_work_goes_on_without_such_rows(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts, out = tmp_path / "texts.txt", tmp_path / "answers.jsonl"
    texts.write_text("great\n" * 100 + "\n" + "dull\n" * 100)
    assert answer(texts, model, out, "--errors", "fail") == 2
    assert "row 101" in capsys.readouterr().err
    assert not out.exists()
    assert answer(texts, model, out, "--errors", "skip") == 0
    assert "going on after row 64" in capsys.readouterr().err
    rows = [json.loads(line)["row"] for line in out.read_text().splitlines()]
    assert rows == [*range(1, 101), *range(102, 202)]


def test_rows_that_were_left_out_are_not_passed_over_later(
    texts: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers.csv"
    begin(texts, model, out, 3)
    assert answer(texts, model, out, "--errors", "fail") == 2
    assert not out.exists()


def test_two_processes_do_not_write_the_same_file(texts: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    with opened(out, None, "skip"):
        assert answer(texts, model, out) == 2
    assert answer(texts, model, out) == 0


def test_nothing_is_left_where_no_row_can_be_used(model: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n\n")
    assert answer(texts, model, tmp_path / "answers.csv") == 2
    assert answer(texts, model, tmp_path / "answers.csv", "--errors", "fail") == 2
    assert list(tmp_path.iterdir()) == [texts]


def test_a_model_that_is_not_there_is_refused(texts: Path, tmp_path: Path) -> None:
    assert answer(texts, tmp_path / "nowhere", tmp_path / "answers.csv") == 2
    assert list(tmp_path.iterdir()) == [texts]


@pytest.mark.parametrize("out", ["answers.txt", "answers", "nowhere/answers.csv", "texts.jsonl"])
def test_a_place_where_no_answers_can_be_written_is_refused(
    texts: Path, model: Path, tmp_path: Path, out: str
) -> None:
    before = texts.read_bytes()
    assert answer(texts, model, tmp_path / out) == 2
    assert texts.read_bytes() == before
    assert list(tmp_path.iterdir()) == [texts]


def test_a_format_beside_a_file_is_refused(texts: Path, model: Path, tmp_path: Path) -> None:
    assert answer(texts, model, tmp_path / "answers.csv", "--format", "jsonl") == 2


def test_texts_that_come_from_elsewhere_are_answered_but_not_gone_on_with(
    model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers.csv"

    def write(given: Sequence[str]) -> None:
        with open_texts(list(given), None, "text") as source, opened(out, None, "skip") as answers:
            answers.write(Predictor.load(model), source, "skip", interrupted_after(2))

    with pytest.raises(InterruptedWorkError):
        write(["great"] * 200)
    write(["dull"])
    assert len(out.read_text().splitlines()) == 2


@pytest.mark.fault
def test_a_full_disk_keeps_what_was_done(
    texts: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, out = tmp_path / "whole.csv", tmp_path / "answers.csv"
    assert answer(texts, model, whole) == 0
    with largest_file(8000):  # a piece fits, the whole does not
        assert answer(texts, model, out) == 1
    assert f"{out}: " in capsys.readouterr().err
    assert answer(texts, model, out) == 0
    assert "going on after row" in capsys.readouterr().err
    assert out.read_bytes() == whole.read_bytes()
