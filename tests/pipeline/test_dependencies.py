"""DVC sees only the code that `deps` lists, so each stage has to list all that could change it."""

import shutil
import subprocess
from pathlib import Path

import grimp
import pytest
import yaml

from pipeline.project import ROOT, run

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
NEUTRAL = {"errors", "console", "messages", "signals", "config", "repository", "tracking"}
"""What cannot change the bytes of an output."""
IN_NEUTRAL = [f"{file}.py" for file in ("config", "console", "messages", "signals", "errors")]
IN_NEUTRAL += ["tracking/run.py", "repository/git.py"]
GRAPH = grimp.build_graph("imdb_rnn")


def _file(module: str) -> Path:
    base = ROOT / "src" / module.replace(".", "/")
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def _reached(module: str) -> set[str]:
    """All that is imported with a module; the package itself always is."""
    starts = {module, "imdb_rnn"}
    found = starts.union(*(GRAPH.find_upstream_modules(start) for start in starts))
    return found - {"imdb_rnn.stages"}  # it answers signals and reads the parameters


def _room(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def _is_listed(module: str, listed: set[Path]) -> bool:
    file = _file(module)
    return not listed.isdisjoint({file, *file.parents})


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_lists_all_the_code_that_could_change_it(name: str) -> None:
    listed = {ROOT / dep for dep in STAGES[name]["deps"] if dep.startswith("src/")}
    reached = _reached(f"imdb_rnn.stages.{name}")
    missing = {
        module
        for module in reached
        if _room(module) not in NEUTRAL and not _is_listed(module, listed)
    }
    assert missing == set()
    unused = {path for path in listed if not any(_is_listed(m, {path}) for m in reached)}
    assert unused == set()


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_runs_the_module_of_its_name(name: str) -> None:
    assert STAGES[name]["cmd"] == f"PYTHONPATH=src python -m imdb_rnn.stages.{name}"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of this checkout that Git knows, in a folder where `dvc status` can be asked."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("edited", "changed"),
    [
        (["cli.py", "experiments/named.py", *IN_NEUTRAL], set()),
        (["models/__init__.py"], {"train", "evaluate", "diagnostics"}),
        (["features/__init__.py"], {*STAGES} - {"download", "prepare", "report"}),
    ],
    ids=["neutral", "models", "features"],
)
def test_a_comment_changes_the_stages_that_it_could_matter_to(
    checkout: Path, edited: list[str], changed: set[str]
) -> None:
    files = [checkout / "src/imdb_rnn" / name for name in edited]
    before = {file: file.read_bytes() for file in files}
    for file, content in before.items():
        file.write_bytes(content + b"# a comment\n")
    try:
        assert _stages_with_other_code(checkout) == changed
    finally:
        for file, content in before.items():
            file.write_bytes(content)


def _stages_with_other_code(checkout: Path) -> set[str]:
    status = run(["dvc", "status", "--json"], checkout)
    assert status.returncode == 0, status.stderr
    return {
        stage
        for stage, changes in yaml.safe_load(status.stdout).items()
        for change in changes
        if isinstance(change, dict)
        if any(path.startswith("src/") for path in change.get("changed deps", {}))
    }
