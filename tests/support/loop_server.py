"""A server of an asynchronous framework's own, on an event loop in a thread of the test process."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from licensechain_hooks.testing.conformance import Answer, RawDelivery
from licensechain_hooks.testing.server_conformance import socket_exchange

__all__ = ["LoopServer", "exchange"]

_PATIENCE = 60.0  # seconds for what has to happen, on a slow machine


class LoopServer:
    """A running server; a context manager.

    Args:
        serve: a coroutine function that starts the server, says where it is by calling what it is given with the
            address, serves while it waits for the event, and stops the server.
    """

    def __init__(
        self, serve: Callable[[Callable[[tuple[str, int]], None], asyncio.Event], Coroutine[Any, Any, None]]
    ) -> None:
        self._serve = serve
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._live, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(_PATIENCE)
        if self._error is not None:
            raise self._error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_PATIENCE)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error

    def _live(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:  # for the thread of the test
            self._error = error
            self._ready.set()

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await self._serve(self._begin, self._stop)

    def _begin(self, address: tuple[str, int]) -> None:
        self.address = address[:2]
        self._ready.set()


def exchange(server: LoopServer, delivery: RawDelivery, path: str) -> Answer:
    """Hand a delivery to a running server, over a socket."""
    answer = socket_exchange(server.address, delivery.wire(path), seconds=_PATIENCE)
    assert answer is not None
    return replace(answer, body=b"") if delivery.method == "HEAD" else answer
