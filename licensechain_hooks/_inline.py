"""Inline mode: the handlers run while the sender waits.

Verify, reserve the event's id, run the handlers, remember that they are done; or give the id back, so that the next
delivery of the event runs again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

from licensechain_hooks import events
from licensechain_hooks._attempt import Around, Attempt, surrounding
from licensechain_hooks._dispatch import Dispatch, RunInThread
from licensechain_hooks._endpoint import Endpoint
from licensechain_hooks._handler import Handler
from licensechain_hooks._hooks import Hooks
from licensechain_hooks._job import Job
from licensechain_hooks._outcome import HandlerRun, Outcome, OutcomeName
from licensechain_hooks._request import HookRequest
from licensechain_hooks._stores import Deduplicator, Reservation
from licensechain_hooks.exceptions import (
    ConfigurationError,
    Discard,
    LicenseChainHooksError,
    Retry,
    StoreUnavailableError,
)

__all__ = ["Inline"]

logger = logging.getLogger("licensechain_hooks")

_BARE: AbstractContextManager[Attempt | None] = nullcontext(None)  # around an attempt that nobody surrounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """Receives deliveries in inline mode."""

    endpoint: Endpoint
    hooks: Hooks
    deduplicator: Deduplicator
    run_in_thread: RunInThread

    def __post_init__(self) -> None:
        for handler in self.hooks.handlers():
            if handler.transactional or handler.latest_only:
                _refuse(handler)

    def receive(self, request: HookRequest) -> Outcome:
        """See `Receiver.receive`; what stops a delivery is raised."""
        event = self.endpoint.open_request(request)
        handlers = self._handlers_for(event)
        if not handlers:
            return Outcome(name="ignored", event=event)
        reservation = self._reserve(event, request.raw_body)
        dispatch = self._dispatch(event, request.raw_body)
        if reservation.state != "new":
            dispatch.run(_listeners(reservation, self.hooks))
            return _seen(reservation, event)
        try:
            with self._surrounding(event) as attempt:
                outcome = _ran(event, dispatch.run(handlers, before=self.hooks.befores()))
                _note_end(attempt, outcome)
        except BaseException:
            self._settle(reservation, done=False)
            raise
        self._settle(reservation, done=outcome.name == "processed")
        listeners, given = dispatch.told_of_end(*_end(outcome))
        dispatch.tell(listeners, *given)
        return outcome

    async def areceive(self, request: HookRequest) -> Outcome:
        """`receive` in an asynchronous host."""
        event = await self.endpoint.aopen_request(request)
        handlers = self._handlers_for(event)
        if not handlers:
            return Outcome(name="ignored", event=event)
        reservation = await self._areserve(event, request.raw_body)
        dispatch = self._dispatch(event, request.raw_body)
        if reservation.state != "new":
            await dispatch.arun(_listeners(reservation, self.hooks), self.run_in_thread)
            return _seen(reservation, event)
        try:
            with self._surrounding(event) as attempt:
                outcome = _ran(event, await dispatch.arun(handlers, self.run_in_thread, before=self.hooks.befores()))
                _note_end(attempt, outcome)
        except BaseException:
            if not dispatch.leave(partial(self._settle, reservation, done=False)):
                await self._asettle(reservation, done=False)
            raise
        await self._asettle(reservation, done=outcome.name == "processed")
        listeners, given = dispatch.told_of_end(*_end(outcome))
        await dispatch.atell(listeners, *given, run_in_thread=self.run_in_thread)
        return outcome

    def _handlers_for(self, event: events.Event) -> tuple[Handler, ...]:
        handlers = self.hooks.handlers_for(event, endpoint=self.endpoint.name)
        for handler in handlers:
            if handler.transactional or handler.latest_only:
                _refuse(handler)
        return handlers

    def _dispatch(self, event: events.Event, body: bytes) -> Dispatch:
        return Dispatch(
            hooks=self.hooks,
            event=event,
            endpoint=self.endpoint.name,
            raw_body=body,
            received_at=self.endpoint.clock(),
        )

    def _surrounding(self, event: events.Event) -> AbstractContextManager[Attempt | None]:
        arounds = self.hooks.arounds()
        return self._surrounded(arounds, event) if arounds else _BARE

    @contextmanager
    def _surrounded(self, arounds: Iterable[Around], event: events.Event) -> Iterator[Attempt]:
        attempt = Attempt(
            endpoint=self.endpoint.name, event_type=event.type, event_id=event.id, number=1, mode="inline"
        )
        with surrounding(arounds, attempt):
            yield attempt

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
            return await self.run_in_thread(job)  # type: ignore[no-any-return]
        except BaseException:
            if not job.leave(self._give_back):
                await self.run_in_thread(partial(self._give_back, job.result))
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
            await self.run_in_thread(partial(self._settle, reservation, done=done))


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


def _end(outcome: Outcome) -> tuple[Literal["processed", "failed", "dead"], BaseException | None]:
    """How the attempt has ended, as `Dispatch.told_of_end` takes it."""
    errors = [run.error for run in outcome.runs if run.error is not None]
    if outcome.name == "failed":
        return "failed", next(error for error in errors if not isinstance(error, Discard))
    return ("dead" if errors else "processed"), None


def _note_end(attempt: Attempt | None, outcome: Outcome) -> None:
    if attempt is None:
        return
    attempt.state, _ = _end(outcome)
    errors = [run.error for run in outcome.runs if run.error is not None]
    attempt.error_code = type(errors[0]).__name__ if errors else ""


def _refuse(handler: Handler) -> None:
    option = "transactional" if handler.transactional else "latest_only"
    msg = f"{handler.name} is {option}, which takes an inbox: give the Receiver one"
    raise ConfigurationError(msg)
