"""Nothing that a user has set decides how pictures look, or whether they can be drawn."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evaluation.test_figures import HISTORY, SEEDS

DRAW = f"""
import sys
from pathlib import Path
import pyarrow as pa
from imdb_rnn.evaluation import figures
from imdb_rnn.report.page import _svg
history = pa.table({HISTORY.to_pydict()!r})
folder = Path(sys.argv[1])
figures.write_figure(folder / "seeds.png", figures.seeds_figure({SEEDS!r}))
figures.write_figure(folder / "history.png", figures.learning_curve_figure(history))
(folder / "page.svg").write_text(_svg(figures.learning_curve_figure(history)), "utf-8")
"""
SETTINGS = b"""backend: nonsense
figure.dpi: 37
savefig.dpi: 300
savefig.bbox: tight
font.family: serif
text.color: red
lines.linewidth: 9
axes.prop_cycle: cycler('color', ['r'])
axes.formatter.use_locale: True
axes.facecolor: yellow
"""


def drawn(folder: Path, **environment: str) -> dict[str, bytes]:
    """Pictures by name, as a process draws them that works in a folder."""
    out = folder / "out"
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", DRAW, str(out)],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("MPL")} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {file.name: file.read_bytes() for file in out.iterdir()}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return drawn(tmp_path_factory.mktemp("drawn"))


@pytest.mark.hostile
@pytest.mark.parametrize(
    "environment",
    [
        {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
        {"MPLBACKEND": "tkagg", "DISPLAY": ""},
        {"MATPLOTLIBRC": "settings"},
        {"XDG_CONFIG_HOME": "{folder}/config"},
        {"MPLCONFIGDIR": "{folder}/settings/matplotlibrc"},
        {"TZ": "Asia/Kathmandu", "SOURCE_DATE_EPOCH": "1", "PYTHONHASHSEED": "7", "LC_ALL": "C"},
    ],
    ids=["notebook", "window", "variable", "home", "no cache", "others"],
)
def test_the_environment_changes_no_picture(
    environment: dict[str, str], tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    for place in (tmp_path / "settings", tmp_path / "config/matplotlib"):
        place.mkdir(parents=True)
        (place / "matplotlibrc").write_bytes(SETTINGS)
    given = {name: value.format(folder=tmp_path) for name, value in environment.items()}
    assert drawn(tmp_path, **given) == pictures


@pytest.mark.hostile
@pytest.mark.parametrize("settings", [SETTINGS, b"\xff\xfe\0 no text"], ids=["other", "unreadable"])
def test_settings_in_the_working_folder_change_no_picture(
    settings: bytes, tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    (tmp_path / "matplotlibrc").write_bytes(settings)
    assert drawn(tmp_path) == pictures


IMPORT = "from imdb_rnn.evaluation.drawing import mpl"


def test_a_notebook_keeps_its_backend() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from imdb_rnn.evaluation.drawing import mpl; print(mpl.get_backend())",
        ],
        env=os.environ | {"MPLBACKEND": "svg"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "svg\n"
