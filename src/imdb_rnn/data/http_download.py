"""One file over HTTP: resumed where it broke off, retried after growing pauses, bounded in size."""

import hashlib
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import requests
from urllib3.exceptions import HTTPError, InvalidHeader, MaxRetryError, ReadTimeoutError
from urllib3.util import Retry

from imdb_rnn.console import console, progress
from imdb_rnn.errors import naming
from imdb_rnn.messages import without_secrets

MAX_BYTES: Final = 2**30
MAX_REDIRECTS: Final = 5
# A machine without a network should get to its next source at once.
ATTEMPTS_TO_CONNECT: Final = 2
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 30.0
# A server that sends a byte now and then never times out, and never ends.
SLOWEST_BYTES_PER_SECOND: Final = 1000
_CHUNK_BYTES: Final = 2**16
_WORTH_RETRYING: Final = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}


class TransferError(Exception):
    """The file could not be fetched; the message says why, in a line."""


class _InterruptedTransferError(Exception):
    """This attempt failed, the next may not."""

    def __init__(self, reason: str, *, pause: float = 0.0, connected: bool = True) -> None:
        super().__init__(reason)
        self.pause = pause
        self.connected = connected


@dataclass(frozen=True)
class _Partial:
    """What has arrived so far, and the mark by which the server tells whether it still holds."""

    body: Path
    mark: Path
    largest: int

    @classmethod
    def of(cls, url: str, folder: Path, largest: int) -> "_Partial":
        stem = hashlib.sha256(url.encode()).hexdigest()
        return cls(folder / f"{stem}.part", folder / f"{stem}.mark", largest)

    def validator(self) -> str:
        return self.mark.read_text(encoding="utf-8") if self.mark.exists() else ""

    def size(self) -> int:
        return self.body.stat().st_size if self.body.exists() else 0

    def start(self, validator: str) -> None:
        self.body.parent.mkdir(parents=True, exist_ok=True)
        self.body.write_bytes(b"")
        self.mark.write_text(validator, encoding="utf-8")

    def discard(self) -> None:
        self.body.unlink(missing_ok=True)
        self.mark.unlink(missing_ok=True)


def fetch(
    url: str, folder: Path, *, timeout: float, attempts: int, largest: int | None = None
) -> Path:
    """Download a file, or the rest of it where an earlier try broke off.

    Args:
        url: Where it is.
        folder: Keeps what has arrived, across calls and processes.
        timeout: Longest wait for a connection and for each piece of the answer, in seconds; also
            the span over which an answer must not be slower than SLOWEST_BYTES_PER_SECOND.
        attempts: Largest number of requests in a row that bring the file no farther.
        largest: Bytes that the file may have; None allows `MAX_BYTES`.

    Returns:
        The downloaded file in `folder`; `discard` removes it.

    Raises:
        TransferError: The server does not have it, or stops delivering it.
        OSError: What arrives cannot be kept.
    """
    partial = _Partial.of(url, folder, MAX_BYTES if largest is None else largest)
    with requests.Session() as session:
        session.max_redirects = MAX_REDIRECTS
        attempt, farthest = 1, partial.size()
        while True:
            try:
                with naming(partial.body):
                    _receive(session, url, partial, timeout)
            except _InterruptedTransferError as interruption:
                # Less would let a server that sends a byte at a time keep us for ever.
                if partial.size() >= farthest + timeout * SLOWEST_BYTES_PER_SECOND:
                    attempt, farthest = 1, partial.size()
                worth = attempts if interruption.connected else min(attempts, ATTEMPTS_TO_CONNECT)
                if attempt >= worth:
                    raise TransferError(f"{interruption} (attempt {attempt})") from None
                _pause(attempt, interruption)
                attempt += 1
            else:
                return partial.body


def discard(url: str, folder: Path) -> None:
    """Remove what `fetch` has kept of a file."""
    _Partial.of(url, folder, MAX_BYTES).discard()


