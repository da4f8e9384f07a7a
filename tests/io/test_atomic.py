import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.figure import Figure

from imdb_rnn.data.reviews import SCHEMA, write_reviews
from imdb_rnn.data.token_store import write_store
from imdb_rnn.evaluation.curves import write_points
from imdb_rnn.evaluation.figures import write_figure
from imdb_rnn.evaluation.predictions import write_predictions
from imdb_rnn.features.ngram_log_odds import NgramTable, save_ngrams
from imdb_rnn.io.array_file import write_array
from imdb_rnn.io.atomic import replacing, unfinished_name
from imdb_rnn.io.json_file import write_json
from limits import largest_file, ordinary_user
from results import small_params, write_model

COUNT = 20_000
IDS = [f"train/neg/{i}" for i in range(COUNT)]
RANDOM = np.random.default_rng(1).random(COUNT)
REVIEWS = pa.table(
    {
        "id": IDS,
        "text": [str(number) for number in RANDOM],
        "label": [0] * COUNT,
        "rating": [None] * COUNT,
        "movie": [None] * COUNT,
    },
    schema=SCHEMA,
)


def scatter() -> Figure:
    """A figure that does not compress to nothing."""
    figure = Figure()
    figure.subplots().scatter(RANDOM, RANDOM[::-1] ** 2, c=RANDOM, s=1)
    return figure


