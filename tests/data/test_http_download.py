from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from imdb_rnn.data import http_download as transfer
from imdb_rnn.data.http_download import TransferError, discard, fetch
from scripted_server import (
    Answer,
    broken_off,
    claiming,
    dated,
    endless,
    failure,
    hang_up,
    raw,
    redirect_in_circles,
    redirect_to_itself,
    serve,
    stalled,
    trickling,
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
    assert server.requests[0]["Accept-Encoding"] == "identity"


@pytest.mark.fault
def test_a_broken_transfer_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with serve(broken_off(CONTENT, HALF), whole(CONTENT)) as server:
        assert get(server.url, tmp_path) == CONTENT
    _, second = server.requests
    assert second["Range"] == f"bytes={HALF}-"
    assert second["If-Range"] == '"1"'


@pytest.mark.fault
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


@pytest.mark.fault
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


FRIDAY, MONDAY = "Fri, 03 Jan 2020 00:00:00 GMT", "Mon, 06 Jan 2020 00:00:00 GMT"


def test_the_date_tells_versions_apart_where_there_is_no_etag(tmp_path: Path) -> None:
    with serve(dated(CONTENT, FRIDAY, after=HALF), dated(CONTENT, FRIDAY)) as server:
        assert get(server.url, tmp_path / "same") == CONTENT
    assert server.requests[1]["Range"] == f"bytes={HALF}-"
    with serve(dated(OTHER_CONTENT, FRIDAY, after=HALF), dated(CONTENT, MONDAY)) as server:
        assert get(server.url, tmp_path / "changed") == CONTENT
    assert server.requests[1]["If-Range"] == FRIDAY


@pytest.mark.fault
def test_pieces_that_are_smaller_than_asked_for_are_put_together(tmp_path: Path) -> None:
    piece = whole(CONTENT, at_once=len(CONTENT) // 3)
    with serve(broken_off(CONTENT, HALF), piece) as server:
        assert get(server.url, tmp_path) == CONTENT
    assert len(server.requests) == 3


@pytest.mark.fault
def test_more_than_was_announced_is_not_taken(tmp_path: Path) -> None:
    with serve(claiming(CONTENT, HALF)) as server:
        assert get(server.url, tmp_path) == CONTENT[:HALF]


@pytest.mark.fault
def test_without_a_mark_of_the_version_the_transfer_starts_over(tmp_path: Path) -> None:
    with serve(broken_off(OTHER_CONTENT, HALF, etag='W/"weak"'), whole(CONTENT)) as server:
        assert get(server.url, tmp_path) == CONTENT
    assert "Range" not in server.requests[1]


@pytest.mark.fault
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


@pytest.mark.fault
def test_a_file_that_became_shorter_is_fetched_anew(tmp_path: Path) -> None:
    shorter = failure(416, Content_Range="bytes */1000")
    with serve(broken_off(OTHER_CONTENT, HALF), shorter, whole(CONTENT)) as server:
        assert get(server.url, tmp_path) == CONTENT


@pytest.mark.fault
@pytest.mark.parametrize(
    "mishap",
    [
        pytest.param(failure(500), id="server error"),
        pytest.param(failure(503, Retry_After="nonsense"), id="unavailable"),
        pytest.param(failure(429, Retry_After=0), id="too many requests"),
        pytest.param(stalled(CONTENT, HALF), id="stalled"),
        pytest.param(stalled(CONTENT, 0), id="no body"),
        pytest.param(trickling(CONTENT, at_once=1, pause=0.02), id="a trickle"),
        pytest.param(
            trickling(CONTENT, at_once=1, pause=0.02, after=HALF), id="a trickle in the end"
        ),
        pytest.param(hang_up(), id="hung up"),
        pytest.param(claiming(CONTENT, len(CONTENT) + 1), id="shorter than announced"),
        pytest.param(raw(b"no such protocol\r\n\r\n"), id="not HTTP"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000), id="endless headers"),
        pytest.param(failure(503, Retry_After="9" * 5000), id="a wait of 5000 digits"),
    ],
)
def test_a_passing_mishap_is_overcome(tmp_path: Path, mishap: Answer) -> None:
    with serve(mishap, whole(CONTENT)) as server:
        assert get(server.url, tmp_path, timeout=0.5) == CONTENT
    assert len(server.requests) == 2


def test_a_slow_server_is_fast_enough_at_the_slowest_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "SLOWEST_BYTES_PER_SECOND", 100)
    with serve(trickling(CONTENT[:2000], at_once=200, pause=0.1)) as server:
        assert get(server.url, tmp_path, timeout=0.4, attempts=1) == CONTENT[:2000]


