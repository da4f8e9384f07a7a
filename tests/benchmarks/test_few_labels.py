"""Few labels: what is drawn, and how results become a table and a figure."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.few_labels import NETWORKS, blocks, figure, write_draw


@pytest.fixture
def raw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data/raw"
    folder.mkdir(parents=True)
    reviews = {
        "text": [f"review {i}" for i in range(40)],
        "label": pa.array([i % 4 == 0 for i in range(40)]).cast(pa.int8()),
        "movie": [str(i // 2) for i in range(40)],
    }
    pq.write_table(pa.table(reviews), folder / "train.parquet")
    return folder


def test_a_draw_has_as_many_of_each_class_and_is_another_each_time(raw: Path) -> None:
    drawn = []
    for draw in (1, 2, 1):
        write_draw(raw / "draw.parquet", 10, draw)
        drawn.append(pq.read_table(raw / "draw.parquet").to_pydict())
    assert sorted(drawn[0]["label"]) == ["neg"] * 5 + ["pos"] * 5
    assert drawn[0] == drawn[2]
    assert drawn[0]["text"] != drawn[1]["text"]
    for text, label, movie in zip(*drawn[0].values(), strict=True):
        number = int(text.split()[1])
        assert (label == "pos") == (number % 4 == 0)
        assert movie == str(number // 2)


def test_means_and_sure_leads_stand_in_the_table() -> None:
    rows = [
        {
            "labels": 300,
            "draw": draw,
            "network": network,
            "accuracy": accuracy,
            "nb": 0.8,
            "tfidf": 0.7,
            "lead": [accuracy - 0.8, accuracy - 0.81, accuracy - 0.79],
        }
        for draw, (alone, more) in enumerate([(0.78, 0.9), (0.8, 0.92)], start=1)
        for network, accuracy in zip(NETWORKS, (alone, more), strict=True)
    ]
    (line,) = [x for x in blocks({"rows": rows})["few labels"].splitlines() if "| 300 |" in x]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == [
        "300",
        "0.9100",
        "0.7900",
        "0.8000",
        "0.7000",
        "0 ahead, 1 behind, of 2",
        "2 ahead, 0 behind, of 2",
    ]
    assert len(figure(rows).axes[0].lines) == 4
