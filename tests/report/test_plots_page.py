"""DVC's plots in a browser without a network."""

import json
from pathlib import Path

from chromium import chromium, needs_chromium, watched_page
from imdb_rnn.report.plots_page import write_template

POINTS = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "title": "Points",
    "data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]},
    "mark": "line",
    "encoding": {
        "x": {"field": "x", "type": "quantitative"},
        "y": {"field": "y", "type": "quantitative"},
    },
}


def test_the_template_has_dvc_s_place_for_plots_and_none_for_its_scripts(tmp_path: Path) -> None:
    write_template(tmp_path / "plots.html")
    template = (tmp_path / "plots.html").read_text(encoding="utf-8")
    assert template.count("{plot_divs}") == 1
    assert "{scripts}" not in template
    assert "src=" not in template.partition("<script>")[0]


@needs_chromium
def test_plots_are_drawn_without_a_network_and_those_without_a_title_are_left_out(
    tmp_path: Path,
) -> None:
    write_template(tmp_path / "plots.html")
    plots = "".join(
        f'<div id="{name}"><script>vegaEmbed("#{name}", {json.dumps(spec)});</script></div>'
        for name, spec in {
            "full": POINTS,
            "placed": POINTS | {"title": {"text": "Points", "anchor": "middle"}},
            "empty": {},
            "untitled": POINTS | {"title": ""},
            "named": POINTS | {"title": {"text": "reports/points.csv", "anchor": "middle"}},
        }.items()
    )
    page = tmp_path / "index.html"
    template = (tmp_path / "plots.html").read_text(encoding="utf-8")
    page.write_text(template.replace("{plot_divs}", plots), encoding="utf-8")
    with chromium() as browser:
        shown, heard = watched_page(browser, 800)
        shown.goto(page.as_uri())
        shown.locator("#full svg.marks").wait_for()
        shown.locator("#placed svg.marks").wait_for()
        for left_out in ("empty", "untitled", "named"):
            assert shown.locator(f"#{left_out} svg").count() == 0
    # Vega says that it is newer than DVC's templates, which it reads all the same.
    assert [said for said in heard if "current version is" not in said] == []
