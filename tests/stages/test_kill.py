"""Stages that are killed at any moment and run again write what they would have written."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from archives import digests, official_files, pack
from limits import largest_file
from reliability import Reliability
from scripted_server import serve, whole_in_pieces
from stages.forked import start

PROJECT = Path(__file__).parents[2]
FILES = official_files(60)
ARCHIVE = pack(FILES)
SIGNALS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
each_point = pytest.mark.parametrize("seed", range(5))


class Undisturbed(NamedTuple):
    """A stage that nothing happened to."""

    files: dict[str, bytes]
    seconds: float


def files_below(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def run_undisturbed(stage: str, folder: Path) -> Undisturbed:
    process = start(stage, folder)
    began = time.monotonic()  # the first start waits for the server
    process.join()
    assert process.exitcode == 0
    return Undisturbed(files_below(folder), time.monotonic() - began)


def kill(stage: str, folder: Path, undisturbed: Undisturbed, seed: int) -> None:
    """Start a stage and end it at a random moment, earlier where it was done by then."""
    moment = undisturbed.seconds * random.Random(seed).uniform(0.2, 0.95)  # noqa: S311
    before = files_below(folder)
    while True:
        process = start(stage, folder)
        process.join(moment)
        if process.exitcode is None:
            os.kill(process.pid or 0, SIGNALS[seed % len(SIGNALS)])
            process.join()
            return
        shutil.rmtree(folder)
        write(before, folder)
        moment *= 0.8


@contextmanager
def server(folder: Path) -> Iterator[None]:
    """A folder whose reviews come from a server that takes its time."""
    params = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    with serve(whole_in_pieces(ARCHIVE, pieces=20, pause=0.02)) as http:
        params["download"]["sources"] = [{"url": http.url}]
        params["download"]["digests"] |= digests(FILES)
        (folder / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
        yield


@pytest.fixture(scope="module")
def downloaded(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("downloaded")
    with server(folder):
        return run_undisturbed("download", folder)


LATER_STAGES = ("prepare", "pseudo_label", "ngram_log_odds", "word_vectors")


@pytest.fixture(scope="module")
def later_stages(
    downloaded: Undisturbed, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Undisturbed, Undisturbed]]:
    """Each with the one before it; both have the files of all stages up to them."""
    folder = write(downloaded.files, tmp_path_factory.mktemp("later"))
    done = [downloaded, *(run_undisturbed(stage, folder) for stage in LATER_STAGES)]
    return dict(zip(LATER_STAGES, pairwise(done), strict=True))


def write(files: Mapping[str, bytes], folder: Path) -> Path:
    """The folder with these files."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


@each_point
def test_a_killed_download_goes_on_to_the_same_bytes(
    downloaded: Undisturbed,
    tmp_path: Path,
    reliability: Reliability,
    seed: int,
) -> None:
    with server(tmp_path):
        kill("download", tmp_path, downloaded, seed)
        again = run_undisturbed("download", tmp_path)
    written = tables(again)
    reliability.count_kill(identical=written == tables(downloaded))
    assert written == tables(downloaded)


@pytest.mark.fault
def test_a_download_that_fills_the_disk_goes_on_once_there_is_room(
    downloaded: Undisturbed, tmp_path: Path
) -> None:
    with server(tmp_path):
        with largest_file(len(ARCHIVE) // 2):  # also for what is started
            failed = subprocess.run(
                [sys.executable, "-B", "-m", "imdb_rnn.stages.download"],
                cwd=tmp_path,
                env=os.environ | {"PYTHONPATH": str(PROJECT / "src")},
                capture_output=True,
                text=True,
                check=False,
            )
        assert failed.returncode == 1
        (partial,) = (tmp_path / ".cache/downloads").glob("*.part")
        place = partial.relative_to(tmp_path)
        assert failed.stderr.startswith(f"{place}: File too large. Fix this")
        assert partial.stat().st_size > 0
        assert not (tmp_path / "data").exists()
        again = run_undisturbed("download", tmp_path)
    assert tables(again) == tables(downloaded)


@pytest.mark.parametrize("stage", LATER_STAGES)
@each_point
def test_a_killed_stage_starts_again_to_the_same_bytes(
    later_stages: dict[str, tuple[Undisturbed, Undisturbed]],
    tmp_path: Path,
    reliability: Reliability,
    stage: str,
    seed: int,
) -> None:
    before, undisturbed = later_stages[stage]
    write(before.files, tmp_path)
    kill(stage, tmp_path, undisturbed, seed)
    again = run_undisturbed(stage, tmp_path)
    reliability.count_kill(identical=again.files == undisturbed.files)
    assert again.files == undisturbed.files


def tables(stage: Undisturbed) -> dict[str, bytes]:
    """All but what names the server, whose port is another each time."""
    differing = {"params.yaml", "data/raw/provenance.json"}
    return {path: content for path, content in stage.files.items() if path not in differing}
