"""`make run` refuses mistakes in `params.yaml` before DVC reads the file."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from results import PROJECT

SHIPPED = (PROJECT / "params.yaml").read_text(encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder that is set up, with an environment that is this one, and nothing for DVC."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "dvc.yaml"):
        (tmp_path / name).write_bytes((PROJECT / name).read_bytes())
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(Path(sys.executable).parent)
    (tmp_path / ".venv/installed").write_text(f"{tmp_path}\n", encoding="utf-8")
    return tmp_path


@pytest.mark.hostile
@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(f"{SHIPPED}\nseed: 2\n", "'seed' is already in line", id="twice"),
        pytest.param(b"\xff\xfe\x00", "not UTF-8", id="not UTF-8"),
        pytest.param("[" * 1000, "nested more than", id="nested"),
        pytest.param("- 1\n", "a mapping of sections is needed", id="a list"),
        pytest.param("seed: [1\n", "not valid YAML", id="no YAML"),
    ],
)
def test_a_file_that_dvc_could_not_read_is_a_sentence(
    project: Path, content: str | bytes, said: str
) -> None:
    text = content if isinstance(content, bytes) else content.encode()
    (project / "params.yaml").write_bytes(text)
    refusal, make = make_run(project)
    assert refusal.startswith("params.yaml")
    assert said in refusal
    assert make.startswith("make: ")


@pytest.mark.hostile
def test_every_mistake_has_its_line(project: Path) -> None:
    mistaken = SHIPPED.replace("mask_padding: true", "mask_padding: yes please")
    mistaken = mistaken.replace("\n  max_grad_norm: ", "\n  max_grad_norm: -")
    (project / "params.yaml").write_text(mistaken, encoding="utf-8")
    heading, first, second, make = make_run(project)
    assert heading == "params.yaml: 2 problems"
    assert first.startswith('  model.mask_padding: got "yes please"; allowed: boolean')
    assert second.startswith("  train.max_grad_norm: got -")
    assert make.startswith("make: ")


def make_run(project: Path) -> list[str]:
    """What is said where `make run` ends with exit code 2."""
    done = subprocess.run(
        ["make", "run"],
        cwd=project,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    return done.stderr.splitlines()
