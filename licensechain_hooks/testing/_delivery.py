"""Deliveries down to the byte, and how to hand them to an application or a server."""

import asyncio
import io
import json
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

__all__ = ["Answer", "Framing", "RawDelivery", "asgi_exchange", "socket_exchange", "wsgi_exchange"]

Framing = Literal["length", "chunked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawDelivery:
    """One HTTP request as bytes.

    Attributes:
        method: the HTTP method.
        headers: in order, in the spelling sent, without those that frame the body.
        body: the bytes of the body that are sent.
        framing: how the body's end is told: by ``Content-Length``, or in chunks.
        declared: what ``Content-Length`` says, where it lies.
    """

    method: str = "POST"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""
    framing: Framing = "length"
    declared: int | None = None

    def with_headers(self, *headers: tuple[bytes, bytes]) -> "RawDelivery":
        """The same delivery with these headers in place of those of the same name."""
        names = {name.lower() for name, _ in headers}
        kept = tuple(header for header in self.headers if header[0].lower() not in names)
        return replace(self, headers=(*kept, *headers))

    def without(self, *names: bytes) -> "RawDelivery":
        """The same delivery without the headers of these names."""
        dropped = {name.lower() for name in names}
        return replace(self, headers=tuple(header for header in self.headers if header[0].lower() not in dropped))

    def framed_headers(self) -> list[tuple[bytes, bytes]]:
        """All headers, those that frame the body included."""
        if self.framing == "chunked":
            return [*self.headers, (b"Transfer-Encoding", b"chunked")]
        declared = len(self.body) if self.declared is None else self.declared
        return [*self.headers, (b"Content-Length", str(declared).encode())]

    def wire(self, path: str, host: str = "127.0.0.1") -> bytes:
        """The request as HTTP/1.1 sends it."""
        lines = [f"{self.method} {path} HTTP/1.1".encode(), f"Host: {host}".encode(), b"Connection: close"]
        lines += [name + b": " + value for name, value in self.framed_headers()]
        head = b"\r\n".join(lines) + b"\r\n\r\n"
        return head + (b"".join(map(_chunk, [*_pieces(self.body), b""])) if self.framing == "chunked" else self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The response to a delivery: ``headers`` lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def outcome(self) -> str:
        """The outcome's name in the body; empty where there is none."""
        try:
            return str(json.loads(self.body)["status"])
        except (ValueError, KeyError, TypeError):
            return ""


def asgi_exchange(app: Callable[..., Awaitable[None]], delivery: RawDelivery, path: str) -> Answer:
    """Hand a delivery to an ASGI application, as a server would, in an event loop of its own."""
    return asyncio.run(aasgi_exchange(app, delivery, path))


async def aasgi_exchange(app: Callable[..., Awaitable[None]], delivery: RawDelivery, path: str) -> Answer:
    """`asgi_exchange` in the running loop."""
    incoming = iter([*_pieces(delivery.body), b""])
    sent: list[dict[str, Any]] = []
    finished = False
    answered = asyncio.Event()

    async def receive() -> dict[str, Any]:
        nonlocal finished
        if finished:  # as servers do: the sender waits for its answer before it goes
            await answered.wait()
            return {"type": "http.disconnect"}
        piece = next(incoming)
        finished = piece == b""
        return {"type": "http.request", "body": piece, "more_body": not finished}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            answered.set()

    await app(asgi_scope(delivery, path), receive, send)
    start, *bodies = sent
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return Answer(status=start["status"], headers=headers, body=b"".join(m.get("body", b"") for m in bodies))


def asgi_scope(delivery: RawDelivery, path: str) -> dict[str, Any]:
    """The ASGI scope of a delivery."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": delivery.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"testserver"), *((n.lower(), v) for n, v in delivery.framed_headers())],
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 80),
    }


def wsgi_exchange(app: Callable[..., Iterable[bytes]], delivery: RawDelivery, path: str) -> Answer:
    """Hand a delivery to a WSGI application, as a server would."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> Callable[..., Any]:
        started[:] = [int(status.split(" ", 1)[0]), {name.lower(): value for name, value in headers}]
        return lambda _data: None

    result = app(wsgi_environ(delivery, path), start_response)
    try:
        body = b"".join(result)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()
    return Answer(status=started[0], headers=started[1], body=body)


def wsgi_environ(delivery: RawDelivery, path: str) -> dict[str, Any]:
    """The WSGI environ of a delivery: repeated headers joined, names with an underscore dropped, as servers do."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": delivery.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "testserver",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(delivery.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in delivery.framed_headers():
        if b"_" in name:
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


def socket_exchange(address: tuple[str, int], request: bytes, *, seconds: float = 10) -> Answer | None:
    """Send raw bytes to a server and read its answer; ``None`` where it closes the connection without one."""
    with socket.create_connection(address, timeout=seconds) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused early: the answer may be waiting
            connection.sendall(request)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> Answer | None:
    """Read one response up to the end of the connection or of its declared length."""
    received = b""
    while not _complete(received):
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            break
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    if not head:
        return None
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(status=int(status.split(" ")[1]), headers=headers, body=body)


def _complete(received: bytes) -> bool:
    head, separator, body = received.partition(b"\r\n\r\n")
    if not separator or head.startswith(b"HTTP/1.1 100"):
        return False
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(body) >= int(value)
    return False


def _pieces(body: bytes, size: int = 16 * 1024) -> Sequence[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def _chunk(piece: bytes) -> bytes:
    return f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
