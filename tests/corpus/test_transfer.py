from pathlib import Path

import pytest

from imdb_rnn.corpus import transfer
from imdb_rnn.corpus.transfer import TransferError, discard, fetch
from scripted_server import (
    Answer,
    broken_off,
    claiming,
    endless,
    failure,
    hang_up,
    redirect_to_itself,
    serve,
    stalled,
    whole,
)

# Every 64 KiB differ, so that a piece in the wrong place shows.
CONTENT = b"".join(number.to_bytes(4) for number in range(100_000))
OTHER_CONTENT = CONTENT[::-1]
HALF = len(CONTENT) // 2


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "FIRST_PAUSE_SECONDS", 0.01)


def get(url: str, folder: Path, *, timeout: float = 5.0, attempts: int = 3) -> bytes:
    return fetch(url, folder, timeout=timeout, attempts=attempts).read_bytes()


def test_a_file_arrives(tmp_path: Path) -> None:
    with serve(whole(CONTENT)) as server:
        assert get(server.url, tmp_path / "new" / "folder") == CONTENT


def test_a_broken_transfer_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with serve(broken_off(CONTENT, HALF), whole(CONTENT)) as server:
        assert get(server.url, tmp_path) == CONTENT
    _, second = server.requests
    assert second["Range"] == f"bytes={HALF}-"
    assert second["If-Range"] == '"1"'


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(tmp_path: Path) -> None:
    with serve(broken_off(CONTENT, HALF), whole(CONTENT)) as server:
        with pytest.raises(TransferError):
            get(server.url, tmp_path, attempts=1)
        assert get(server.url, tmp_path, attempts=1) == CONTENT
    assert server.requests[1]["Range"] == f"bytes={HALF}-"


def test_a_complete_file_is_not_sent_again(tmp_path: Path) -> None:
    with serve(whole(CONTENT)) as server:
        get(server.url, tmp_path)
        assert get(server.url, tmp_path) == CONTENT
    assert server.requests[1]["Range"] == f"bytes={len(CONTENT)}-"


def test_what_was_discarded_is_fetched_anew(tmp_path: Path) -> None:
    with serve(whole(CONTENT)) as server:
        get(server.url, tmp_path)
        discard(server.url, tmp_path)
        assert not list(tmp_path.iterdir())
        assert get(server.url, tmp_path) == CONTENT
    assert "Range" not in server.requests[1]


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(whole(CONTENT, ranges=False), id="server ignores the range"),
        pytest.param(whole(CONTENT, etag='"2"'), id="file changed"),
    ],
)
def test_a_whole_answer_replaces_what_had_arrived(tmp_path: Path, second: Answer) -> None:
    with serve(broken_off(OTHER_CONTENT, HALF), second) as server:
        assert get(server.url, tmp_path) == CONTENT


def test_without_a_mark_of_the_version_the_transfer_starts_over(tmp_path: Path) -> None:
    with serve(broken_off(OTHER_CONTENT, HALF, etag='W/"weak"'), whole(CONTENT)) as server:
        assert get(server.url, tmp_path) == CONTENT
    assert "Range" not in server.requests[1]


@pytest.mark.parametrize(
    ("etag", "place"),
    [
        pytest.param('"2"', f"bytes {HALF}-{len(CONTENT) - 1}/{len(CONTENT)}", id="other version"),
        pytest.param('"1"', f"bytes 7-{len(CONTENT) - 1}/{len(CONTENT)}", id="other place"),
        pytest.param('"1"', "", id="no place"),
    ],
)
def test_a_piece_that_does_not_fit_is_not_used(tmp_path: Path, etag: str, place: str) -> None:
    wrong_piece = failure(206, ETag=etag, Content_Range=place)
    with serve(broken_off(OTHER_CONTENT, HALF), wrong_piece, whole(CONTENT)) as server:
        assert get(server.url, tmp_path) == CONTENT


def test_a_file_that_became_shorter_is_fetched_anew(tmp_path: Path) -> None:
    shorter = failure(416, Content_Range="bytes */1000")
    with serve(broken_off(OTHER_CONTENT, HALF), shorter, whole(CONTENT)) as server:
        assert get(server.url, tmp_path) == CONTENT


@pytest.mark.parametrize(
    "mishap",
    [
        pytest.param(failure(500), id="server error"),
        pytest.param(failure(503, Retry_After="nonsense"), id="unavailable"),
        pytest.param(failure(429, Retry_After=0), id="too many requests"),
        pytest.param(stalled(CONTENT, HALF), id="stalled"),
        pytest.param(stalled(CONTENT, 0), id="no body"),
        pytest.param(hang_up(), id="hung up"),
        pytest.param(claiming(CONTENT, len(CONTENT) + 1), id="shorter than announced"),
    ],
)
def test_a_passing_mishap_is_overcome(tmp_path: Path, mishap: Answer) -> None:
    with serve(mishap, whole(CONTENT)) as server:
        assert get(server.url, tmp_path, timeout=0.5) == CONTENT
    assert len(server.requests) == 2


def test_the_wait_that_the_server_asks_for_is_kept(tmp_path: Path) -> None:
    waits: list[float] = []
    with (
        pytest.MonkeyPatch.context() as patch,
        serve(failure(429, Retry_After=7), whole(CONTENT)) as server,
    ):
        patch.setattr(transfer.time, "sleep", waits.append)
        get(server.url, tmp_path)
    assert waits == [7.0]


def test_pauses_grow_up_to_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(transfer, "FIRST_PAUSE_SECONDS", 1.0)
    with pytest.MonkeyPatch.context() as patch, serve(failure(500)) as server:
        patch.setattr(transfer.time, "sleep", waits.append)
        with pytest.raises(TransferError):
            get(server.url, tmp_path, attempts=8)
    assert waits == [1, 2, 4, 8, 16, 30, 30]


def test_a_server_that_asks_for_a_very_long_wait_is_given_up(tmp_path: Path) -> None:
    with serve(failure(429, Retry_After=3_600)) as server:
        with pytest.raises(TransferError, match=r"429.*asks to wait 3600 s"):
            get(server.url, tmp_path)
        assert len(server.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final(tmp_path: Path, status: int) -> None:
    with serve(failure(status)) as server:
        with pytest.raises(TransferError, match=str(status)):
            get(server.url, tmp_path)
        assert len(server.requests) == 1


@pytest.mark.parametrize("attempts", [1, 4])
def test_attempts_are_bounded(tmp_path: Path, attempts: int) -> None:
    with serve(failure(500)) as server:
        with pytest.raises(TransferError, match=rf"500.*attempt {attempts}"):
            get(server.url, tmp_path, attempts=attempts)
        assert len(server.requests) == attempts


def test_redirections_are_bounded(tmp_path: Path) -> None:
    with serve(redirect_to_itself()) as server:
        with pytest.raises(TransferError, match="redirects"):
            get(server.url, tmp_path)
        assert len(server.requests) <= 10


@pytest.mark.parametrize("answer", [claiming(b"", length=2**31), endless(CONTENT)])
def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(transfer, "MAX_BYTES", HALF)
    with serve(answer) as server, pytest.raises(TransferError, match="larger than"):
        get(server.url, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("http://127.0.0.1:1/reviews.tar.gz", id="nobody listens"),
        pytest.param("http://reviews.invalid/reviews.tar.gz", id="unknown name"),
    ],
)
def test_without_a_connection_few_attempts_are_made(tmp_path: Path, url: str) -> None:
    with pytest.raises(TransferError, match=r"no connection.*\(attempt 2\)"):
        get(url, tmp_path, attempts=50)


def test_an_address_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TransferError):
        get("http://[", tmp_path)
