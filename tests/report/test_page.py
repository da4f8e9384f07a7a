"""The page as text, and as a browser shows it."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image

from chromium import chromium, needs_chromium, watched_page
from example_results import TEST, example_results, stars_results, train_only_results
from imdb_rnn.report.page import page


def test_equal_results_make_equal_pages() -> None:
    assert page(example_results(), {}) == page(example_results(), {})


def test_the_page_says_what_was_measured() -> None:
    shown = page(example_results(), {})
    for said in ("0.9104", "0.9068 to 0.9139", "+1.04", "2e-09", "11,400", "notebook", "2 seeds"):
        assert said in shown


def test_the_page_shows_a_review_s_markup_instead_of_obeying_it() -> None:
    shown = page(example_results(), {})
    assert "Not &lt;b&gt;so&lt;/b&gt; bad." in shown
    assert "<b>so</b>" not in shown


def test_the_smaller_edition_is_told_apart() -> None:
    shown = page(train_only_results(), {})
    assert "do not compare" in shown
    assert "unknown" in shown
    assert "There are none." in shown
    assert "do not compare" not in page(example_results(), {})


def test_short_sentences_are_shown_where_the_models_were_asked_any() -> None:
    shown = page(example_results(), {})
    for said in ("75.0 %", "70.0 % to 80.0 %", "62.5 %", "456", "negated negative"):
        assert said in shown
    other = {key: value for key, value in TEST.items() if key != "behaviour"}
    assert "negated negative" not in page(example_results(test=other), {})


def test_pictures_are_part_of_the_page(tmp_path: Path) -> None:
    Image.new("L", (1, 1)).save(tmp_path / "word_evidence.png")
    shown = page(example_results(), {tmp_path / "word_evidence.png": "Evidence of <each> word."})
    assert 'alt="Evidence of &lt;each&gt; word."' in shown
    assert "data:image/png;base64," in shown
    assert 'id="diagnostics"' not in page(example_results(), {})


def test_three_classes_of_one_s_own_are_shown_by_name() -> None:
    shown = page(stars_results(), {})
    for said in (
        "2 &lt;b&gt;or&lt;/b&gt; $3",
        "0.8000",  # macro F1
        "-0.1200 to",  # of the mean absolute error
        "7,300",
        f"{7300 / (500 + 7300 + 304):.4f}",  # precision of the second class
        "8,000",
    ):
        assert said in shown
    for unfit in ("<b>or</b>", "positive", "movie", "notebook", "do not compare"):
        assert unfit not in shown.partition("Parameters</h2>")[0]


def test_two_classes_of_one_s_own_take_the_place_of_sentiment() -> None:
    full = example_results()
    data = full.data | {
        "splits": {
            name: {"reviews_of_class": {"ham": 5000, "spam": 6252}} | split
            for name, split in full.data["splits"].items()
        }
    }
    for split in data["splits"].values():
        del split["positive"]
    test = full.test | {"variant": "own", "classes": ["ham", "spam"]}
    shown = page(replace(full, test=test, data=data, mistakes=[]), {})
    assert "ham or spam" in shown
    assert "6,252" in shown
    assert "positive" not in shown


@needs_chromium
@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
def test_a_browser_shows_all_of_the_page_and_asks_for_nothing(
    width: int, scheme: Literal["dark", "light"], tmp_path: Path
) -> None:
    Image.new("L", (1, 1)).save(tmp_path / "word_evidence.png")
    (tmp_path / "report.html").write_text(
        page(example_results(), {tmp_path / "word_evidence.png": "Evidence of <each> word."}),
        encoding="utf-8",
    )
    with chromium() as browser:
        shown, heard = watched_page(browser, width, color_scheme=scheme)
        shown.goto((tmp_path / "report.html").as_uri())
        for closed in shown.locator("summary").all():
            closed.click()
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert shown.locator("figure svg").count() == 7
        assert shown.locator("img").evaluate("image => image.naturalWidth") == 1
        assert "Not <b>so</b> bad." in shown.locator(".review").first.inner_text()
        ink, paper = shown.evaluate(
            "[getComputedStyle(document.querySelector('svg text')).fill,"
            " getComputedStyle(document.body).backgroundColor]"
        )
        assert heard == []
    assert (_brightness(ink) > _brightness(paper)) == (scheme == "dark")


@needs_chromium
def test_paper_gets_what_is_folded_away_and_no_menu(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(page(example_results(), {}), encoding="utf-8")
    with chromium() as browser:
        shown, _ = watched_page(browser, 800, color_scheme="dark")
        shown.goto((tmp_path / "report.html").as_uri())
        folded = shown.get_by_text("Not <b>so</b> bad.")
        assert shown.locator("nav").is_visible()
        assert not folded.first.is_visible()
        shown.emulate_media(media="print", color_scheme="light")
        assert not shown.locator("nav").is_visible()
        assert folded.first.is_visible()


def _brightness(color: str) -> float:
    return sum(map(float, color.removeprefix("rgb(").removesuffix(")").split(",")))


@needs_chromium
def test_three_classes_fit_a_phone(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(page(stars_results(), {}), encoding="utf-8")
    with chromium() as browser:
        shown, heard = watched_page(browser, 360)
        shown.goto((tmp_path / "report.html").as_uri())
        assert shown.evaluate("document.documentElement.scrollWidth") <= 360
        assert shown.locator(".confusion tbody tr").count() == 3
        assert shown.get_by_text("2 <b>or</b> $3").first.is_visible()
        assert heard == []
