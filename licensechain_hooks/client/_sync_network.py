# Generated from _async_network.py by tools/generate_sync_client.py: change that file.
"""A network where every wait ends at one deadline.

httpx2's time limits begin anew with each byte that arrives, so a server that trickles would never be too slow.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import httpcore2
import httpx2

__all__ = ["DeadlineTransport", "deadline"]

deadline: ContextVar[float] = ContextVar("deadline")
"""When what is waited for now has to be there, by ``time.monotonic``."""


def _left(limit: float | None, error: type[httpcore2.TimeoutException]) -> float:
    left = deadline.get() - time.monotonic()
    if left <= 0:
        raise error
    return left if limit is None else min(left, limit)


class DeadlineTransport(httpx2.BaseTransport):
    """httpx2's transport, on a network with deadlines.

    Args:
        proxy: through which to go.
    """

    def __init__(self, proxy: httpx2.Proxy | None) -> None:
        settings: dict[str, Any] = {
            "ssl_context": httpx2.create_ssl_context(),
            "keepalive_expiry": 5.0,
            "network_backend": DeadlineBackend(),
        }
        self._pool: httpcore2.ConnectionPool
        if proxy is None:
            self._pool = httpcore2.ConnectionPool(**settings)
        else:
            self._pool = httpcore2.HTTPProxy(_url(proxy.url), proxy_auth=proxy.raw_auth, **settings)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request; its body has been made, its reply's is read later."""
        reply = self._pool.handle_request(
            httpcore2.Request(
                request.method,
                _url(request.url),
                headers=request.headers.raw,
                content=request.read(),
                extensions=request.extensions,
            )
        )
        return httpx2.Response(
            reply.status, headers=reply.headers, stream=_ReplyBody(reply), extensions=reply.extensions
        )

    def close(self) -> None:
        self._pool.close()


class DeadlineBackend(httpcore2.NetworkBackend):
    """Connects before the deadline, or not."""

    def __init__(self) -> None:
        self._network: Any = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _DeadlineStream(self._network.connect_tcp(host, port, left, local_address, socket_options))


class _DeadlineStream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(timeout, httpcore2.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, left))

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _ReplyBody(httpx2.SyncByteStream):
    def __init__(self, reply: httpcore2.Response) -> None:
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        return self._reply.iter_stream()

    def close(self) -> None:
        self._reply.close()


def _url(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
