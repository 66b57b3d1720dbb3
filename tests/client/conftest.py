"""Both clients behind one face, and a server that does what no good server does."""

import asyncio
import contextlib
import inspect
import os
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta

import pytest
import stamina

from licensechain_hooks.client import AsyncLicenseChainClient, LicenseChainClient

API_KEY = "lc_test_5f0c1d"


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch):
    """Neither proxies nor keys of the machine that runs the tests; and no waiting between attempts."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("LICENSECHAIN_API", "LICENSECHAIN_BASE", "SSL_CERT_")):
            monkeypatch.delenv(name)
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


class Blocking:
    """An asynchronous client as if it were synchronous, on an event loop of its own."""

    def __init__(self, target, runner):
        self._target = target
        self._runner = runner

    def __getattr__(self, name):
        value = getattr(self._target, name)
        if callable(value):
            return lambda *positional, **named: self._settled(value(*positional, **named))
        return Blocking(value, self._runner)

    def __repr__(self):
        return repr(self._target)

    def _settled(self, given):
        if inspect.iscoroutine(given):
            return self._runner.run(given)
        return self._each(given) if isinstance(given, AsyncIterator) else given

    def _each(self, items):
        with contextlib.suppress(StopAsyncIteration):
            while True:
                yield self._runner.run(anext(items))


@pytest.fixture(params=["sync", "async"])
def connect(request) -> Iterator[Callable]:
    """Make a client for a base URL; each test runs with either."""
    with contextlib.ExitStack() as stack:

        def make(base_url=None, *, api_key=API_KEY, timeout=timedelta(seconds=20), attempts=3):
            settings = {"base_url": base_url, "timeout": timeout, "attempts": attempts}
            if request.param == "sync":
                return stack.enter_context(LicenseChainClient(api_key, **settings))
            runner = stack.enter_context(asyncio.Runner())
            client = AsyncLicenseChainClient(api_key, **settings)
            stack.callback(lambda: runner.run(client.aclose()))
            return Blocking(client, runner)

        yield make


class ScriptedServer:
    """Answers the first request with the first reply it was given, the second with the second, and so on.

    A reply is bytes, after which the connection is closed, or a function of the connection.
    """

    def __init__(self):
        self.requests: list[bytes] = []
        self.replies: list = []
        self.ended = threading.Event()
        self.tls: ssl.SSLContext | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def address(self):
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def base_url(self):
        return f"http://{self.address}/v1"

    @property
    def lines(self):
        """The first line of each request."""
        return [request.split(b"\r\n", 1)[0].decode() for request in self.requests]

    def close(self):
        self.ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection):
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.suppress(OSError))
            stack.enter_context(connection).settimeout(20)
            if self.tls is not None:
                connection = stack.enter_context(self.tls.wrap_socket(connection, server_side=True))
            request = _read_request(connection)
            if request is None:
                return
            self.requests.append(request)
            reply = self.replies.pop(0) if self.replies else b""
            if callable(reply):
                reply(connection)
            else:
                connection.sendall(reply)


def _read_request(connection):
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A `ScriptedServer`."""
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def reply() -> Callable[..., bytes]:
    """The bytes of a reply."""

    def make(status: int, body: bytes = b"", **headers: str) -> bytes:
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    return make
