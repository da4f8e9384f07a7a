"""The stage `download` with files of one's own, and `prepare` behind it."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from imdb_rnn import cli
from imdb_rnn.config import load_params
from imdb_rnn.data.reviews import classes_of, read_reviews, variant_of
from imdb_rnn.errors import UserError
from imdb_rnn.stages.download import download
from imdb_rnn.stages.prepare import prepare
from results import PROJECT

LABELS = ["bad", "fair", "good"]
ROWS = [(f"This is text number {i}.", LABELS[i % 3]) for i in range(90)]


def separated(sign: str) -> bytes:
    return "".join(sign.join(row) + "\n" for row in [("body", "stars"), *ROWS]).encode()


def lines() -> bytes:
    return "".join(
        json.dumps(dict(zip(("body", "stars"), r, strict=True))) + "\n" for r in ROWS
    ).encode()


def write_parquet(path: Path) -> None:
    texts, labels = zip(*ROWS, strict=True)
    pq.write_table(pa.table({"body": texts, "stars": labels}), path)


def write_folder(path: Path) -> None:
    for i, (text, label) in enumerate(ROWS):
        (path / label).mkdir(parents=True, exist_ok=True)
        (path / label / f"{i}.txt").write_text(text)


def write_parts(_: Path) -> None:
    Path("part 1.tsv").write_bytes(separated("\t"))


FORMS: dict[str, Callable[[Path], object]] = {
    "r.csv": lambda path: path.write_bytes(separated(",")),
    "r.tsv": lambda path: path.write_bytes(separated("\t")),
    "r.jsonl": lambda path: path.write_bytes(lines()),
    "r.parquet": write_parquet,
    "r.csv.gz": lambda path: path.write_bytes(gzip.compress(separated(","))),
    "part *.tsv": write_parts,
    "mine": write_folder,
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").touch()
    return tmp_path


def write_params(train: str, **changes: Any) -> None:
    params = yaml.safe_load((PROJECT / "params.yaml").read_text())
    source = {"files": {"train": train}, "text": "body", "label": "stars"}
    params["download"] |= {"sources": [source]} | changes
    params["prepare"] |= {"vocabulary_size": 50, "max_length": 20}
    Path("params.yaml").write_text(yaml.safe_dump(params))


def files_below(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", FORMS)
def test_review_tables_are_written(project: Path, name: str) -> None:
    FORMS[name](project / name)
    write_params(name)
    download(load_params())
    raw = project / "data/raw"
    assert files_below(project / "data") == {
        "train.parquet",
        "test.parquet",
        "unsup.parquet",
        "provenance.json",
    }
    assert not (project / ".cache").exists() or not files_below(project / ".cache")
    tables = {split: read_reviews(raw / f"{split}.parquet") for split in ("train", "test", "unsup")}
    assert {split: len(table) for split, table in tables.items()} == {
        "train": 72,
        "test": 18,
        "unsup": 0,
    }
    assert classes_of(raw / "train.parquet") == tuple(LABELS)
    assert variant_of(raw / "train.parquet") == f"own texts: {name}"
    assert variant_of(raw / "test.parquet").startswith(f"own texts: {name}, test ")
    both = pa.concat_tables([tables["train"], tables["test"]]).to_pylist()
    assert len({row["id"] for row in both}) == 90
    assert {(row["text"], LABELS[row["label"]]) for row in both} == set(ROWS)
    provenance = json.loads((raw / "provenance.json").read_text())
    assert provenance["classes"] == LABELS
    assert [file["rows"] for file in provenance["files"]] == [90]


def test_the_same_files_make_the_same_bytes(project: Path) -> None:
    FORMS["r.csv"](project / "r.csv")
    write_params("r.csv")
    made = []
    for _ in range(2):
        download(load_params())
        made.append({path.name: path.read_bytes() for path in (project / "data/raw").iterdir()})
    assert made[0] == made[1]


def test_facts_of_own_files_are_in_the_report_on_the_data(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [*ROWS, ("", "good"), ("This is text number 5", "fair")]
    text = "".join(f"{text},{label}\n" for text, label in [("body", "stars"), *rows])
    (project / "r.csv").write_text(text)
    write_params("r.csv", empty_texts="drop")
    download(load_params())
    prepare(load_params())
    report = json.loads((project / "reports/data.json").read_text())
    assert report["own_files"]["empty_texts_dropped"] == {"train": 1}
    assert report["own_files"]["texts_with_several_labels"] == 1
    assert report["own_files"]["classes_of_few_texts"] == {}
    assert report["own_files"]["classes_without_test_texts"] == []
    assert report["own_files"]["split_off"]["achieved_share"] == pytest.approx(19 / 91, abs=1e-6)
    assert sum(report["splits"]["test"]["reviews_of_class"].values()) == 19
    assert "r.csv, row 91" in capsys.readouterr().out


@pytest.mark.parametrize(("watch", "said"), [("data/external", True), ("r.csv", False)])
def test_a_file_in_which_dvc_notices_no_change_is_told(
    project: Path, capsys: pytest.CaptureFixture[str], watch: str, *, said: bool
) -> None:
    FORMS["r.csv"](project / "r.csv")
    write_params("r.csv", watch=watch)
    download(load_params())
    assert ("download.watch" in capsys.readouterr().out) == said


@pytest.mark.hostile
def test_a_refusal_leaves_what_was_there(project: Path) -> None:
    FORMS["r.csv"](project / "r.csv")
    write_params("r.csv")
    download(load_params())
    before = {path.name: path.read_bytes() for path in (project / "data/raw").iterdir()}
    (project / "r.csv").write_bytes(separated(",") + b"no label,\n")
    with pytest.raises(UserError, match=r"r\.csv, row 91"):
        download(load_params())
    assert {path.name: path.read_bytes() for path in (project / "data/raw").iterdir()} == before


def test_stars_are_not_learned_of_own_files(project: Path) -> None:
    FORMS["r.csv"](project / "r.csv")
    write_params("r.csv", target="stars")
    with pytest.raises(UserError, match=r"download\.target"):
        download(load_params())


def test_what_inspect_prints_makes_the_pipeline_read_the_files(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "below").mkdir()
    FORMS["r.csv"](project / "below/r.csv")
    (project / "params.yaml").write_text((PROJECT / "params.yaml").read_text())
    monkeypatch.chdir(project / "below")
    asked = ["inspect", "r.csv", "--text", "body", "--label", "stars", "--json", "facts.json"]
    monkeypatch.setattr("sys.argv", ["imdb-rnn", *asked])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert not left.value.code
    facts = json.loads((project / "below/facts.json").read_text())
    assert facts["files"]["train"]["texts_of_class"] == dict.fromkeys(LABELS, 30)
    pasted = yaml.safe_load(capsys.readouterr().out.partition("params.yaml:")[2])
    params = yaml.safe_load((project / "params.yaml").read_text())
    params["download"] |= pasted["download"]
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.chdir(project)
    download(load_params())
    assert classes_of(project / "data/raw/train.parquet") == tuple(LABELS)


def test_other_texts_of_the_same_file_are_another_variant(project: Path) -> None:
    write_params("r.csv")
    seen = set[str]()
    for content in (separated(","), separated(",").replace(b"This", b"That")):
        (project / "r.csv").write_bytes(content)
        download(load_params())
        seen.add(variant_of(project / "data/raw/test.parquet"))
    assert len(seen) == 2
