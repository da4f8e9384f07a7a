from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from benchmarks.__main__ import Job, planned
from benchmarks.catalogue import CATALOGUE
from benchmarks.worker import OWN, PEER

from benchmarks import __main__ as bench
from imdb_rnn.errors import UserError
from imdb_rnn.io.json_file import read_json, write_json

NAMES = {*CATALOGUE, *bench.MINUTES}


def test_runs_of_one_contestant_are_apart_and_the_longest_is_last() -> None:
    jobs = planned(NAMES, 3, 1)
    contestants = [job for job in jobs if job.kind == "contestant"]
    assert Counter(job.name for job in contestants)["nb"] == 3
    assert Counter(job.name for job in contestants)["default"] == 1
    assert all(first[:2] != then[:2] for first, then in pairwise(jobs))
    assert jobs[-1].name == max(CATALOGUE, key=lambda name: CATALOGUE[name].minutes)


def test_only_the_pipeline_of_this_project_keeps_its_instructions() -> None:
    own = {job.name for job in planned(NAMES, 1, 1) if job.whose == OWN}
    assert {"default", "vanilla", "project", "4.0", "gru:100"} <= own
    for job in (Job("contestant", "nb", 1), Job("labels", "nb:100", 1)):
        assert job.whose == PEER
    assert not own & {"tfidf", "fasttext", "notebook-loop", "keras-simple-rnn", "count-vectorizer"}


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UserError, match="bert: not in the benchmark"):
        planned({"bert"}, 1, 1)


MACHINE = {"processor": "abacus", "cores": 1, "python": "3.11"}


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs that a benchmark in a folder of its own measures; `fasttext` fails."""
    for folder in ("docs", "reports"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    seen: list[Job] = []

    def result(job: Job) -> dict[str, Any]:
        seen.append(job)
        if len(seen) > 4:
            raise KeyboardInterrupt
        return {"failed": "lost"} if job.name == "fasttext" else {"seconds": 1.0}

    def nothing(*_: object) -> dict[str, str]:
        return {}

    monkeypatch.setattr(bench, "_measured", result)
    monkeypatch.setattr(bench.Reviews, "read", nothing)
    for name in ("fill_in", "write_figure", "blocks"):
        monkeypatch.setattr(bench, name, nothing)
    monkeypatch.setattr(bench, "describe_machine", lambda: MACHINE)
    return seen


def test_what_failed_is_tried_again_when_the_benchmark_goes_on(measured: list[Job]) -> None:
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    first = measured[:4]
    measured.clear()
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    assert Job("contestant", "fasttext", 1) in first
    assert set(first) & set(measured) == {Job("contestant", "fasttext", 1)}


def test_another_machine_begins_anew_and_adds_no_rows_to_tables_of_this_one(
    measured: list[Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    first = measured[:4]
    measured.clear()
    bench.main(["tokenizing"], runs=1)
    measured.clear()
    monkeypatch.setattr(bench, "describe_machine", lambda: MACHINE | {"processor": "slide rule"})
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    assert measured[:4] == first
    write_json(bench.RESULTS, read_json(bench.RESULTS) | {"growth": [{"name": "7.0"}]})
    machines = {"growth": MACHINE}
    write_json(bench.RESULTS, read_json(bench.RESULTS) | {"machines": machines})
    with pytest.raises(UserError, match=r"7\.0: measured on abacus"):
        bench.main(["growth"])


def test_single_rows_leave_what_an_interrupted_benchmark_has_kept(measured: list[Job]) -> None:
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    kept = bench.DONE.read_bytes()
    measured.clear()
    bench.main(["tokenizing"], runs=1)
    assert [job.kind for job in measured] == ["tokenizing"] * 3
    assert bench.DONE.read_bytes() == kept
    assert len(read_json(bench.RESULTS)["tokenizing"]) == 3
