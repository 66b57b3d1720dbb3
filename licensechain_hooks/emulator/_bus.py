"""What happens in an emulator, for those who watch."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

__all__ = ["Bus"]

_BACKLOG = 1000  # of one who does not read; then it is let go, and a browser comes back by itself
_KEEP_ALIVE = 15.0  # seconds


class Bus:
    """Tells every subscriber of every change; used in one event loop."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[str | None]] = set()
        self._closed = False

    def publish(self, name: str, value: Mapping[str, Any]) -> None:
        """Tell of a change."""
        text = f"event: {name}\ndata: {json.dumps(value)}\n\n"
        for queue in list(self._queues):
            try:
                queue.put_nowait(text)
            except asyncio.QueueFull:
                self._let_go(queue)

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        for queue in list(self._queues):
            self._let_go(queue)

    async def stream(self) -> AsyncIterator[str]:
        """The changes from now on, as an EventSource reads them."""
        queue: asyncio.Queue[str | None] = asyncio.Queue(_BACKLOG)
        if self._closed:
            return
        self._queues.add(queue)
        try:
            yield "retry: 1000\n: connected\n\n"
            while (text := await _next(queue)) is not None:
                yield text
        finally:
            self._queues.discard(queue)

    def _let_go(self, queue: asyncio.Queue[str | None]) -> None:
        self._queues.discard(queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)


async def _next(queue: asyncio.Queue[str | None]) -> str | None:
    try:
        async with asyncio.timeout(_KEEP_ALIVE):
            return await queue.get()
    except TimeoutError:
        return ": still here\n\n"
