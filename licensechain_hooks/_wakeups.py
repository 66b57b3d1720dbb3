"""Telling an engine of new entries, whose broker may be down."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable
from functools import partial
from inspect import iscoroutinefunction
from math import inf
from typing import TYPE_CHECKING, Any

from licensechain_hooks._dispatch import RunInThread
from licensechain_hooks._loop import run_awaitable
from licensechain_hooks._scrub import scrub
from licensechain_hooks._stores import Enqueuer

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["Wakeups"]

logger = logging.getLogger("licensechain_hooks")

_LEFT_ALONE = 5.0  # seconds for which a queue that failed is not asked again; a sweep finds what came meanwhile
_PATIENCE = 2.0  # seconds that a delivery's answer waits for a queue, where one need not wait for it


class Wakeups:
    """Messages to a queue.

    Args:
        queue: which.
        run_in_thread: how an asynchronous host calls a plain function that may block.
    """

    def __init__(self, queue: Enqueuer, run_in_thread: RunInThread) -> None:
        self._queue = queue
        self._run_in_thread = run_in_thread
        self._is_async = iscoroutinefunction(queue.enqueue)
        self._ask_at = 0.0
        self._said_at = -inf

    def try_to_send(self, pk: int, *, loop: AbstractEventLoop | None = None) -> None:
        """Send a message, if the queue works; if not, the log says so, and the queue has some seconds of peace."""
        if self._is_left_alone():
            return
        try:
            self.send(pk, loop=loop, timeout=_PATIENCE)
        except Exception as error:  # noqa: BLE001 - the entry is stored, and a sweep finds it
            self._note(error)
        else:
            self._ask_at = 0.0

    async def atry_to_send(self, pk: int) -> None:
        """`try_to_send` in an asynchronous host, whose event loop goes on."""
        import asyncio  # noqa: PLC0415 - the host has it

        if self._is_left_alone():
            return
        task = asyncio.ensure_future(self._asend(pk))
        task.add_done_callback(_look_at)
        await asyncio.wait({task}, timeout=_PATIENCE)  # it may go on: a thread cannot be cancelled
        if not task.done():
            self._note(TimeoutError(f"no answer within {_PATIENCE:g} seconds"))
        elif task.cancelled():
            self._note(asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            self._note(error)
        else:
            self._ask_at = 0.0

    def send(self, pk: int, *, loop: AbstractEventLoop | None = None, timeout: float | None = None) -> None:
        """Send a message.

        Args:
            pk: of the entry.
            loop: where a coroutine runs; see `run_awaitable`, as for ``timeout``.
            timeout: after which a coroutine is cancelled.
        """
        sent: Any = self._queue.enqueue(pk)
        if isinstance(sent, Awaitable):
            run_awaitable(sent, loop, timeout)

    async def _asend(self, pk: int) -> None:
        enqueue = partial(self._queue.enqueue, pk)
        sent: Any = enqueue() if self._is_async else await self._run_in_thread(enqueue)
        if isinstance(sent, Awaitable):
            await sent

    def _is_left_alone(self) -> bool:
        """Whether the queue has failed of late; of those who come after that only one tries again."""
        now = time.monotonic()
        if now < self._ask_at:
            return True
        if self._ask_at:
            self._ask_at = now + _LEFT_ALONE
        return False

    def _note(self, error: BaseException) -> None:
        now = time.monotonic()
        self._ask_at = now + _LEFT_ALONE
        if now - self._said_at < _LEFT_ALONE:  # others have failed at the same time
            return
        self._said_at = now
        facts = {"queue": type(self._queue).__name__, "detail": scrub(error, b"")[1]}
        logger.error("queue.failed queue=%(queue)s detail=%(detail)s: a sweep will enqueue", facts, extra=facts)


def _look_at(task: Any) -> None:
    """Take note of what a task nobody waits for has raised, or its loop would."""
    if not task.cancelled():
        task.exception()
