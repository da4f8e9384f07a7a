"""DVC sees only the code that `deps` lists, so the lists have to be complete."""

import ast
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def _file_of(module: str) -> Path | None:
    base = SOURCE.joinpath(*module.split("."))
    candidates = (base / "__init__.py", base.with_suffix(".py"))
    return next((file for file in candidates if file.is_file()), None)


def _imported_modules(file: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    packages = {name.rsplit(".", i)[0] for name in names for i in range(name.count(".") + 1)}
    return {name for name in packages if name.split(".")[0] == "imdb_rnn"}


def _project_files(module: str) -> set[str]:
    found: set[Path] = set()
    waiting = {module, "imdb_rnn", "imdb_rnn.stages"}
    while waiting:
        file = _file_of(waiting.pop())
        if file is not None and file not in found:
            found.add(file)
            waiting |= _imported_modules(file)
    templates = (path for file in found for path in file.parent.iterdir())
    found |= {path for path in templates if path.suffix in {".css", ".html", ".md"}}
    return {str(file.relative_to(ROOT)) for file in found}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_lists_all_the_project_code_that_it_imports(name: str) -> None:
    listed = {dep for dep in STAGES[name]["deps"] if dep.startswith("src/")}
    assert listed == _project_files(f"imdb_rnn.stages.{name}")


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_runs_the_module_of_its_name(name: str) -> None:
    assert STAGES[name]["cmd"] == f"PYTHONPATH=src python -m imdb_rnn.stages.{name}"
