"""Where the emulator delivers to."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from emulated import Emulated


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    headers: dict[str, str]
    body: bytes
    is_whole: bool


@dataclass
class Receiving:
    """A server that notes each request, and answers as it is told.

    Attributes:
        answers: a function of the request's number, from 0: a status, or a status, headers and a body.
    """

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    answers: Callable[[int], Any] = lambda _number: 200


def _handler(receiving: Receiving) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = self.rfile.read(length)
            number = len(receiving.requests)
            receiving.requests.append(Request(dict(self.headers.items()), body, len(body) == length))
            answer = receiving.answers(number)
            status, headers, content = answer if isinstance(answer, tuple) else (answer, {}, b"")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def receiving() -> Iterator[Receiving]:
    """A server to deliver to."""
    told = Receiving()

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_arguments: Any) -> None:
            """Connections break: that is meant."""

    server = Server(("127.0.0.1", 0), _handler(told))
    told.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def shared() -> Iterator[Emulated]:
    """One emulator for the tests of a module that leave nothing in it."""
    with Emulated() as running:
        yield running
