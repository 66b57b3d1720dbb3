"""Running an event's handlers, in a synchronous and in an asynchronous host.

One handler's failure does not stop the others, and whatever it raises, ``SystemExit`` included, ends up in its
`HandlerRun`. Only a true interruption goes through: Ctrl-C in the main thread, the host cancelling the task.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Literal

from licensechain_hooks import events
from licensechain_hooks._handler import Handler, HandlerContext
from licensechain_hooks._hooks import Hooks
from licensechain_hooks._job import Job
from licensechain_hooks._loop import run_awaitable
from licensechain_hooks._outcome import HandlerRun
from licensechain_hooks._stores import Transaction
from licensechain_hooks.exceptions import HandlerSignal

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["Dispatch", "RunInThread"]

RunInThread = Callable[[Callable[[], Any]], Awaitable[Any]]

logger = logging.getLogger("licensechain_hooks")


@dataclass(slots=True, kw_only=True)
class Dispatch:
    """One event on its way to handlers, one after the other.

    Attributes:
        hooks: whose listeners of errors are told.
        event: what the handlers are given.
        endpoint: the name of the endpoint it came to.
        raw_body: its body.
        received_at: when the delivery arrived, in Unix time.
        attempt: which run this is, from 1.
        loop: where a synchronous host runs coroutines; see `run_awaitable`.
        time_limit: the seconds after which a coroutine is cancelled in a synchronous host.
    """

    hooks: Hooks
    event: events.Event
    endpoint: str
    raw_body: bytes = field(repr=False)
    received_at: float
    attempt: int = 1
    loop: AbstractEventLoop | None = None
    time_limit: float | None = None
    _job: Job[Any] | None = field(default=None, init=False)

    def context(self, handler: Handler, transaction: Transaction | None = None) -> HandlerContext:
        """What this handler is told beside the event."""
        return HandlerContext(
            endpoint=self.endpoint,
            handler=handler.name,
            idempotency_key=f"{self.event.id}:{handler.name}",
            attempt=self.attempt,
            raw_body=self.raw_body,
            received_at=datetime.fromtimestamp(self.received_at, UTC),
            _transaction=transaction,
        )

    def run(self, handlers: Iterable[Handler], *, before: Iterable[Handler] = ()) -> tuple[HandlerRun, ...]:
        """Run the handlers one after the other; none, where one of ``before`` fails."""
        for handler in before:
            run = self.run_one(handler)
            if run.error is not None:
                return (run,)
        return tuple([self.run_one(handler) for handler in handlers])

    async def arun(
        self, handlers: Iterable[Handler], run_in_thread: RunInThread, *, before: Iterable[Handler] = ()
    ) -> tuple[HandlerRun, ...]:
        """`run` on an event loop: coroutines are awaited, the others run in a thread."""
        for handler in before:
            run = await self._arun_one(handler, run_in_thread)
            if run.error is not None:
                return (run,)
        return tuple([await self._arun_one(handler, run_in_thread) for handler in handlers])

    def run_one(self, handler: Handler, transaction: Transaction | None = None) -> HandlerRun:
        """Run one handler: `attempt`, and `report` where it failed.

        Args:
            handler: which.
            transaction: what its context gives it to write through.
        """
        run = self.attempt_one(handler, transaction)
        self.report(handler, run)
        return run

    def attempt_one(self, handler: Handler, transaction: Transaction | None = None) -> HandlerRun:
        """Run one handler and tell nobody: who rolls back what it wrote calls `report` after that."""
        return HandlerRun(handler.name, self._attempt(self._call(handler, transaction)))

    def report(self, handler: Handler, run: HandlerRun) -> None:
        """Log a run that failed, and tell the listeners of errors."""
        if run.error is not None and self._log_failure(handler, run.error):
            self.tell(self.hooks.error_listeners(), run.error, self.event, context=self.context(handler))

    def tell(self, listeners: Iterable[Handler], *given: object, context: HandlerContext | None = None) -> None:
        """Call listeners; what they raise is logged.

        Args:
            listeners: such as `Hooks.dead_listeners`.
            given: their arguments.
            context: for those that want it as well; by default one of their own.
        """
        for listener in listeners:
            _log_listener(self._attempt(self._told(listener, given, context)))

    def told_of_end(
        self, state: Literal["processed", "failed", "dead"], error: BaseException | None
    ) -> tuple[tuple[Handler, ...], tuple[object, ...]]:
        """Who is told how an attempt has ended, and what they are given.

        Args:
            state: how.
            error: of an attempt that failed, the first one.
        """
        if state == "failed":
            return self.hooks.failed_listeners(), (error, self.event)
        listeners = self.hooks.processed_listeners() if state == "processed" else self.hooks.dead_listeners()
        return listeners, (self.event,)

    async def atell(
        self,
        listeners: Iterable[Handler],
        *given: object,
        run_in_thread: RunInThread,
        context: HandlerContext | None = None,
    ) -> None:
        """`tell` on an event loop."""
        for listener in listeners:
            call = self._told(listener, given, context)
            _log_listener(await self._aattempt(call, run_in_thread, is_async=False))

    async def _arun_one(self, handler: Handler, run_in_thread: RunInThread) -> HandlerRun:
        error = await self._aattempt(self._call(handler), run_in_thread, is_async=handler.is_async)
        if error is not None and self._log_failure(handler, error):
            context = self.context(handler)
            listeners = self.hooks.error_listeners()
            await self.atell(listeners, error, self.event, run_in_thread=run_in_thread, context=context)
        return HandlerRun(handler.name, error)

    def leave(self, afterwards: Callable[[], object]) -> bool:
        """Whether a handler still runs in a thread, and ``afterwards`` will be called when it has ended."""
        return self._job is not None and self._job.leave(lambda _result: afterwards())

    def _attempt(self, call: Callable[[], Any]) -> BaseException | None:
        try:
            result = call()
            if isawaitable(result):
                run_awaitable(result, self.loop, self.time_limit)
        except KeyboardInterrupt as error:
            if threading.current_thread() is threading.main_thread():
                raise
            return error
        except BaseException as error:  # noqa: BLE001 - SystemExit and CancelledError are failures like any other
            return error
        return None

    async def _aattempt(
        self, call: Callable[[], Any], run_in_thread: RunInThread, *, is_async: bool
    ) -> BaseException | None:
        try:
            if is_async:
                result = call()
            else:
                self._job = Job(partial(_returned_or_raised, call))
                result = await run_in_thread(self._job)
                self._job = None
            if isinstance(result, _Raised):
                return result.error
            if isawaitable(result):
                await result
        except BaseException as error:
            if _is_the_hosts(error):
                raise
            return error
        return None

    def _call(self, handler: Handler, transaction: Transaction | None = None) -> Callable[[], Any]:
        return handler.bind(self.event, self.context(handler, transaction) if handler.wants_context else None)

    def _told(self, listener: Handler, given: tuple[object, ...], context: HandlerContext | None) -> Callable[[], Any]:
        if listener.wants_context:
            given = (*given, context or self.context(listener))
        return partial(listener.function, *given)

    def _log_failure(self, handler: Handler, error: BaseException) -> bool:
        """Whether the listeners of errors are told too: not of a handler's own signal."""
        facts = {"handler": handler.name, "event_id": self.event.id, "event_type": self.event.type}
        if isinstance(error, HandlerSignal):
            name = f"handler.{type(error).__name__.lower()}"
            logger.info(f"{name} handler=%(handler)s type=%(event_type)s id=%(event_id)s", facts, extra=facts)  # noqa: G004
            return False
        logger.error(
            "handler.failed handler=%(handler)s type=%(event_type)s id=%(event_id)s",
            facts,
            extra=facts,
            exc_info=error,
        )
        return True


@dataclass(frozen=True, slots=True)
class _Raised:
    error: BaseException


def _returned_or_raised(call: Callable[[], Any]) -> Any:
    """For a thread pool: futures treat StopIteration, SystemExit and CancelledError in ways of their own."""
    try:
        return call()
    except BaseException as error:  # noqa: BLE001
        return _Raised(error)


def _is_the_hosts(error: BaseException) -> bool:
    """Whether the host, and not the handler, cancelled this task."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or not isinstance(error, asyncio.CancelledError):
        return False
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _log_listener(error: BaseException | None) -> None:
    if error is not None:
        logger.error("listener.failed", exc_info=error)
