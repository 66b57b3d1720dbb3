"""Queues that tests name by their dotted path."""

import asyncio
from typing import Any

from licensechain_hooks import EngineQueue


class ListQueue(EngineQueue):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[int] = []

    def enqueue(self, pk: int, /) -> None:
        """See `Enqueuer`."""
        self.sent.append(pk)


class AsyncListQueue(ListQueue):
    """The same as an asynchronous engine has it."""

    async def enqueue(self, pk: int, /) -> None:  # type: ignore[override]
        """See `Enqueuer`."""
        await asyncio.sleep(0)
        super().enqueue(pk)


queue = ListQueue()
nothing: Any = object()


def make_queue() -> ListQueue:
    """A queue from a function."""
    return ListQueue()


def fail() -> None:
    """No queue."""
    msg = "no broker is configured"
    raise ValueError(msg)
