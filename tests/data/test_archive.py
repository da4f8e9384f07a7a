import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archives import add_file, compress, official_files, pack, tar
from imdb_rnn.data import archive
from imdb_rnn.data.archive import REVIEW_NAME, read_archive
from imdb_rnn.data.reviews import WrongReviewsError
from limits import on_linux, run_limited

FILES = official_files(12, seed=3)
NOT_REGULAR = [
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.DIRTYPE,
    tarfile.FIFOTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
]


def read(packed: bytes) -> dict:
    return read_archive(io.BytesIO(packed))


def refusal(packed: bytes) -> str:
    with pytest.raises(WrongReviewsError) as caught:
        read(packed)
    return str(caught.value)


def first(folder: str) -> str:
    return next(path for path in FILES if path.startswith(f"{folder}/0_"))


def with_extra(name: str, content: bytes, **attributes: object) -> bytes:
    """The archive with one more member in front."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as target:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        for attribute, value in attributes.items():
            setattr(member, attribute, value)
        target.addfile(member, io.BytesIO(content))
        for path, file in FILES.items():
            add_file(target, f"aclImdb/{path}", file)
    return compress(packed.getvalue())


def test_each_split_has_its_reviews_in_official_order() -> None:
    tables = read(pack(FILES))
    assert {split: table.num_rows for split, table in tables.items()} == {
        "train": 24,
        "test": 24,
        "unsup": 24,
    }
    test = tables["test"].to_pylist()
    numbers = [int(row["id"].rpartition("/")[2].partition("_")[0]) for row in test]
    assert numbers == [*range(12), *range(12)]
    assert [row["label"] for row in test] == [0] * 12 + [1] * 12


def test_a_row_says_what_the_file_and_its_name_say() -> None:
    path = first("train/pos")
    rows = {row["id"]: row for row in read(pack(FILES))["train"].to_pylist()}
    assert rows[path.removesuffix(".txt")] == {
        "id": path.removesuffix(".txt"),
        "text": FILES[path].decode(),
        "label": 1,
        "rating": int(path.removesuffix(".txt").rpartition("_")[2]),
        "movie": "tt0001000",
    }


def test_unlabelled_reviews_have_neither_label_nor_rating() -> None:
    row = read(pack(FILES))["unsup"].to_pylist()[0]
    assert (row["id"], row["label"], row["rating"]) == ("train/unsup/0_0", -1, None)
    assert row["movie"] == "tt0003000"


def test_text_is_stored_as_it_stands() -> None:
    text = "  Tabs\there,\u00a0<br /><br />\u00e9\U0001f600 \r\n"
    files = FILES | {first("test/neg"): text.encode()}
    assert read(pack(files))["test"]["text"][0].as_py() == text


def test_the_order_of_the_members_does_not_matter() -> None:
    backwards = dict(reversed(FILES.items()))
    assert read(pack(backwards)) == read(pack(FILES))


def test_names_may_begin_with_a_dot() -> None:
    dotted = compress(tar({f"./aclImdb/{path}": content for path, content in FILES.items()}))
    assert read(dotted) == read(pack(FILES))


@pytest.mark.fault
@pytest.mark.parametrize(
    "name",
    [
        "/aclImdb/train/neg/99_3.txt",
        "../aclImdb/train/neg/99_3.txt",
        "aclImdb/../aclImdb/train/neg/99_3.txt",
        "aclImdb/train/neg/../neg/99_3.txt",
        "aclImdb\\train\\neg\\99_3.txt",
        "aclImdb/train/neg/99_3.txt/",
        "aclImdb/train/neg/99_3.TXT",
        "aclImdb/Train/NEG/99_3.txt",
        "aclimdb/train/neg/99_3.txt",
        "aclImdb/train/neg/099_3.txt",
        "aclImdb/train/neg/99_11.txt",
        "aclImdb/train/neg/99_0.txt",
        "aclImdb/train/unsup/99_3.txt",
        "aclImdb/test/unsup/99_0.txt",
        "aclImdb/train/neg/99_3.txt\n",
        "aclImdb/train/neg/٩٩_3.txt",
        "x/aclImdb/train/neg/99_3.txt",
        "aclImdb/train/neg/._99_3.txt",
    ],
)
def test_members_with_other_names_are_passed_over(name: str) -> None:
    assert read(with_extra(name, b"not a review")) == read(pack(FILES))


@pytest.mark.fault
@pytest.mark.parametrize("kind", NOT_REGULAR)
def test_only_regular_files_count(kind: bytes) -> None:
    packed = with_extra("aclImdb/train/neg/99_3.txt", b"", type=kind, linkname="/etc/passwd")
    assert read(packed) == read(pack(FILES))


@given(
    st.text("./aclImdbtrainegposu_0123456789٣\n\0-+ \\", max_size=40) | st.from_regex(REVIEW_NAME)
)
def test_an_accepted_name_is_exactly_the_official_form(name: str) -> None:
    match = REVIEW_NAME.fullmatch(name)
    if match:
        folder, number, stars = match["folder"], int(match["number"]), int(match["stars"])
        assert name.removeprefix("./") == f"aclImdb/{folder}/{number}_{stars}.txt"
        assert (stars == 0) == (folder == "train/unsup")
        assert stars in range(11)


@pytest.mark.fault
def test_what_is_not_gzip_is_refused() -> None:
    assert "not a whole tar.gz" in refusal(b"<!DOCTYPE html><html>Sign in</html>")


@pytest.mark.fault
def test_nothing_is_refused() -> None:
    assert "not a whole tar.gz" in refusal(b"")


@pytest.mark.fault
def test_what_is_not_a_tar_is_refused() -> None:
    assert "not a whole tar.gz" in refusal(compress(b"hello " * 1000))


@pytest.mark.fault
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_archive_is_refused(share: float) -> None:
    packed = pack(FILES)
    assert "not a whole tar.gz" in refusal(packed[: int(len(packed) * share)])


@pytest.mark.fault
def test_a_wrong_checksum_at_the_end_is_refused() -> None:
    packed = pack(FILES)
    assert "not a whole tar.gz" in refusal(packed[:-8] + bytes(4) + packed[-4:])


@pytest.mark.fault
@pytest.mark.parametrize(
    "folder", ["train/neg", "train/pos", "train/unsup", "test/neg", "test/pos"]
)
def test_a_missing_class_is_named(folder: str) -> None:
    files = {path: file for path, file in FILES.items() if not path.startswith(folder)}
    assert f"no reviews in {folder}" in refusal(pack(files))


@pytest.mark.fault
def test_an_archive_in_the_wrong_case_has_no_reviews() -> None:
    shouted = tar({f"ACLIMDB/{path.upper()}": content for path, content in FILES.items()})
    assert "no reviews in train/neg" in refusal(compress(shouted))


@pytest.mark.fault
def test_a_missing_list_of_movies_is_named() -> None:
    files = {path: file for path, file in FILES.items() if path != "test/urls_pos.txt"}
    assert "no list of movie pages for test/pos" in refusal(pack(files))


@pytest.mark.fault
@pytest.mark.parametrize("pages", [b"", b"http://www.imdb.com/name/nm0000001/\n" * 12])
def test_a_review_without_a_movie_is_named(pages: bytes) -> None:
    assert "no movie for test/pos/0" in refusal(pack(FILES | {"test/urls_pos.txt": pages}))


@pytest.mark.fault
@pytest.mark.parametrize("content", [b"", b" \n\t"])
def test_an_empty_review_is_named(content: bytes) -> None:
    path = first("train/neg")
    assert f"{path} is empty" in refusal(pack(FILES | {path: content}))


@pytest.mark.fault
def test_a_review_that_is_not_utf_8_is_named() -> None:
    path = first("train/neg")
    assert f"{path} is not UTF-8 (byte 4)" in refusal(pack(FILES | {path: b"cafe\xe9"}))


@pytest.mark.fault
def test_a_second_file_for_a_review_is_refused() -> None:
    again = with_extra(f"./aclImdb/{first('train/neg')}", b"another text")
    assert "review 0 of train/neg is in it twice" in refusal(again)
    other_rating = with_extra("aclImdb/test/pos/3_5.txt", b"another text")
    assert "review 3 of test/pos is in it twice" in refusal(other_rating)


@pytest.mark.fault
def test_a_second_list_of_movies_is_refused() -> None:
    assert "twice" in refusal(with_extra("./aclImdb/test/urls_pos.txt", FILES["test/urls_pos.txt"]))


@pytest.mark.fault
def test_a_huge_review_is_refused() -> None:
    huge = with_extra("aclImdb/train/neg/99_3.txt", b"a" * (archive.MAX_REVIEW_BYTES + 1))
    assert "aclImdb/train/neg/99_3.txt has 1,048,577 bytes" in refusal(huge)


@pytest.mark.fault
def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", 2**22)
    assert "unpacks to more than" in refusal(with_extra("bomb", bytes(2**23)))
    assert "unpacks to more than" in refusal(compress(bytes(2**23)))


@pytest.mark.fault
def test_too_much_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_CHARACTERS", 1000)
    assert "more than 1,000 characters" in refusal(pack(FILES))


MEBIBYTE = 2**20
PIECE = compress(bytes(16 * MEBIBYTE))


def header(kind: bytes, size: int) -> bytes:
    member = tarfile.TarInfo("aclImdb/train/neg/0_3.txt")
    member.type, member.size = kind, size
    return member.tobuf(tarfile.USTAR_FORMAT)


def bombs() -> dict[str, tuple[bytes, str]]:
    """Archives of some hundred kilobytes that unpack to 256 MiB, and what is said of each.

    A gzip file may consist of several, one behind the other.
    """
    zeros, huge = PIECE * 16, 256 * MEBIBYTE
    member = tar({"x": b""})[:512]
    long_header = "header of more than 262,144 bytes"
    return {
        "zeros": (zeros, "unpacks to more than"),
        "an unknown kind": (compress(header(b"Z", huge)) + zeros, "unpacks to more than"),
        "a large review": (compress(header(b"0", huge)) + zeros, "268,435,456 bytes, more than"),
        "a long name": (compress(header(tarfile.GNUTYPE_LONGNAME, huge)) + zeros, long_header),
        "a long name behind another member": (
            compress(member + header(tarfile.GNUTYPE_LONGNAME, huge)) + zeros,
            long_header,
        ),
        "a long link": (compress(header(tarfile.GNUTYPE_LONGLINK, huge)) + zeros, long_header),
        "attributes": (compress(header(tarfile.XHDTYPE, huge)) + zeros, long_header),
        "global attributes": (compress(header(tarfile.XGLTYPE, huge)) + zeros, long_header),
        "empty members": (
            compress(member * 10_000) * 100,
            "more than 150,000 members",
        ),
    }


@pytest.mark.fault
@on_linux
@pytest.mark.parametrize(("packed", "said"), bombs().values(), ids=bombs().keys())
def test_a_bomb_takes_little_memory_and_no_disk(tmp_path: Path, packed: bytes, said: str) -> None:
    (tmp_path / "bomb.tar.gz").write_bytes(packed)
    output = run_limited(
        "from imdb_rnn.data import archive",
        "archive.MAX_UNPACKED_BYTES, archive.MAX_MEMBERS = 2**27, 150_000\n"
        "try:\n    archive.read_archive(open('bomb.tar.gz', 'rb'))\n"
        "except archive.WrongReviewsError as refusal:\n    print(refusal)",
        tmp_path,
        memory=32 * MEBIBYTE,
    )
    assert said in output
    assert [file.name for file in tmp_path.iterdir()] == ["bomb.tar.gz"]


def test_headers_with_long_attributes_are_read() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as target:
        for path, file in FILES.items():
            member = tarfile.TarInfo(f"aclImdb/{path}")
            member.size = len(file)
            member.pax_headers = {"comment": "x" * 100_000}
            target.addfile(member, io.BytesIO(file))
    assert read(compress(packed.getvalue())) == read(pack(FILES))


def senseless_headers() -> dict[str, bytes]:
    huge = tarfile.TarInfo("huge")
    huge.size = 2**80
    sparse = tarfile.TarInfo("sparse")
    sparse.pax_headers = {"GNU.sparse.map": "none"}
    long_name = tarfile.TarInfo("long")
    long_name.type = tarfile.GNUTYPE_LONGNAME
    return {
        "a size that nothing can have": huge.tobuf(tarfile.GNU_FORMAT),
        "holes that are not numbers": sparse.tobuf(tarfile.PAX_FORMAT),
        "headers of headers of headers": long_name.tobuf(tarfile.GNU_FORMAT) * 5000,
    }


@pytest.mark.fault
@pytest.mark.timeout(60)
@pytest.mark.parametrize("header", senseless_headers().values(), ids=senseless_headers().keys())
def test_a_senseless_header_is_refused(header: bytes) -> None:
    rest = tar({f"aclImdb/{path}": content for path, content in FILES.items()})
    assert "not a whole tar.gz" in refusal(compress(header + rest))


@pytest.mark.fault
def test_a_tar_without_its_end_is_refused() -> None:
    whole = tar({f"aclImdb/{path}": content for path, content in FILES.items()})
    assert "it ends in the middle" in refusal(compress(whole[: len(whole) // 1024 * 512]))


@pytest.mark.fault
def test_too_many_members_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 10)
    assert "more than 10 members" in refusal(pack(FILES))


TAR = tar({f"aclImdb/{path}": content for path, content in official_files(1).items()})


@pytest.mark.fault
@given(
    start=st.integers(0, len(TAR) // 512 - 1).map(lambda block: block * 512)
    | st.integers(0, len(TAR)),
    noise=st.binary(min_size=1, max_size=300),
)
@settings(deadline=None)
def test_damage_never_ends_in_anything_but_a_refusal(start: int, noise: bytes) -> None:
    damaged = TAR[:start] + noise + TAR[start + len(noise) :]
    try:
        tables = read(compress(damaged))
    except WrongReviewsError:
        return
    assert set(tables) == {"train", "test", "unsup"}
