import hashlib
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imdb_rnn.data.token_store import DIGESTS, TokenStore, pieces, write_store
from imdb_rnn.errors import UserError

REVIEWS = [np.array(words, dtype=np.int32) for words in ([1, 2, 3], [4], [5, 6])]


def _write(folder: Path) -> TokenStore:
    return write_store(folder, REVIEWS, [0, 1, -1], ["train/neg/0_3", "train/pos/0_9", "x"])


@given(reviews=st.lists(st.lists(st.integers(0, 2**31 - 1), min_size=1)))
def test_reviews_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, reviews: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("store")
    labels = [i % 2 for i in range(len(reviews))]
    ids = [f"train/neg/{i}" for i in range(len(reviews))]
    write_store(folder, (np.array(words, dtype=np.int32) for words in reviews), labels, ids)
    store = TokenStore.open(folder)
    assert [store[i].tolist() for i in range(len(store))] == reviews
    assert store.labels.tolist() == labels
    assert store.ids.tolist() == ids
    assert store.lengths.tolist() == [len(words) for words in reviews]


def test_words_stay_on_disk_until_they_are_read(tmp_path: Path) -> None:
    assert isinstance(_write(tmp_path).tokens, np.memmap)


def test_equal_reviews_make_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        _write(tmp_path / name)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


@given(reviews=st.lists(st.lists(st.integers(0, 2**31 - 1), min_size=1)))
def test_the_words_are_an_array_as_numpy_saves_it(
    tmp_path_factory: pytest.TempPathFactory, reviews: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("store")
    pieces = [np.array(words, dtype=np.int32) for words in reviews]
    write_store(folder / "store", pieces, [0] * len(pieces), ["x"] * len(pieces))
    np.save(folder / "joined.npy", np.concatenate([np.zeros(0, dtype=np.int32), *pieces]))
    assert (folder / "store/tokens.npy").read_bytes() == (folder / "joined.npy").read_bytes()


def test_written_reviews_are_let_go(tmp_path: Path) -> None:
    written: list[ref[np.ndarray[Any, Any]]] = []

    def reviews() -> Iterator[np.ndarray[Any, Any]]:
        for number in range(100):
            assert sum(review() is not None for review in written) <= 1
            words = np.arange(number + 1, dtype=np.int32)
            written.append(ref(words))
            yield words
            del words

    write_store(tmp_path / "store", reviews(), [0] * 100, ["x"] * 100)


@pytest.mark.fault
@pytest.mark.parametrize("name", ["tokens", "offsets", "labels", "ids"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "empty", "pickle"])
def test_a_damaged_store_is_refused_by_name(tmp_path: Path, name: str, damage: str) -> None:
    _write(tmp_path)
    file = tmp_path / f"{name}.npy"
    content = file.read_bytes()
    file.unlink()
    if damage == "truncated":
        file.write_bytes(content[:-3])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "pickle":
        file.write_bytes(pickle.dumps(REVIEWS))
    with pytest.raises(
        UserError, match=rf"{name}\.npy: .*Delete the folder and run `dvc repro prepare`"
    ):
        TokenStore.open(tmp_path)


@pytest.mark.fault
def test_a_changed_word_is_noticed(tmp_path: Path) -> None:
    _write(tmp_path)
    file = tmp_path / "tokens.npy"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"tokens\.npy: .*has changed.*dvc repro prepare"):
        TokenStore.open(tmp_path)


@pytest.mark.fault
@pytest.mark.parametrize("content", ["", "[]", "{}", '{"tokens": 1}', "null"])
def test_damaged_digests_are_refused(tmp_path: Path, content: str) -> None:
    _write(tmp_path)
    (tmp_path / DIGESTS).write_text(content)
    with pytest.raises(UserError, match=r"sha256\.json|tokens\.npy"):
        TokenStore.open(tmp_path)


@pytest.mark.fault
def test_files_of_different_stores_are_refused(tmp_path: Path) -> None:
    _write(tmp_path)
    np.save(tmp_path / "labels.npy", np.zeros(7, dtype=np.int8))
    forge_digests(tmp_path)
    with pytest.raises(UserError, match="different numbers of reviews"):
        TokenStore.open(tmp_path)


def test_offsets_that_do_not_fit_the_words_are_refused(tmp_path: Path) -> None:
    _write(tmp_path)
    np.save(tmp_path / "tokens.npy", np.zeros(1, dtype=np.int32))
    forge_digests(tmp_path)
    with pytest.raises(UserError, match="tokens expected, 1 there"):
        TokenStore.open(tmp_path)


def forge_digests(folder: Path) -> None:
    """Make the digests fit whatever the files hold now."""
    digests = {
        file.stem: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.glob("*.npy")
    }
    (folder / DIGESTS).write_text(json.dumps(digests))


_FIRST = [[5, 6, 7], [], [8]]
_SECOND = [[9, 9, 9, 9, 9], [4]]


@pytest.mark.parametrize("tokens_at_once", [1, 2, 4, 5, 1000])
def test_all_words_come_once_in_order_whatever_the_size_of_a_piece(
    tmp_path: Path, tokens_at_once: int
) -> None:
    stores = [
        write_store(
            tmp_path / name,
            [np.array(review, dtype=np.int32) for review in reviews],
            [0] * len(reviews),
            [f"{name}{i}" for i in range(len(reviews))],
        )
        for name, reviews in (("a", _FIRST), ("b", _SECOND))
    ]
    read = list(pieces(stores, tokens_at_once))
    assert np.concatenate([words for words, _ in read]).tolist() == [
        word for review in _FIRST + _SECOND for word in review
    ]
    numbers = np.concatenate([reviews for _, reviews in read])
    assert numbers.tolist() == [0, 0, 0, 2, 3, 3, 3, 3, 3, 4]
    for words, reviews in read:
        assert len(words) <= max(tokens_at_once, 5)
        assert len(words) == len(reviews)
