"""Predictions of many rows: in order, in bounded memory, whatever some of them hold."""

import csv
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imdb_rnn.errors import UserError
from imdb_rnn.models.predictor import Predictor
from imdb_rnn.serving import bulk
from imdb_rnn.serving.bulk import FIRST_ROWS, MOST_ROWS, predict_rows, write_predictions
from imdb_rnn.serving.texts import Row, Texts, given_texts
from results import small_params, write_model

WORDS = ["great", "dull", "film", "bad", "cast", "long"]


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("bulk") / "model"
    write_model(folder, small_params())
    return Predictor.load(folder)


def source(rows: Iterator[Row], **fields: Any) -> Texts:
    return Texts("reviews.csv", rows, None, in_bytes=True, **fields)


def written(predictor: Predictor, texts: Texts, **choices: Any) -> str:
    out = io.StringIO()
    write_predictions(predictor, texts, out, **({"form": "jsonl", "errors": "skip"} | choices))
    return out.getvalue()


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


@pytest.mark.parametrize("threads", [1, 3])
def test_many_rows_get_what_each_gets_alone(predictor: Predictor, threads: int) -> None:
    random = np.random.default_rng(2)
    texts = [" ".join(random.choice(WORDS, size=random.integers(1, 12))) for _ in range(300)]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    found = lines(written(predictor, given_texts(texts)))
    assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    assert [line["row"] for line in found] == list(range(1, 301))
    np.testing.assert_allclose(
        [line["probability"] for line in found], predictor.probabilities(texts), atol=2e-6
    )
    assert all(line["label"] == ("pos" if line["probability"] > 0.5 else "neg") for line in found)
    assert len({line["probability"] for line in found}) > 100