def _pause(attempt: int, interruption: _InterruptedTransferError) -> None:
    growing = min(FIRST_PAUSE_SECONDS * 2 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    seconds = max(growing, interruption.pause)
    console.print(
        f"{without_secrets(str(interruption))}; trying again in {seconds:.0f} s", markup=False
    )
    time.sleep(seconds)


def _receive(session: requests.Session, url: str, partial: _Partial, timeout: float) -> None:
    """Make one request and append its answer to what is there."""
    with _request(session, url, partial, timeout) as response:
        _refuse_failure(response)
        if response.status_code == HTTPStatus.OK:
            partial.start(_validator(response.headers))
        else:
            _require_continuation(response, partial)
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is left to send
        try:
            _append_body(response, partial, timeout)
        except ReadTimeoutError:
            raise _InterruptedTransferError(f"no more data for {timeout:g} s") from None
        except HTTPError:
            raise _InterruptedTransferError("the connection broke off") from None
        if partial.size() < _whole_size(response.headers):
            raise _InterruptedTransferError("the server sent a part of what was asked for")


def _request(
    session: requests.Session, url: str, partial: _Partial, timeout: float
) -> requests.Response:
    """Ask for the file, or for what is missing of it if it has not changed since (RFC 9110)."""
    headers = {"Accept-Encoding": "identity"}
    if (size := partial.size()) and (validator := partial.validator()):
        headers |= {"Range": f"bytes={size}-", "If-Range": validator}
    try:
        return session.get(url, headers=headers, timeout=timeout, stream=True)
    except requests.Timeout as error:
        connected = not isinstance(error, requests.ConnectTimeout)
        reason = f"no answer within {timeout:g} s"
        raise _InterruptedTransferError(reason, connected=connected) from None
    except requests.ConnectionError as error:
        cause = error.args[0] if error.args else error
        if isinstance(cause, MaxRetryError):
            # urllib3 writes "HTTPSConnection(...): what happened".
            reason = f"no connection: {str(cause.reason).split(': ', maxsplit=1)[-1]}"
            raise _InterruptedTransferError(reason, connected=False) from None
        raise _InterruptedTransferError("the connection broke off") from None
    except (requests.RequestException, ValueError) as error:  # ValueError: a senseless redirection
        raise TransferError(str(error)) from None


def _refuse_failure(response: requests.Response) -> None:
    status = response.status_code
    answer = f"the server answers {status} {response.reason}"
    if status in _WORTH_RETRYING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        pause = _retry_after(response.headers)
        if pause > LONGEST_PAUSE_SECONDS:
            raise TransferError(f"{answer} and asks to wait {pause:.0f} s")
        raise _InterruptedTransferError(answer, pause=pause)
    if status not in {
        HTTPStatus.OK,
        HTTPStatus.PARTIAL_CONTENT,
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    }:
        raise TransferError(answer)


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds that the server asks to wait; 0 where it does not say."""
    try:
        return float(Retry().parse_retry_after(headers.get("Retry-After", "0")))
    except OverflowError:
        return math.inf
    except (InvalidHeader, ValueError):  # no date, or one that no calendar has
        return 0.0


def _require_continuation(response: requests.Response, partial: _Partial) -> None:
    """Start over if an answer does not belong to the end of what is there."""
    headers, size = response.headers, partial.size()
    if response.status_code == HTTPStatus.PARTIAL_CONTENT:
        piece = re.match(r"bytes ([0-9]{1,18})-", headers.get("Content-Range", ""))
        same_version = _validator(headers) in {"", partial.validator()}
        fits = piece is not None and int(piece[1]) == size and same_version
    else:
        fits = _whole_size(headers) == size
    if not fits:
        partial.discard()
        raise _InterruptedTransferError("the server's file does not continue what had arrived")


def _whole_size(headers: Mapping[str, str]) -> int:
    """Length of the file that a piece belongs to; 0 where the answer does not say."""
    whole = re.fullmatch(r"bytes .+/([0-9]{1,18})", headers.get("Content-Range", ""))
    return int(whole[1]) if whole else 0


def _validator(headers: Mapping[str, str]) -> str:
    """What tells versions of a file apart: a strong ETag, else its date, else nothing."""
    etag = headers.get("ETag", "")
    return etag if etag.startswith('"') else headers.get("Last-Modified", "")


def _append_body(response: requests.Response, partial: _Partial, span: float) -> None:
    """Append what arrives, unless over so many seconds it only trickles."""
    arrived = partial.size()
    length = re.fullmatch(r"[0-9]{1,18}", response.headers.get("Content-Length", ""))
    total = arrived + int(length[0]) if length else None
    _refuse_too_large(total or 0, partial)
    shown = progress("Download", total, done=arrived, in_bytes=True)
    began, lately = time.monotonic(), 0
    with partial.body.open("ab") as file, shown as advance:
        # Not iter_content: that would unpack a body sent with `Content-Encoding: gzip`. Not stream:
        # that would wait for whole chunks.
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=False):
            arrived += len(chunk)
            _refuse_too_large(arrived, partial)
            file.write(chunk)
            advance(len(chunk))
            lately += len(chunk)
            if time.monotonic() - began >= span:
                if lately < span * SLOWEST_BYTES_PER_SECOND:
                    raise _InterruptedTransferError(f"only {lately} bytes in {span:g} s")
                began, lately = time.monotonic(), 0


def _refuse_too_large(size: int, partial: _Partial) -> None:
    if size > partial.largest:
        partial.discard()
        raise TransferError(f"the file is larger than {partial.largest:,} bytes")