Write = Callable[[Path], object]
WRITERS: dict[str, Write] = {
    "json": lambda path: write_json(path, IDS),
    "reviews": lambda path: write_reviews(path, REVIEWS, "full"),
    "store": lambda path: write_store(path, [np.arange(COUNT, dtype=np.int32)], [0], ["x"]),
    "array": lambda path: write_array(path, RANDOM.astype(np.float32)),
    "ngrams": lambda path: save_ngrams(path, NgramTable(COUNT, [COUNT])),
    "model": lambda path: write_model(path, small_params(hidden_size=200)),
    "predictions": lambda path: write_predictions(path, REVIEWS, {"nb": RANDOM}),
    "curve": lambda path: write_points(path, pa.table({"x": RANDOM})),
    "figure": lambda path: write_figure(path, scatter()),
}
each_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few pages."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("needs the right to mount a file system")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.fault
@each_writer
def test_an_output_that_broke_off_is_not_there(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "out" / "it"
    with largest_file(10_000), pytest.raises(OSError, match="File too large") as fault:
        write(path)
    assert fault.value.errno == errno.EFBIG
    assert str(fault.value.filename).startswith(str(path.parent))
    assert list(path.parent.iterdir()) == [] or write is WRITERS["model"]
    assert not path.exists() or not list(path.iterdir())


@each_writer
def test_a_full_disk_is_named_with_the_output(small_disk: Path, write: Write) -> None:
    path = small_disk / "it"
    with pytest.raises(OSError, match="No space left") as fault:
        write(path)
    assert fault.value.errno == errno.ENOSPC
    assert not path.exists() or not list(path.iterdir())


@pytest.fixture
def forbidden() -> Iterator[Path]:
    """A folder that may be read and not written, below none that may not be entered."""
    with TemporaryDirectory() as parent:
        folder = Path(parent) / "out"
        folder.mkdir(mode=0o555)
        Path(parent).chmod(0o755)
        yield folder


@pytest.mark.fault
@each_writer
def test_a_read_only_folder_is_named(forbidden: Path, write: Write) -> None:
    with ordinary_user(), pytest.raises(PermissionError) as fault:
        write(forbidden / "it")
    assert str(fault.value.filename).startswith(str(forbidden))
    assert list(forbidden.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_stood_there_stays_until_the_new_is_whole(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "it.txt"

    def fill(place: Path, text: str) -> None:
        if kind == "folder":
            place.mkdir(exist_ok=True)
            place /= "content"
        place.write_text(text)

    def content() -> list[str]:
        return [file.read_text() for file in sorted([path, *path.glob("*")]) if file.is_file()]

    fill(path, "old")

    def interrupted() -> None:
        with replacing(path) as unfinished:
            fill(unfinished, "half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert content() == ["old"]
    with replacing(path) as unfinished:
        assert kind == "folder" or unfinished.suffix == ".txt"
        fill(unfinished, "new")
        assert content() == ["old"]
    assert content() == ["new"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("before", [False, True], ids=["new", "there"])
def test_what_a_killed_process_left_is_removed(tmp_path: Path, *, before: bool) -> None:
    path = tmp_path / "it"
    if before:
        path.mkdir()
    left = unfinished_name(path)
    left.mkdir()
    (left / "half").touch()
    with replacing(path) as unfinished:
        unfinished.mkdir()
    assert list(tmp_path.rglob("*")) == [path]


def test_a_file_does_not_take_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "it" / "precious").mkdir(parents=True)
    with pytest.raises(IsADirectoryError), replacing(tmp_path / "it") as unfinished:
        unfinished.touch()
    assert (tmp_path / "it" / "precious").exists()


def write_file(path: Path) -> None:
    with replacing(path) as unfinished:
        unfinished.write_text("new")


def write_folder(path: Path) -> None:
    with replacing(path) as unfinished:
        unfinished.mkdir()
        for name in ("a", "b"):
            (unfinished / name).write_text("new")


@pytest.mark.parametrize("write", [write_file, write_folder])
@pytest.mark.parametrize("name", ["git", "page.html"])
def test_a_hidden_namesake_stays(tmp_path: Path, write: Write, name: str) -> None:
    (tmp_path / f".{name}").mkdir()
    (tmp_path / f".{name}/HEAD").write_text("mine")
    write(tmp_path / name)
    assert (tmp_path / f".{name}/HEAD").read_text() == "mine"


def test_what_else_is_in_a_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "it/src").mkdir(parents=True)
    for name in ("a", "notes", "src/app.py"):
        (tmp_path / "it" / name).write_text("old")
    write_folder(tmp_path / "it")
    found = {file.name: file.read_text() for file in tmp_path.rglob("*") if file.is_file()}
    assert found == {"a": "new", "b": "new", "notes": "old", "app.py": "old"}


@pytest.mark.fault
def test_a_folder_never_has_old_and_new_files(tmp_path: Path) -> None:
    (tmp_path / "it/b/precious").mkdir(parents=True)
    (tmp_path / "it/a").write_text("old")
    with pytest.raises(IsADirectoryError) as fault:
        write_folder(tmp_path / "it")
    assert fault.value.filename == str(tmp_path / "it/b")
    assert (tmp_path / "it/a").read_text() == "old"
    assert {path.name for path in tmp_path.rglob("*")} == {"it", "a", "b", "precious"}


@pytest.mark.parametrize("there", [True, False], ids=["whole", "dangling"])
def test_what_a_link_points_to_stays(tmp_path: Path, *, there: bool) -> None:
    (tmp_path / "it").symlink_to(tmp_path / "other")
    if there:
        (tmp_path / "other").write_text("old")
    write_file(tmp_path / "it")
    assert not (tmp_path / "it").is_symlink()
    assert (tmp_path / "it").read_text() == "new"
    assert there == (tmp_path / "other").exists()
    assert not there or (tmp_path / "other").read_text() == "old"


def test_a_link_to_a_folder_stands_for_it(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/a").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_text("old")
    (tmp_path / "it").symlink_to("other")
    write_folder(tmp_path / "it")
    assert (tmp_path / "it").is_symlink()
    assert {path.name: path.read_text() for path in (tmp_path / "other").iterdir()} == {
        "a": "new",
        "b": "new",
    }
    assert (tmp_path / "elsewhere").read_text() == "old"


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        write_file(pipe)
        assert reader.communicate(timeout=20)[0] == "new"
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.fault
def test_a_fault_names_the_output_and_not_its_unfinished_name(forbidden: Path) -> None:
    with ordinary_user(), pytest.raises(PermissionError) as fault:
        write_file(forbidden / "it.txt")
    assert fault.value.filename == str(forbidden / "it.txt")
