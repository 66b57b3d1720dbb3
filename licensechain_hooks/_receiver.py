"""From a request to an outcome: every decision once, between two thin shells that do the I/O."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cached_property, partial
from time import perf_counter
from typing import Any, cast

from licensechain_hooks import events
from licensechain_hooks._asgi import ASGIReceiver
from licensechain_hooks._dispatch import Dispatch, RunInThread
from licensechain_hooks._endpoint import Endpoint
from licensechain_hooks._hooks import Handler, Hooks, default_hooks
from licensechain_hooks._job import Job
from licensechain_hooks._outcome import HandlerRun, Outcome, OutcomeName, log_outcome
from licensechain_hooks._request import HookRequest
from licensechain_hooks._stores import Deduplicator, Reservation
from licensechain_hooks._wsgi import WSGIReceiver
from licensechain_hooks.dedupe.memory import MemoryDeduplicator
from licensechain_hooks.exceptions import (
    ConfigurationError,
    Discard,
    LicenseChainHooksError,
    Retry,
    StoreUnavailableError,
)

__all__ = ["Receiver"]

logger = logging.getLogger("licensechain_hooks")


class Receiver:
    """Receives deliveries: verifies them, and runs each event's handlers once.

    Args:
        endpoint: secrets and limits.
        hooks: the handlers; by default those registered by the module-level ``on``.
        deduplicator: remembers which events ran; by default in this process's memory.
        on_outcome: called as ``on_outcome(outcome, request, seconds)`` after each delivery, for metrics. What it raises
            is logged.
        run_in_thread: how an async host runs a ``def`` handler; by default ``asyncio.to_thread``.

    Raises:
        ConfigurationError: the deduplicator forgets an event while a replay attack with it could still be verified.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        hooks: Hooks = default_hooks,
        *,
        deduplicator: Deduplicator | None = None,
        on_outcome: Callable[[Outcome, HookRequest, float], object] | None = None,
        run_in_thread: RunInThread | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.hooks = hooks
        self.deduplicator = MemoryDeduplicator() if deduplicator is None else deduplicator
        self._on_outcome = on_outcome
        self._run_in_thread = run_in_thread or _to_thread
        _check_retention(endpoint, self.deduplicator.retention)
        events.warm()

    @cached_property
    def asgi(self) -> ASGIReceiver:
        """This receiver as an ASGI application."""
        return ASGIReceiver(self)

    @cached_property
    def wsgi(self) -> WSGIReceiver:
        """This receiver as a WSGI application."""
        return WSGIReceiver(self)

    def announce(self) -> None:
        """Say in the log what this receiver listens for; a warning where that is nothing."""
        handlers = [handler.name for handler in self.hooks.handlers()]
        facts = {"endpoint": self.endpoint.name, "profile": self.endpoint.profile, "handlers": len(handlers)}
        level = logging.INFO if handlers else logging.WARNING
        text = "receiver.ready endpoint=%(endpoint)s profile=%(profile)s handlers=%(handlers)s"
        logger.log(level, text, facts, extra=facts)

    def receive(self, request: HookRequest) -> Outcome:
        """Receive a delivery in a synchronous host; total: whatever arrives, an outcome is returned."""
        started = perf_counter()
        try:
            outcome = self._receive(request)
        except LicenseChainHooksError as error:
            outcome = Outcome.refused(error)
        self._tell(outcome, request, perf_counter() - started)
        return outcome

    async def areceive(self, request: HookRequest) -> Outcome:
        """`receive` in an asynchronous host."""
        started = perf_counter()
        try:
            outcome = await self._areceive(request)
        except LicenseChainHooksError as error:
            outcome = Outcome.refused(error)
        self._tell(outcome, request, perf_counter() - started)
        return outcome

    def _receive(self, request: HookRequest) -> Outcome:
        endpoint = self.endpoint
        event = endpoint.open_request(request)
        handlers = self.hooks.handlers_for(event, endpoint=endpoint.name)
        if not handlers:
            return Outcome(name="ignored", event=event)
        reservation = self._reserve(event, request.raw_body)
        dispatch = self._dispatch(event, request.raw_body)
        if reservation.state != "new":
            dispatch.run(_listeners(reservation, self.hooks))
            return _seen(reservation, event)
        try:
            outcome = _ran(event, dispatch.run(handlers, before=self.hooks.befores()))
        except BaseException:
            self._settle(reservation, done=False)
            raise
        self._settle(reservation, done=outcome.name == "processed")
        return outcome

    async def _areceive(self, request: HookRequest) -> Outcome:
        endpoint = self.endpoint
        event = await endpoint.aopen_request(request)
        handlers = self.hooks.handlers_for(event, endpoint=endpoint.name)
        if not handlers:
            return Outcome(name="ignored", event=event)
        reservation = await self._areserve(event, request.raw_body)
        dispatch = self._dispatch(event, request.raw_body)
        if reservation.state != "new":
            await dispatch.arun(_listeners(reservation, self.hooks), self._run_in_thread)
            return _seen(reservation, event)
        try:
            outcome = _ran(event, await dispatch.arun(handlers, self._run_in_thread, before=self.hooks.befores()))
        except BaseException:
            if not dispatch.leave(partial(self._settle, reservation, done=False)):
                await self._asettle(reservation, done=False)
            raise
        await self._asettle(reservation, done=outcome.name == "processed")
        return outcome

    def _dispatch(self, event: events.Event, body: bytes) -> Dispatch:
        return Dispatch(
            hooks=self.hooks,
            event=event,
            endpoint=self.endpoint.name,
            raw_body=body,
            received_at=self.endpoint.clock(),
        )

    def _reserve(self, event: events.Event, body: bytes) -> Reservation:
        try:
            return self.deduplicator.reserve(self.endpoint.name, event.id, body)
        except LicenseChainHooksError:
            raise
        except Exception as exc:  # a driver's own errors: the sender must come back
            msg = f"the deduplicator raised {type(exc).__name__}"
            raise StoreUnavailableError(msg) from exc

    async def _areserve(self, event: events.Event, body: bytes) -> Reservation:
        if self.deduplicator.in_process:
            return self._reserve(event, body)
        job = Job(partial(self._reserve, event, body))
        try:
            return await self._run_in_thread(job)  # type: ignore[no-any-return]
        except BaseException:
            if not job.leave(self._give_back):
                await self._run_in_thread(partial(self._give_back, job.result))
            raise

    def _give_back(self, reservation: Reservation | None) -> None:
        """Free an event that was reserved for a delivery the host has cancelled meanwhile."""
        if reservation is not None and reservation.state == "new":
            self._settle(reservation, done=False)

    def _settle(self, reservation: Reservation, *, done: bool) -> None:
        try:
            (self.deduplicator.complete if done else self.deduplicator.release)(reservation)
        except Exception:
            logger.exception("deduplicator.failed")  # the handlers' outcome stands; the lease will free the event

    async def _asettle(self, reservation: Reservation, *, done: bool) -> None:
        if self.deduplicator.in_process:
            self._settle(reservation, done=done)
        else:
            await self._run_in_thread(partial(self._settle, reservation, done=done))

    def _tell(self, outcome: Outcome, request: HookRequest, seconds: float) -> None:
        log_outcome(outcome, endpoint=self.endpoint.name)
        if self._on_outcome is not None:
            try:
                self._on_outcome(outcome, request, seconds)
            except Exception:
                logger.exception("on_outcome.failed")


