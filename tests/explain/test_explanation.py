"""What is told about a verdict, in the terminal and on the page."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from rich.console import Console

from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.data.tokenizer import Reading
from imdb_rnn.diagnostics.small import in_memory
from imdb_rnn.errors import UserError
from imdb_rnn.explain.attribution import Attribution
from imdb_rnn.explain.explanation import Explanation, Method, explain
from imdb_rnn.explain.page import page, write_page
from imdb_rnn.explain.terminal import as_text
from imdb_rnn.explain.units import Unit, Watched
from imdb_rnn.models.predictor import Predictor
from limits import largest_file
from results import small_params, write_model

WORDS = ["A", "superb", "</p><script>", "bad\x1b[31m", "&"]
ATTRIBUTIONS = [0.1, 2.0, 0.0, -1.0, -0.25]


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("explanation") / "model"
    write_model(folder, small_params())
    return Predictor.load(folder)


def attribution(words: list[float]) -> Attribution:
    return Attribution(np.array(words), logit=0.5, baseline=-0.4)


def explanation(skipped: int = 0, gap: int = 0, method: Method = "gradients") -> Explanation:
    ids = np.array([2, 3, 1, 4, 5], dtype=np.int32)
    return Explanation(
        Reading(WORDS, ids, skipped, gap),
        np.array([0.5, 0.9, 0.9, 0.7, 0.625], dtype=np.float32),
        attribution(ATTRIBUTIONS),
        method,
    )


def printed(shown: Explanation, *, colors: bool = False) -> str:
    console = Console(
        width=100,
        force_terminal=colors,
        color_system="truecolor" if colors else None,
        _environ={},
    )
    with console.capture() as capture:
        console.print(as_text(shown))
    return capture.get()


def with_units() -> Explanation:
    states = np.array([-3.0, -1.0, 0.0, 1.0, 5.0])
    watched = Watched(500, [Unit("unit 7 backwards", "correlation -0.75", states)], [])
    return replace(explanation(), watched=watched)


@pytest.mark.parametrize("method", ["gradients", "occlusion"])
def test_the_verdict_is_the_predictor_s(predictor: Predictor, method: Method) -> None:
    text = "a great film with a dull cast that cannot act, and long, and dull"
    found = explain(predictor, text, method)
    expected = predictor.probabilities([text])[0]
    assert found.probabilities[-1] == pytest.approx(expected, abs=1e-6)
    assert f"{expected:.3f}" in found.verdict
    assert found.verdict.startswith("positive" if expected >= 0.5 else "negative")
    assert len(found.words) == predictor.classifier.max_length
    assert found.attribution.logit == pytest.approx(np.log(expected / (1 - expected)), abs=1e-4)


CLASSES = ("b<a>d", "so-so", "$good$")


@pytest.fixture(scope="module")
def of_three(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("three") / "model"
    write_model(folder, small_params(), classes=CLASSES)
    return Predictor.load(folder)


@pytest.mark.parametrize("named", [None, *CLASSES])
def test_of_three_classes_the_likeliest_or_the_named_is_explained(
    of_three: Predictor, named: str | None
) -> None:
    text = "a great film with a dull cast"
    expected = dict(zip(CLASSES, of_three.probabilities([text])[0], strict=True))
    likeliest = max(CLASSES, key=lambda name: expected[name])
    found = explain(of_three, text, "gradients", class_name=named)
    explained = named or likeliest
    assert found.probabilities[-1] == pytest.approx(expected[explained], abs=1e-6)
    assert found.verdict.startswith(f"{likeliest} (")
    assert f"{explained}: {expected[explained]:.3f}" in found.verdict
    assert found.attribution.adds_up
    assert f"for {explained}" in printed(found)
    assert "positive" not in printed(found) + page(found)
    assert "b<a>d" not in page(found)


def test_an_unknown_class_is_refused_with_the_names(of_three: Predictor) -> None:
    with pytest.raises(UserError, match=r"excellent: .*b<a>d, so-so, \$good\$"):
        explain(of_three, "a great film", "gradients", class_name="excellent")


def test_the_first_of_two_classes_may_be_explained(predictor: Predictor) -> None:
    text = "a great film"
    positive, negative = (
        explain(predictor, text, "occlusion", class_name=c) for c in SENTIMENT[::-1]
    )
    assert positive.verdict == explain(predictor, text, "occlusion").verdict
    label, _, rest = negative.verdict.partition(" ")
    assert positive.verdict.startswith(f"{label} ")
    assert rest == f"(probability of negative: {1 - positive.probabilities[-1]:.3f})"


def test_units_of_one_of_three_classes_are_told_so(of_three: Predictor) -> None:
    reviews = [np.array([2, number % 3 + 2], dtype=np.int32) for number in range(9)]
    labelled = in_memory(reviews, np.array([0, 1, 2] * 3, dtype=np.int8))
    found = explain(of_three, "a great film", "occlusion", labelled, "so-so")
    assert any("so-so" in title for title in found.units)


@pytest.mark.parametrize("text", ["", " \n\t", "<br /><br />"])
def test_a_text_without_words_is_refused(predictor: Predictor, text: str) -> None:
    with pytest.raises(UserError, match="no word that could"):
        explain(predictor, text, "occlusion")


def test_a_text_that_is_not_unicode_is_refused(predictor: Predictor) -> None:
    with pytest.raises(UserError, match=r"not UTF-8 \(character 3\)"):
        explain(predictor, b"ab\xe9".decode("utf-8", "surrogateescape"), "occlusion")


def test_a_text_without_a_known_word_is_refused(predictor: Predictor) -> None:
    with pytest.raises(UserError, match="no word that the model knows"):
        explain(predictor, "zorblax quux", "gradients")


@pytest.mark.parametrize("cell", [{"cell": "gru"}, {"cell": "rnn", "nonlinearity": "relu"}])
@pytest.mark.parametrize("text", ["great", "great " * 50])
def test_other_cells_and_extreme_lengths_are_explained(
    tmp_path: Path, cell: dict[str, str], text: str
) -> None:
    write_model(tmp_path / "model", small_params(**cell, bidirectional=False, pooling="last"))
    reviews = [np.array([2, number % 2 + 2], dtype=np.int32) for number in range(6)]
    found = explain(
        Predictor.load(tmp_path / "model"),
        text,
        "occlusion",
        in_memory(reviews, np.array([0, 1] * 3, dtype=np.int8)),
    )
    (units,) = found.units.values()
    assert all(len(unit.states) == len(found.words) for unit in units)
    assert page(found)
    assert printed(found)


def test_strongest_words_come_first_and_only_on_their_own_side() -> None:
    speak_for, against = explanation().strongest(3)
    assert [word.position for word in speak_for] == [2, 1]
    assert [word.position for word in against] == [4, 5]
    assert [word.position for side in explanation().strongest(1) for word in side] == [2, 4]


def test_words_that_do_nothing_are_not_divided_by() -> None:
    quiet = replace(explanation(), attribution=attribution([0.0] * 5))
    assert {word.share for word in quiet.words} == {0.0}
    assert quiet.strongest(3) == ([], [])


def test_without_colors_the_numbers_are_still_there() -> None:
    text = printed(explanation())
    assert "\x1b" not in text
    assert "positive (probability of positive: 0.625)" in text
    assert text.splitlines()[1] == "word by word: ▅██▆▆"
    assert re.search(r"superb \(2\) +\+2\.00 +bad�\[31m \(4\) +-1\.00", text)
    assert "A superb [</p><script>] bad�[31m &" in text
    assert "add up to +0.850 of the +0.900" in text
    assert "convergence delta +0.0500" in text
    assert "more than it should leave open" in " ".join(text.split())
    assert "not in the classifier's vocabulary" in text


def test_colors_tell_the_side_and_the_strength() -> None:
    text = printed(explanation(), colors=True)
    blue, orange = "48;2;31;95;168", "48;2;222;168;132"
    assert re.search(rf"\x1b\[[\d;]*{blue}msuperb", text)
    assert re.search(rf"\x1b\[[\d;]*{orange}mbad", text)
    assert "\x1b[31m" not in text


def test_words_that_hardly_matter_stay_plain() -> None:
    assert "A \x1b" in printed(
        replace(explanation(), attribution=attribution([0.09, 2, 0, -1, 0])), colors=True
    )
    assert "A \x1b" not in printed(
        replace(explanation(), attribution=attribution([0.3, 2, 0, -1, 0])), colors=True
    )


def test_the_bars_of_a_long_text_end_with_the_verdict() -> None:
    long = replace(explanation(), probabilities=np.r_[np.zeros(149), 0.99].astype(np.float32))
    bars = printed(long).splitlines()[1].removeprefix("word by word: ")
    assert bars == "▁" * 49 + "█"


@pytest.mark.parametrize("gap", [0, 2, 5])
def test_words_that_were_not_read_are_counted_and_placed(gap: int) -> None:
    shown = explanation(skipped=1234, gap=gap)
    text = printed(shown)
    assert "Of 1,239 words 5 were read" in text
    before = text.splitlines()[3].split("[… not read …]")[0].split()
    assert len(before) == gap
    assert page(shown).count("<em>[… not read …]</em>") == 1
    assert "not read" not in printed(explanation()) + page(explanation())


def test_the_page_shows_markup_instead_of_obeying_it() -> None:
    found = page(explanation())
    assert "<script" not in found
    assert "[&lt;/p&gt;&lt;script&gt;]" in found
    assert "\x1b" not in found


def test_the_page_is_well_formed_and_asks_for_nothing() -> None:
    found = page(explanation())
    body = found[found.index("<body>") : found.index("</html>")]
    words = ET.fromstring(body).find("p[@class='text']")  # noqa: S314 - written by the page itself
    assert words is not None
    assert [word.text for word in words] == [word.text for word in explanation().words]
    assert [word.get("class") for word in words][1::2] == ["for", "against"]
    assert not re.search(r"""(?:src|href)=["'](?!#)|url\((?!#)|@import""", found)


