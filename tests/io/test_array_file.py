"""Arrays between stages: what is written comes back, and nothing else is taken for one."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imdb_rnn.errors import UserError
from imdb_rnn.io.array_file import read_array, write_array

VALUES = np.array([0.25, 0.5, 1.0], dtype=np.float32)


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        read_array(path, dimensions=1, made_by="pseudo_label")
    return str(refused.value)


def test_an_array_comes_back(tmp_path: Path) -> None:
    write_array(tmp_path / "array.npy", VALUES)
    found = read_array(tmp_path / "array.npy", dimensions=1, made_by="pseudo_label")
    np.testing.assert_array_equal(found, VALUES)


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (VALUES.astype(np.float64), "float64"),
        (VALUES[None], r"[1, 3] where 1-d"),
        (np.array([1, np.nan], dtype=np.float32), "not finite"),
        (np.array(["pos", "neg"]), "where 1-d float32 belongs"),
    ],
)
def test_another_kind_of_array_is_refused(
    tmp_path: Path, array: np.ndarray[tuple[int, ...], np.dtype[np.generic]], what: str
) -> None:
    write_array(tmp_path / "array.npy", array)
    said = refusal(tmp_path / "array.npy")
    assert what in said
    assert "`dvc repro --force pseudo_label` makes it anew" in said


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000000,), }",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,), }",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': 3, }",
        b"{'descr': '<q9', 'fortran_order': False, 'shape': (3,), }",
        b"{'descr': 'O', 'fortran_order': False, 'shape': (3,), }",
        b"{'descr': [], 'fortran_order': 1, 'shape': (3,), }",
        b"{'shape': (3,)}",
        b"((((((((",
        b"'''",
        b"",
    ],
)
def test_a_header_that_no_array_has_is_refused_with_a_sentence(
    tmp_path: Path, header: bytes
) -> None:
    path = tmp_path / "array.npy"
    content = header + b"\n"
    path.write_bytes(
        b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content + VALUES.tobytes()
    )
    assert "array.npy: cannot be read: " in refusal(path)


@given(data=st.data())
def test_a_damaged_file_is_read_as_an_array_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "array.npy"
    write_array(path, VALUES)
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        found = read_array(path, dimensions=1, made_by="pseudo_label")
    except UserError as refused:
        said = str(refused)
    else:
        said = ""
        assert np.isfinite(found).all()
    assert not said or said.startswith(f"{path}: cannot be read: ")