def _listeners(reservation: Reservation, hooks: Hooks) -> tuple[Handler, ...]:
    return hooks.conflict_listeners() if reservation.state == "conflict" else ()


def _seen(reservation: Reservation, event: events.Event) -> Outcome:
    """The outcome of an event that is not new."""
    return Outcome(name=cast("OutcomeName", reservation.state), event=event)


def _ran(event: events.Event, runs: tuple[HandlerRun, ...]) -> Outcome:
    """The outcome of an event whose handlers ran: one that gave the event up counts as done."""
    errors = [run.error for run in runs if run.error is not None and not isinstance(run.error, Discard)]
    if not errors:
        return Outcome(name="processed", event=event, runs=runs)
    waits = [error.after.total_seconds() for error in errors if isinstance(error, Retry)]
    return Outcome(name="failed", event=event, runs=runs, retry_after=max(waits) if len(waits) == len(errors) else None)


def _check_retention(endpoint: Endpoint, retention: timedelta | None) -> None:
    if retention is None:
        return
    if endpoint.max_event_age is None or retention < endpoint.max_event_age + endpoint.tolerance:
        msg = (
            "the deduplicator must remember events for max_event_age + tolerance at least, "
            "or a captured delivery runs again once it is forgotten: raise its retention or lower max_event_age"
        )
        raise ConfigurationError(msg)


def _to_thread(call: Callable[[], Any]) -> Awaitable[Any]:
    import asyncio  # noqa: PLC0415 - the host has it

    return asyncio.to_thread(call)