@pytest.mark.fault
def test_a_trickle_is_given_up_with_its_pace(tmp_path: Path) -> None:
    with (
        serve(trickling(CONTENT, at_once=1, pause=0.02)) as server,
        pytest.raises(TransferError, match=r"only [0-9]+ bytes in 0\.3 s \(attempt 2\)"),
    ):
        get(server.url, tmp_path, timeout=0.3, attempts=2)


@pytest.mark.fault
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


@pytest.mark.fault
def test_a_server_that_asks_for_a_very_long_wait_is_given_up(tmp_path: Path) -> None:
    with serve(failure(429, Retry_After=3_600)) as server:
        with pytest.raises(TransferError, match=r"429.*asks to wait 3600 s"):
            get(server.url, tmp_path)
        assert len(server.requests) == 1


@pytest.mark.fault
@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_final(tmp_path: Path, status: int) -> None:
    with serve(failure(status)) as server:
        with pytest.raises(TransferError, match=str(status)):
            get(server.url, tmp_path)
        assert len(server.requests) == 1


@pytest.mark.fault
@pytest.mark.parametrize("attempts", [1, 4])
def test_attempts_are_bounded(tmp_path: Path, attempts: int) -> None:
    with serve(failure(500)) as server:
        with pytest.raises(TransferError, match=rf"500.*attempt {attempts}"):
            get(server.url, tmp_path, attempts=attempts)
        assert len(server.requests) == attempts


@pytest.mark.fault
def test_attempts_that_bring_the_file_farther_do_not_count(tmp_path: Path) -> None:
    piece = whole(CONTENT, at_once=len(CONTENT) // 16)
    with serve(broken_off(CONTENT, HALF), piece) as server:
        assert get(server.url, tmp_path, attempts=2) == CONTENT
    assert len(server.requests) == 1 + 8


@pytest.mark.fault
def test_attempts_that_hardly_bring_it_farther_count(tmp_path: Path) -> None:
    with serve(broken_off(CONTENT, 100)) as server:
        with pytest.raises(TransferError, match="attempt 3"):
            get(server.url, tmp_path, attempts=3)
        assert len(server.requests) == 3


@pytest.mark.fault
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with serve(whole(CONTENT), certificate=certificate) as server:
        with pytest.raises(TransferError, match=r"certificate verify failed.*\(attempt 2\)"):
            get(server.url, tmp_path / "downloads")
        assert not server.requests
    assert not (tmp_path / "downloads").exists()


def self_signed(folder: Path) -> Path:
    """A fresh certificate for 127.0.0.1 with its key in front."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    return file


@pytest.mark.fault
@pytest.mark.parametrize("answer", [redirect_to_itself(), redirect_in_circles()])
def test_redirections_are_bounded(tmp_path: Path, answer: Answer) -> None:
    with serve(answer) as server:
        with pytest.raises(TransferError, match="redirects"):
            get(server.url, tmp_path)
        assert len(server.requests) <= 10


@pytest.mark.fault
@pytest.mark.parametrize("answer", [claiming(b"", length=2**31), endless(CONTENT)])
def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setattr(transfer, "MAX_BYTES", HALF)
    with serve(answer) as server, pytest.raises(TransferError, match="larger than"):
        get(server.url, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.fault
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


@pytest.mark.fault
@pytest.mark.parametrize("target", ["http://[", "file:///etc/passwd", "http://\xff\xfe/"])
def test_a_redirection_that_makes_no_sense_is_refused(tmp_path: Path, target: str) -> None:
    with serve(failure(302, Location=target)) as server, pytest.raises(TransferError):
        get(server.url, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.fault
def test_a_length_that_nothing_can_have_is_no_length(tmp_path: Path) -> None:
    digits = b"9" * 5000
    with serve(raw(b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\nabc" % digits)) as server:
        assert get(server.url, tmp_path) == b"abc"


@pytest.mark.fault
def test_a_wait_beyond_all_numbers_is_given_up(tmp_path: Path) -> None:
    with serve(failure(429, Retry_After="9" * 400)) as server:
        with pytest.raises(TransferError, match="asks to wait"):
            get(server.url, tmp_path)
        assert len(server.requests) == 1


def test_an_address_that_makes_no_sense_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TransferError):
        get("http://[", tmp_path)
