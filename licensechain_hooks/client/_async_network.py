"""A network where every wait ends at one deadline.

httpx2's time limits begin anew with each byte that arrives, so a server that trickles would never be too slow.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator, Iterable
from contextvars import ContextVar
from typing import Any

import httpcore2
import httpx2

__all__ = ["AsyncDeadlineTransport", "deadline"]

deadline: ContextVar[float] = ContextVar("deadline")
"""When what is waited for now has to be there, by ``time.monotonic``."""


def _left(limit: float | None, error: type[httpcore2.TimeoutException]) -> float:
    left = deadline.get() - time.monotonic()
    if left <= 0:
        raise error
    return left if limit is None else min(left, limit)


class AsyncDeadlineTransport(httpx2.AsyncBaseTransport):
    """httpx2's transport, on a network with deadlines.

    Args:
        proxy: through which to go.
    """

    def __init__(self, proxy: httpx2.Proxy | None) -> None:
        settings: dict[str, Any] = {
            "ssl_context": httpx2.create_ssl_context(),
            "keepalive_expiry": 5.0,
            "network_backend": AsyncDeadlineBackend(),
        }
        self._pool: httpcore2.AsyncConnectionPool
        if proxy is None:
            self._pool = httpcore2.AsyncConnectionPool(**settings)
        else:
            self._pool = httpcore2.AsyncHTTPProxy(_url(proxy.url), proxy_auth=proxy.raw_auth, **settings)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """One request; its body has been made, its reply's is read later."""
        reply = await self._pool.handle_async_request(
            httpcore2.Request(
                request.method,
                _url(request.url),
                headers=request.headers.raw,
                content=await request.aread(),
                extensions=request.extensions,
            )
        )
        return httpx2.Response(
            reply.status, headers=reply.headers, stream=_AsyncReplyBody(reply), extensions=reply.extensions
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class AsyncDeadlineBackend(httpcore2.AsyncNetworkBackend):
    """Connects before the deadline, or not."""

    def __init__(self) -> None:
        self._network: Any = httpcore2.AnyIOBackend()  # type checkers see what it is without anyio

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore2's name for it
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _AsyncDeadlineStream(await self._network.connect_tcp(host, port, left, local_address, socket_options))


class _AsyncDeadlineStream(httpcore2.AsyncNetworkStream):
    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        return await self._stream.read(max_bytes, _left(timeout, httpcore2.ReadTimeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        await self._stream.write(buffer, _left(timeout, httpcore2.WriteTimeout))

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore2.AsyncNetworkStream:
        left = _left(timeout, httpcore2.ConnectTimeout)
        return _AsyncDeadlineStream(await self._stream.start_tls(ssl_context, server_hostname, left))

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _AsyncReplyBody(httpx2.AsyncByteStream):
    def __init__(self, reply: httpcore2.Response) -> None:
        self._reply = reply

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._reply.aiter_stream()

    async def aclose(self) -> None:
        await self._reply.aclose()


def _url(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
