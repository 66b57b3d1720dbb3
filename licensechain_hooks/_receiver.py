"""The way from a request to an outcome: one receiver, in inline or in durable mode, in two thin shells."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from licensechain_hooks import events
from licensechain_hooks._asgi import ASGIReceiver
from licensechain_hooks._dispatch import RunInThread
from licensechain_hooks._endpoint import Endpoint
from licensechain_hooks._hooks import Hooks, default_hooks
from licensechain_hooks._inline import Inline
from licensechain_hooks._outcome import Outcome, log_outcome
from licensechain_hooks._request import HookRequest
from licensechain_hooks._stores import Deduplicator, Enqueuer, Inbox
from licensechain_hooks._wsgi import WSGIReceiver
from licensechain_hooks.dedupe.memory import MemoryDeduplicator
from licensechain_hooks.exceptions import ConfigurationError, LicenseChainHooksError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from licensechain_hooks._durable import Durable, OrderingKey, Redact
    from licensechain_hooks._health import Checkup, Health, Probe
    from licensechain_hooks._outcome import Reply
    from licensechain_hooks.worker import Worker, WorkerSettings

__all__ = ["Receiver"]

logger = logging.getLogger("licensechain_hooks")

_Listener = TypeVar("_Listener", bound=Callable[[Outcome, HookRequest, float], object])
_PATIENCE = timedelta(seconds=2)
_FRESH = timedelta(seconds=1)  # so that probes, however many, ask the inbox once a second


class Receiver:
    """Receives deliveries: verifies them, and sees to it that each event's handlers run once.

    With an inbox in durable mode: a delivery is stored and acknowledged, a worker runs the handlers. Without one in
    inline mode: the handlers run while the sender waits.

    Args:
        endpoint: secrets and limits.
        hooks: the handlers; by default those registered by the module-level ``on``.
        inbox: where deliveries are stored, for durable mode.
        worker: how the worker in this process works; ``WorkerSettings(embedded=False)`` where another process runs it.
            Or a `Worker` that runs the entries of several endpoints, whose receivers share it.
        queue: a task queue of the project's own, such as ``licensechain_hooks.contrib.celery.CeleryQueue``, whose
            workers run the handlers; then no worker is embedded, and of ``worker`` lease, attempts, backoff and time
            limit count.
        ordering_key: entries of one endpoint with the same key run in the order of their arrival. ``"license"``: those
            about one license. A function is given the event and returns a key of at most 255 characters, or ``None``;
            it costs each delivery a full parse. By default entries run in any order.
        redact: is given the body of a verified delivery and returns what is stored in its place and given to handlers;
            id, type and timestamp must stay.
        deduplicator: remembers which events ran in inline mode; by default in this process's memory.
        on_outcome: see `Receiver.on_outcome`.
        run_in_thread: how an async host runs a ``def`` handler; by default ``asyncio.to_thread``.

    Raises:
        ConfigurationError: the store forgets an event while a replay attack with it could still be verified; settings
            of both modes; a handler that takes an inbox, where there is none; a worker that does not run its entries.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        hooks: Hooks = default_hooks,
        *,
        inbox: Inbox | None = None,
        worker: WorkerSettings | Worker | None = None,
        queue: Enqueuer | None = None,
        ordering_key: OrderingKey = None,
        redact: Redact | None = None,
        deduplicator: Deduplicator | None = None,
        on_outcome: Callable[[Outcome, HookRequest, float], object] | None = None,
        run_in_thread: RunInThread | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.hooks = hooks
        self.inbox = inbox
        self.deduplicator = deduplicator
        self._outcome_listeners = () if on_outcome is None else (on_outcome,)
        run_in_thread = run_in_thread or _to_thread
        if inbox is None:
            _check_modes(worker=worker, queue=queue, ordering_key=ordering_key, redact=redact)
            self.deduplicator = MemoryDeduplicator() if deduplicator is None else deduplicator
            self._durable: Durable | None = None
            self._mode: Durable | Inline = Inline(
                endpoint=endpoint, hooks=hooks, deduplicator=self.deduplicator, run_in_thread=run_in_thread
            )
        else:
            from licensechain_hooks._durable import Durable  # noqa: PLC0415 - nobody without an inbox pays for it

            _check_modes(deduplicator=deduplicator)
            self._mode = self._durable = Durable(
                endpoint=endpoint,
                hooks=hooks,
                inbox=inbox,
                worker=worker,
                queue=queue,
                ordering_key=ordering_key,
                redact=redact,
                run_in_thread=run_in_thread,
            )
        _check_retention(endpoint, self.deduplicator if inbox is None else inbox)
        if queue is not None:
            queue.register(self)
        events.warm()

    @cached_property
    def asgi(self) -> ASGIReceiver:
        """This receiver as an ASGI application."""
        return ASGIReceiver(self)

    @cached_property
    def _checkup(self) -> Checkup:
        from licensechain_hooks._health import Checkup  # noqa: PLC0415 - who is never asked does not pay for it

        return Checkup(self.inbox, self.endpoint.clock)

    @cached_property
    def wsgi(self) -> WSGIReceiver:
        """This receiver as a WSGI application."""
        return WSGIReceiver(self)

    @property
    def worker(self) -> Worker:
        """The worker that runs the handlers in durable mode.

        Raises:
            ConfigurationError: inline mode has none.
        """
        return self._with_inbox.worker

    @property
    def _with_inbox(self) -> Durable:
        if self._durable is None:
            msg = "without an inbox the receiver runs the handlers itself, and has no worker"
            raise ConfigurationError(msg)
        return self._durable

    def run_entry(self, pk: int) -> bool:
        """Run the handlers of one entry in this thread, if it is due: what the task of an engine calls.

        An entry that is not there, finished, held back, not due yet or run by somebody else is left alone.

        Args:
            pk: which.

        Returns:
            Whether it was due.

        Raises:
            StoreUnavailableError: the inbox cannot answer.
            ConfigurationError: there is no inbox.
        """
        return self._with_inbox.run_entry(pk)

    async def arun_entry(self, pk: int) -> bool:
        """`run_entry` in an asynchronous engine: coroutines run on its loop, all else in a thread."""
        import asyncio  # noqa: PLC0415 - the engine has it

        loop = asyncio.get_running_loop()
        return await asyncio.to_thread(self._with_inbox.run_entry, pk, loop=loop)

    def sweep(self) -> int:
        """Enqueue the entries that are due and have not been run: what an engine calls every half a minute or so.

        Those are the failed ones whose time has come, those whose worker died, and new ones whose message was lost,
        which are taken to be enqueued for their first 30 seconds. At most 300, those that have waited longest: their
        messages may be on their way all the same, and an engine that is slow is not to be flooded with copies.

        Returns:
            How many were enqueued.

        Raises:
            StoreUnavailableError: the inbox cannot answer.
            ConfigurationError: there is no queue.
            Exception: whatever the queue raises.
        """
        return self._with_inbox.sweep()

    async def asweep(self) -> int:
        """`sweep` in an asynchronous engine."""
        import asyncio  # noqa: PLC0415 - the engine has it

        loop = asyncio.get_running_loop()
        return await asyncio.to_thread(self._with_inbox.sweep, loop=loop)

    @property
    def is_live(self) -> bool:
        """Whether this process works: not so where the worker that was started in it has died."""
        return self._durable is None or self._durable.is_live

    def on_outcome(self, listener: _Listener) -> _Listener:
        """Let ``listener(outcome, request, seconds)`` be called after each delivery; what it raises is logged.

        In an asynchronous host it is called on the event loop, so it must not wait for anything.
        """
        self._outcome_listeners = (*self._outcome_listeners, listener)
        return listener

    def health(self, *, within: timedelta = _PATIENCE, max_age: timedelta = timedelta(0)) -> Health:
        """How this receiver does, and what waits in its inbox; total: an inbox that is down is told, not raised.

        Args:
            within: how long to wait for the inbox.
            max_age: how old an answer of the inbox may be, for those who ask often.
        """
        return self._checkup.health(live=self.is_live, within=within, max_age=max_age)

    async def ahealth(self, *, within: timedelta = _PATIENCE, max_age: timedelta = timedelta(0)) -> Health:
        """`health` in an asynchronous host."""
        return await self._checkup.ahealth(live=self.is_live, within=within, max_age=max_age)

    def probe(self, probe: Probe = "ready", *, details: bool = False) -> Reply:
        """The response to a probe: 200, or 503 where it is not so.

        Args:
            probe: ``ready``: whether deliveries can be accepted; the inbox is asked, at most once a second. ``live``:
                `is_live`.
            details: whether to tell what the inbox holds; not for strangers.
        """
        return self._liveness() if probe == "live" else self.health(max_age=_FRESH).reply(details=details)

    async def aprobe(self, probe: Probe = "ready", *, details: bool = False) -> Reply:
        """`probe` in an asynchronous host."""
        return self._liveness() if probe == "live" else (await self.ahealth(max_age=_FRESH)).reply(details=details)

    def _liveness(self) -> Reply:
        from licensechain_hooks._health import Health  # noqa: PLC0415

        return Health(live=self.is_live, ready=True, inbox="none").reply("live")

    def announce(self) -> None:
        """Say in the log what this receiver listens for; a warning where that is nothing."""
        handlers = [handler.name for handler in self.hooks.handlers()]
        facts = {"endpoint": self.endpoint.name, "profile": self.endpoint.profile, "handlers": len(handlers)}
        level = logging.INFO if handlers else logging.WARNING
        text = "receiver.ready endpoint=%(endpoint)s profile=%(profile)s handlers=%(handlers)s"
        logger.log(level, text, facts, extra=facts)

    def start(self, loop: AbstractEventLoop | None = None) -> None:
        """Get ready in the process that serves: say so in the log, and start the embedded worker.

        Without it the worker starts at the first delivery that needs it.

        Args:
            loop: where the worker runs coroutines, in an asynchronous host.
        """
        self.announce()
        if self._durable is not None:
            self._durable.start(loop)

    def stop(self) -> None:
        """Stop the embedded worker: what runs may end within its ``grace``, what waits stays for another one."""
        if self._durable is not None:
            self._durable.stop()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """`start` and `stop` around the life of an asynchronous host; every framework's lifespan can enter it."""
        import asyncio  # noqa: PLC0415 - the host has it

        self.start(asyncio.get_running_loop())
        try:
            yield
        finally:
            await asyncio.to_thread(self.stop)  # the loop goes on: coroutines that still run need it

    def receive(self, request: HookRequest) -> Outcome:
        """Receive a delivery in a synchronous host; total: whatever arrives, an outcome is returned."""
        started = perf_counter()
        try:
            outcome = self._mode.receive(request)
        except LicenseChainHooksError as error:
            outcome = Outcome.refused(error)
        self._tell(outcome, request, perf_counter() - started)
        return outcome

    async def areceive(self, request: HookRequest) -> Outcome:
        """`receive` in an asynchronous host."""
        started = perf_counter()
        try:
            outcome = await self._mode.areceive(request)
        except LicenseChainHooksError as error:
            outcome = Outcome.refused(error)
        self._tell(outcome, request, perf_counter() - started)
        return outcome

    def _tell(self, outcome: Outcome, request: HookRequest, seconds: float) -> None:
        log_outcome(outcome, endpoint=self.endpoint.name)
        for listener in self._outcome_listeners:
            try:
                listener(outcome, request, seconds)
            except Exception:
                logger.exception("on_outcome.failed")


def _check_modes(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            msg = f"{name} has no meaning " + ("beside an inbox" if name == "deduplicator" else "without an inbox")
            raise ConfigurationError(msg)


def _check_retention(endpoint: Endpoint, store: Any) -> None:
    retention: timedelta | None = store.retention
    if retention is None:
        return
    if endpoint.max_event_age is None or retention < endpoint.max_event_age + endpoint.tolerance:
        msg = (
            f"{type(store).__name__} must remember events for max_event_age + tolerance at least, "
            "or a captured delivery runs again once it is forgotten: raise its retention or lower max_event_age"
        )
        raise ConfigurationError(msg)


def _to_thread(call: Callable[[], Any]) -> Awaitable[Any]:
    import asyncio  # noqa: PLC0415 - the host has it

    return asyncio.to_thread(call)