def test_rows_that_cannot_be_used_are_left_out_and_named(
    predictor: Predictor, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [Row(1, "great", "", 1), Row(3, "", "not UTF-8", 3), Row(4, " ", "", 4)]
    found = lines(written(predictor, source(iter([*rows, Row(9, "dull", "", 9)]))))
    assert [line["row"] for line in found] == [1, 9]
    said = capsys.readouterr().err
    assert "row 3: left out, not UTF-8" in said
    assert "row 4: left out, it has no word" in said
    assert "2 of 4 rows left out" in said


def test_failing_names_the_row_and_keeps_what_came_before(predictor: Predictor) -> None:
    rows = [Row(i, "great film" if i != 100 else "", "", i) for i in range(1, 200)]
    out = io.StringIO()
    with pytest.raises(UserError, match=r"^reviews.csv, row 100: .*--errors skip"):
        write_predictions(predictor, source(iter(rows)), out, form="jsonl", errors="fail")
    assert [line["row"] for line in lines(out.getvalue())] == list(range(1, 100))


@pytest.mark.parametrize("errors", ["fail", "skip"])
def test_what_was_read_before_a_source_breaks_is_written(predictor: Predictor, errors: str) -> None:
    def rows() -> Iterator[Row]:
        yield Row(1, "great", "", 1)
        yield Row(2, "dull", "", 2)
        raise UserError("reviews.csv, line 3: not CSV")

    out = io.StringIO()
    with pytest.raises(UserError, match="line 3"):
        write_predictions(predictor, source(rows()), out, form="csv", errors=errors)  # type: ignore[arg-type]
    assert [row["row"] for row in csv.DictReader(io.StringIO(out.getvalue()))] == ["1", "2"]


def test_no_rows_are_refused(predictor: Predictor) -> None:
    with pytest.raises(UserError, match="no texts"):
        written(predictor, source(iter([])))


def test_a_source_without_a_single_usable_row_is_refused(predictor: Predictor) -> None:
    rows = [Row(1, "", "not UTF-8", 1), Row(2, " ", "", 2)]
    with pytest.raises(UserError, match="none of its 2 rows can be used"):
        written(predictor, source(iter(rows)))


@pytest.mark.parametrize("interactive", [True, False])
def test_no_more_is_read_than_the_next_answers_need(
    predictor: Predictor, *, interactive: bool
) -> None:
    taken = 0

    def rows() -> Iterator[Row]:
        nonlocal taken
        for number in range(1, 10_000):
            taken = number
            yield Row(number, "great", "", number)

    pieces = predict_rows(predictor, source(rows(), interactive=interactive))
    reads, answers = [], []
    for _ in range(8):
        answers.append(len(next(pieces)))
        reads.append(taken)
    pieces.close()
    assert reads == list(np.cumsum(answers))
    assert answers[0] == (1 if interactive else FIRST_ROWS)
    assert max(answers) == (1 if interactive else MOST_ROWS)


def test_a_source_with_an_end_is_read_one_piece_ahead(predictor: Predictor) -> None:
    taken = threading.Semaphore(0)

    def rows() -> Iterator[Row]:
        for number in range(1, 1000):
            taken.release()
            yield Row(number, "great", "", number)

    pieces = predict_rows(predictor, source(rows())._replace(total=1000))
    next(pieces)
    for _ in range(3 * FIRST_ROWS):  # the first piece, and the next of twice its size
        assert taken.acquire(timeout=60)
    pieces.close()


def test_only_many_rows_wait_for_the_faster_form(predictor: Predictor) -> None:
    fresh = Predictor(predictor.classifier, predictor.tokenizer)
    pieces = predict_rows(fresh, given_texts(["great film"] * 3 * FIRST_ROWS))
    next(pieces)
    assert "predict_many" not in vars(fresh)
    next(pieces)
    assert "predict_many" in vars(fresh)


def test_long_texts_are_read_in_smaller_pieces(
    predictor: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "MOST_CHARACTERS", 1000)
    pieces = predict_rows(predictor, given_texts(["great film " * 40] * 20))
    assert {len(piece) for piece in pieces} <= {1, 2, 3}


def test_texts_of_mostly_unknown_words_are_counted_and_named(
    predictor: Predictor, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = ["great film", "great xyzzy plugh", "xyzzy film", *["film un deux trois"] * 7]
    found = lines(written(predictor, given_texts(texts)))
    assert [line["unknown_words"] for line in found[:3]] == [0, 0.6667, 0.5]
    assert "8 of 10 rows (2, 4, 5, 6, 7, ...)" in capsys.readouterr().err
    written(predictor, given_texts(texts[:8]))
    assert "6 of 8 rows (2, 4, 5, 6, 7, ...)" in capsys.readouterr().err
    written(predictor, given_texts(texts[:7]))
    assert "5 of 7 rows (2, 4, 5, 6, 7)" in capsys.readouterr().err


def test_progress_adds_up_to_where_the_source_ends(predictor: Predictor) -> None:
    steps: list[float] = []
    rows = (Row(number, "great", "", 10 * number) for number in range(1, 201))
    written(predictor, source(rows), advance=steps.append)
    assert len(steps) > 1
    assert sum(steps) == 2000


def test_a_table_shows_texts_on_one_line_and_nothing_that_steers_a_terminal(
    predictor: Predictor,
) -> None:
    texts = ["great\n\x1b[2Jfilm\r\x07", "dull \u202e film", "a long cast " * 100]
    header, *shown = written(predictor, given_texts(texts), form="table").splitlines()
    assert header.split() == ["row", "label", "probability", "of", "pos", "text"]
    assert len(shown) == 3
    assert all(line.isprintable() and len(line) < 100 for line in shown)


def test_a_table_says_of_which_of_two_classes_the_probability_is(tmp_path: Path) -> None:
    write_model(tmp_path / "model", small_params(), classes=("bad", "very good"))
    two = Predictor.load(tmp_path / "model")
    texts = ["great", "dull film"]
    header, *shown = written(two, given_texts(texts), form="table").splitlines()
    heading = "probability of very good"
    end = header.index(heading) + len(heading)
    for row, expected in zip(shown, two.probabilities(texts), strict=True):
        assert row[:end].endswith(f" {expected:.4f}")


def test_of_three_classes_all_forms_name_the_likeliest(tmp_path: Path) -> None:
    classes = ("bad", 'so "so", really', "good")
    write_model(tmp_path / "model", small_params(), classes=classes)
    three = Predictor.load(tmp_path / "model")
    texts = ["great", "dull film", "", "bad xyzzy"]
    used = [texts[0], texts[1], texts[3]]
    as_json = lines(written(three, given_texts(texts)))
    for line, expected in zip(as_json, three.probabilities(used), strict=True):
        assert list(line["probabilities"]) == list(classes)
        assert list(line["probabilities"].values()) == pytest.approx(expected, abs=1e-6)
        assert line["label"] == classes[expected.argmax()]
        assert line["probability"] == line["probabilities"][line["label"]]
    as_csv = list(csv.DictReader(io.StringIO(written(three, given_texts(texts), form="csv"))))
    assert [row["label"] for row in as_csv] == [line["label"] for line in as_json]
    for record, line in zip(as_csv, as_json, strict=True):
        found = {name: float(record[f"probability_{name}"]) for name in classes}
        assert found == line["probabilities"]
    header, *shown = written(three, given_texts(used), form="table").splitlines()
    assert header.split() == ["row", "label", "probability", "text"]
    for row, line in zip(shown, as_json, strict=True):
        assert f"{line['label']} " in row
        assert f" {line['probability']:.4f} " in row


def test_csv_has_the_same_as_jsonl(predictor: Predictor) -> None:
    texts = ["great", "dull film", "bad xyzzy"]
    as_csv = csv.DictReader(io.StringIO(written(predictor, given_texts(texts), form="csv")))
    as_json = lines(written(predictor, given_texts(texts)))
    assert [dict(row) for row in as_csv] == [
        {name: str(value) for name, value in line.items()} for line in as_json
    ]
