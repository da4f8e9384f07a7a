from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from benchmarks.__main__ import planned
from benchmarks.catalogue import ROWS
from benchmarks.pipeline import BEFORE

from benchmarks import __main__ as bench
from imdb_rnn.errors import UserError
from imdb_rnn.io.json_file import read_json, write_json

ROOT = Path(__file__).parents[2]
MACHINE = {"processor": "abacus", "cores": 1, "python": "3.11"}


def test_runs_of_one_row_are_apart() -> None:
    jobs = planned(list(ROWS), 3)
    assert [seed for name, seed in jobs if name == "nb"] == [1, 2, 3]
    assert [seed for name, seed in jobs if name == "default"] == [1]
    assert all(first[0] != then[0] for first, then in pairwise(jobs))


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UserError, match="bert: not in the benchmark"):
        planned(["bert"], 1)


def test_titles_tell_the_rows_apart() -> None:
    assert len({row.title for row in ROWS.values()}) == len(ROWS)


def test_the_stages_before_the_training_are_those_of_the_pipeline() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    made_by = {out: name for name in BEFORE for out in stages[name]["outs"]}
    for name in (*BEFORE, "train"):
        needed = [dep for dep in stages[name]["deps"] if dep.startswith(("data/", "models/"))]
        assert all(dep in made_by or dep.startswith("data/raw/") for dep in needed)


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rows that a benchmark in a folder of its own measures; `fasttext` fails."""
    monkeypatch.chdir(tmp_path)
    seen: list[str] = []

    def run(command: list[str], *, check: bool) -> Any:  # noqa: ARG001 - as `subprocess.run`
        name, _, result = command[-3:]
        seen.append(name)
        if len(seen) > 4:
            raise KeyboardInterrupt
        run = {"accuracy": 0.9, "train_seconds": 1.0}
        write_json(Path(result), {"failed": "lost"} if name == "fasttext" else run)
        return type("Done", (), {"returncode": 0})

    def nothing(*_: object) -> dict[str, str]:
        return {}

    monkeypatch.setattr(bench.subprocess, "run", run)
    monkeypatch.setattr(bench.Reviews, "read", nothing)
    for name in ("fill_in", "write_figure", "blocks"):
        monkeypatch.setattr(bench, name, nothing)
    monkeypatch.setattr(bench, "describe_machine", lambda: MACHINE)
    return seen


def test_an_interrupted_benchmark_goes_on_and_tries_again_what_failed(
    measured: list[str],
) -> None:
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    first = measured[:4]
    measured.clear()
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    assert "fasttext" in first
    assert set(first) & set(measured) == {"fasttext"}


def test_another_machine_begins_anew(measured: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    first = measured[:4]
    measured.clear()
    monkeypatch.setattr(bench, "describe_machine", lambda: MACHINE | {"processor": "slide rule"})
    with pytest.raises(KeyboardInterrupt):
        bench.main()
    assert measured[:4] == first


def test_what_is_written_is_measured_anew_the_next_time(measured: list[str]) -> None:
    bench.main(["nb"], runs=2)
    bench.main(["nb"], runs=1)
    assert measured == ["nb"] * 3
    (row,) = read_json(bench.RESULTS)["results"]
    assert row["runs"] == 1