def test_the_page_draws_the_probability_after_each_word() -> None:
    svg = page(explanation())
    line = re.search(r'<path d="([^"]*)"[^>]*stroke: #3f86d0', svg)
    assert line
    points = np.array(re.findall(r"[ML] ([\d.]+) ([\d.]+)", line[1]), dtype=float)
    assert len(points) == len(WORDS)
    height = -points[:, 1]
    shape = (height - height.min()) / (height.max() - height.min())
    np.testing.assert_allclose(shape, [0, 1, 1, 0.5, 0.3125], atol=1e-3)


def test_equal_explanations_make_equal_pages() -> None:
    assert page(explanation()) == page(explanation())


def test_a_page_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    write_page(tmp_path / "page.html", explanation())
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page(explanation())
    (tmp_path / "folder").mkdir()
    with largest_file(100), pytest.raises(OSError, match="File too large"):
        write_page(tmp_path / "other.html", explanation())
    with pytest.raises(IsADirectoryError):
        write_page(tmp_path / "folder", explanation())
    assert {path.name for path in tmp_path.rglob("*")} == {"page.html", "folder"}


def test_hidden_units_are_shown_where_they_were_asked_for() -> None:
    text = printed(with_units())
    assert "unit 7 backwards, correlation -0.75: ▁▃▅▇█" in text
    assert "classes of 500 validation texts" in " ".join(text.split())
    assert "negations" not in text, "a kind without units has no heading"
    assert re.search(r"48;2;31;95;168m&", printed(with_units(), colors=True))
    assert "unit" not in printed(explanation())


def test_the_page_draws_the_units_within_their_bounds() -> None:
    found = page(with_units())
    assert "unit 7 backwards, correlation -0.75" in found
    line = re.findall(r'<path d="([^"]*)"[^>]*stroke: #3f86d0', found)[1]
    height = -np.array(re.findall(r"[ML] [\d.]+ ([\d.]+)", line), dtype=float)
    shape = (height - height.min()) / (height.max() - height.min())
    np.testing.assert_allclose(shape, [0, 0.25, 0.5, 0.75, 1], atol=1e-3)
    assert "unit 7" not in page(explanation())
