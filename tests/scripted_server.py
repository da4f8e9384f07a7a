"""A real HTTP server on the loopback interface that misbehaves on request."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Gives the answers of its server one after the other, the last one again and again."""

    protocol_version = "HTTP/1.1"
    server: "ScriptedServer"

    def do_GET(self) -> None:
        self.close_connection = True
        self.server.requests.append(dict(self.headers))
        script = self.server.script
        answer = script.pop(0) if len(script) > 1 else script[0]
        answer(self)

    def begin(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class ScriptedServer(ThreadingHTTPServer):
    """Knows its script and what it was asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, script: list[Answer], certificate: Path | None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.scheme = "http"
        if certificate:
            self.scheme = "https"
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(certificate)
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.script = script
        self.requests: list[dict[str, str]] = []
        self.closing = threading.Event()

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}/reviews.tar.gz"


@contextmanager
def serve(*script: Answer, certificate: Path | None = None) -> Iterator[ScriptedServer]:
    """Run a server that gives these answers, over TLS if it has a certificate (PEM with key)."""
    with ScriptedServer(list(script), certificate) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()


def whole(
    content: bytes, *, etag: str = '"1"', ranges: bool = True, at_once: int | None = None
) -> Answer:
    """The file, or the part of it that was asked for if it is still the same file.

    At most `at_once` bytes of a part.
    """

    def answer(handler: Handler) -> None:
        start = handler.headers.get("Range", "bytes=0-")[len("bytes=") : -1]
        unchanged = handler.headers.get("If-Range", etag) == etag
        if not (ranges and unchanged and int(start)):
            handler.begin(200, ETag=etag, Content_Length=len(content))
            handler.wfile.write(content)
        elif int(start) >= len(content):
            handler.begin(416, Content_Range=f"bytes */{len(content)}", Content_Length=0)
        else:
            rest = content[int(start) :][:at_once]
            place = f"bytes {start}-{int(start) + len(rest) - 1}/{len(content)}"
            handler.begin(206, ETag=etag, Content_Range=place, Content_Length=len(rest))
            handler.wfile.write(rest)

    return answer


def whole_in_pieces(content: bytes, *, pieces: int, pause: float) -> Answer:
    """The file, or the rest of it from where it was asked for, with a pause before each piece."""

    def answer(handler: Handler) -> None:
        start = int(handler.headers.get("Range", "bytes=0-")[len("bytes=") : -1])
        if start >= len(content):
            handler.begin(416, Content_Range=f"bytes */{len(content)}", Content_Length=0)
            return
        rest, last = len(content) - start, len(content) - 1
        place = {"Content_Range": f"bytes {start}-{last}/{len(content)}"} if start else {}
        handler.begin(206 if start else 200, ETag='"1"', Content_Length=rest, **place)
        size = -(-len(content) // pieces)
        for begin in range(start, len(content), size):
            if handler.server.closing.wait(pause):
                return
            handler.wfile.write(content[begin : begin + size])

    return answer


def broken_off(content: bytes, after: int, *, etag: str = '"1"') -> Answer:
    """Promises the whole file and hangs up in the middle."""
    return claiming(content[:after], length=len(content), etag=etag)


def claiming(content: bytes, length: int, *, etag: str = '"1"') -> Answer:
    """Sends the content under any `Content-Length`."""

    def answer(handler: Handler) -> None:
        handler.begin(200, ETag=etag, Content_Length=length)
        handler.wfile.write(content)

    return answer


def endless(content: bytes) -> Answer:
    """Sends the content without saying how long it is."""

    def answer(handler: Handler) -> None:
        handler.begin(200)
        handler.wfile.write(content)

    return answer


def stalled(content: bytes, after: int) -> Answer:
    """Falls silent in the middle of the file."""

    def answer(handler: Handler) -> None:
        handler.begin(200, ETag='"1"', Content_Length=len(content))
        handler.wfile.write(content[:after])
        handler.wfile.flush()
        handler.server.closing.wait()

    return answer


def trickling(content: bytes, *, at_once: int, pause: float, after: int = 0) -> Answer:
    """Sends the content a few bytes at a time, but the first `after` bytes at once."""

    def answer(handler: Handler) -> None:
        handler.begin(200, ETag='"1"', Content_Length=len(content))
        handler.wfile.write(content[:after])
        for begin in range(after, len(content), at_once):
            handler.wfile.write(content[begin : begin + at_once])
            if handler.server.closing.wait(pause):
                return

    return answer


def failure(status: int, **headers: object) -> Answer:
    """An error status."""

    def answer(handler: Handler) -> None:
        handler.begin(status, Content_Length=0, **headers)

    return answer


def dated(content: bytes, date: str, *, after: int | None = None) -> Answer:
    """The file under its date, without an ETag; whole if asked for the rest of an older one."""

    def answer(handler: Handler) -> None:
        start = int(handler.headers.get("Range", "bytes=0-")[len("bytes=") : -1])
        if start and handler.headers.get("If-Range") == date:
            place = f"bytes {start}-{len(content) - 1}/{len(content)}"
            handler.begin(206, Last_Modified=date, Content_Range=place)
            handler.wfile.write(content[start:])
        else:
            handler.begin(200, Last_Modified=date, Content_Length=len(content))
            handler.wfile.write(content[:after])

    return answer


def raw(answered: bytes) -> Answer:
    """Bytes that need not be HTTP."""

    def answer(handler: Handler) -> None:
        handler.wfile.write(answered)

    return answer


def redirect_to_itself() -> Answer:
    """A redirection without an end."""

    def answer(handler: Handler) -> None:
        handler.begin(302, Location=handler.path, Content_Length=0)

    return answer


def redirect_in_circles() -> Answer:
    """Two addresses that each send to the other."""

    def answer(handler: Handler) -> None:
        other = "/a" if handler.path == "/b" else "/b"
        handler.begin(302, Location=other, Content_Length=0)

    return answer


def hang_up() -> Answer:
    """Closes the connection without a word."""

    def answer(handler: Handler) -> None:
        del handler

    return answer
