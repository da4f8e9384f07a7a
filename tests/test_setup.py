"""`make setup`, of a project that is as small as can be, with the Makefile that is shipped."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from results import PROJECT

# It stands for the project; a package that is built without any other one needs no index.
FILES = {
    "pyproject.toml": """
        [build-system]
        requires = []
        build-backend = "backend"
        backend-path = ["."]
        [project]
        name = "imdb-rnn"
        version = "1"
        """,
    "backend.py": """
        from pathlib import Path
        from zipfile import ZipFile

        METADATA = "Metadata-Version: 2.1\\nName: imdb-rnn\\nVersion: 1\\nProvides-Extra: dev\\n"
        FILES = {
            "imdb_rnn.pth": str(Path("src").absolute()),
            "imdb_rnn-1.dist-info/METADATA": METADATA,
            "imdb_rnn-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nTag: py3-none-any\\n",
            "imdb_rnn-1.dist-info/entry_points.txt":
                "[console_scripts]\\ndvc = imdb_rnn:main\\nimdb-rnn = imdb_rnn:main\\n",
            "imdb_rnn-1.dist-info/RECORD": "",
        }

        def build_editable(folder, settings=None, metadata=None):
            with ZipFile(Path(folder) / "imdb_rnn-1-py3-none-any.whl", "w") as wheel:
                for name, content in FILES.items():
                    wheel.writestr(name, content)
            return "imdb_rnn-1-py3-none-any.whl"
        """,
    "src/imdb_rnn/__init__.py": """
        import sys

        def main():
            print(sys.prefix, *sys.argv[1:])
        """,
    "src/imdb_rnn/report/plots_page.py": "",
    "constraints.txt": "",
}


def write_project(folder: Path) -> Path:
    for name, content in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(line[8:] for line in content.splitlines()), encoding="utf-8")
    shutil.copy(PROJECT / "Makefile", folder)
    return folder


def make(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=project,
        env=inherited() | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def installed_program(project: Path) -> str:
    done = subprocess.run(
        [project / ".venv/bin/imdb-rnn"],
        env=inherited(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


def inherited() -> dict[str, str]:
    """The environment without what the one of these tests needs."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "PYTHON"))}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "a project")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was set up in place of a link, where the user has set what pip would heed."""
    folder = tmp_path_factory.mktemp("setup")
    project, other = write_project(folder / "a project"), folder / "other"
    other.mkdir()
    (other / "file").touch()
    (project / ".venv").symlink_to(other)
    done = make(project, "setup", PIP_USER="1", PIP_TARGET="elsewhere", PYTHONPATH="elsewhere")
    assert done.returncode == 0, done.stderr
    return project


@pytest.mark.fault
def test_settings_for_other_environments_do_not_count(installed: Path) -> None:
    assert installed_program(installed) == str(installed / ".venv")
    assert not (installed / "elsewhere").exists()
    assert "venv" not in make(installed, "setup").stdout.replace(".venv/installed", "")


@pytest.mark.fault
def test_a_link_to_another_environment_is_replaced_and_not_what_it_leads_to(
    installed: Path,
) -> None:
    assert not (installed / ".venv").is_symlink()
    assert [file.name for file in installed.with_name("other").iterdir()] == ["file"]


@pytest.mark.fault
def test_a_folder_that_was_copied_is_set_up_anew(installed: Path) -> None:
    elsewhere = installed.with_name("elsewhere")
    shutil.copytree(installed, elsewhere)
    done = make(elsewhere, "setup")
    assert done.returncode == 0, done.stderr
    assert installed_program(elsewhere) == str(elsewhere / ".venv")


def test_the_newest_supported_python_is_taken(project: Path, tmp_path: Path) -> None:
    here = f"python3.{sys.version_info.minor}"
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / here).symlink_to(sysconfig.get_config_var("BINDIR") + f"/{here}")
    too_new = programs / "python3"
    too_new.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    too_new.chmod(0o755)
    done = make(project, "--dry-run", "setup", PATH=f"{programs}:/usr/bin:/bin")
    newer = [f"python3.{minor}" for minor in (14, 13, 12, 11) if minor > sys.version_info.minor]
    chosen = next(line for line in done.stdout.splitlines() if "-m venv" in line)
    assert chosen.split()[0].strip('"') in [*newer, here]


def test_without_a_supported_python_it_says_how_to_get_one(project: Path) -> None:
    done = make(project, "setup", "PYTHON=")
    assert done.returncode == 2
    assert "3.14" in done.stdout
    assert "apt install" in done.stdout
    assert not (project / ".venv").exists()
