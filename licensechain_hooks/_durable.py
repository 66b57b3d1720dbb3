"""Durable mode: a delivery is stored before it is acknowledged, and a worker runs the handlers.

Verify, look at the envelope, record in one commit that many deliveries share, answer; a worker or a queue is told.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from licensechain_hooks import events
from licensechain_hooks._dispatch import Dispatch, RunInThread
from licensechain_hooks._endpoint import Endpoint
from licensechain_hooks._entries import NewEntry, Recorded
from licensechain_hooks._hooks import Hooks
from licensechain_hooks._outcome import Outcome
from licensechain_hooks._request import Headers, HookRequest
from licensechain_hooks._stores import Enqueuer, Inbox
from licensechain_hooks._wakeups import Wakeups
from licensechain_hooks.exceptions import ConfigurationError, PayloadError, StoreUnavailableError
from licensechain_hooks.inbox._group_commit import GroupCommit
from licensechain_hooks.worker import Worker, WorkerSettings

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["Durable", "OrderingKey", "Redact"]

logger = logging.getLogger("licensechain_hooks")

OrderingKey = Literal["license"] | Callable[[events.Event], str | None] | None
Redact = Callable[[bytes], bytes]

_HEADERS = ("content-type", "user-agent", "x-webhook-timestamp", "x-licensechain-timestamp")  # those that are stored
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONGEST_HEADER = 500
_LONGEST_KEY = 255
_GRACE = timedelta(seconds=30)  # a new entry's message is on its way for so long, and needs no second one
_SWEPT = 300  # entries in one sweep: the rest is for the next, so that a slow engine is not flooded with copies


class Durable:
    """Receives deliveries in durable mode; for the arguments see `Receiver`."""

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        hooks: Hooks,
        inbox: Inbox,
        worker: WorkerSettings | Worker | None,
        queue: Enqueuer | None,
        ordering_key: OrderingKey,
        redact: Redact | None,
        run_in_thread: RunInThread,
    ) -> None:
        _check(ordering_key, redact)
        self._endpoint = endpoint
        self._hooks = hooks
        self._inbox = inbox
        self._ordering_key = ordering_key
        self._redact = redact
        self._run_in_thread = run_in_thread
        self._records = GroupCommit[NewEntry, Recorded](inbox.record_many, many_writers=inbox.many_writers)
        if isinstance(worker, Worker):
            _check_worker(worker, inbox, endpoint)
            self.worker = worker
        else:
            self.worker = Worker(inbox, hooks, worker, endpoints=(endpoint.name,))
        self._wakeups = None if queue is None else Wakeups(queue, run_in_thread)
        self._is_embedded = queue is None and self.worker.settings.embedded
        self._started_in = 0  # the process in which it was: threads do not survive a fork

    def receive(self, request: HookRequest) -> Outcome:
        """See `Receiver.receive`; what stops a delivery is raised."""
        envelope = self._endpoint.parse_request(request, events.parse_envelope)
        entry = self._entry(envelope, request)
        recorded = self._records.submit(entry)
        if recorded.state == "conflict":
            self._dispatch(entry).run(self._hooks.conflict_listeners())
        elif _waits(recorded, entry):
            self._wake_worker() if self._wakeups is None else self._wakeups.try_to_send(recorded.pk)
        return _outcome(recorded, entry, envelope)

    async def areceive(self, request: HookRequest) -> Outcome:
        """`receive` in an asynchronous host."""
        envelope = await self._endpoint.aparse_request(request, events.parse_envelope)
        entry = self._entry(envelope, request)
        recorded = await self._records.asubmit(entry)
        if recorded.state == "conflict":
            await self._dispatch(entry).arun(self._hooks.conflict_listeners(), self._run_in_thread)
        elif _waits(recorded, entry):
            self._wake_worker() if self._wakeups is None else await self._wakeups.atry_to_send(recorded.pk)
        return _outcome(recorded, entry, envelope)

    @property
    def is_live(self) -> bool:
        """Whether the worker of this process works, where it has one."""
        return not self.worker.has_died

    def start(self, loop: AbstractEventLoop | None = None) -> None:
        """Start the embedded worker, where this process shall have one."""
        if self._is_embedded:
            self._started_in = os.getpid()
            self.worker.start(loop)

    def stop(self) -> None:
        """Stop it; deliveries that still arrive are for another worker."""
        self._started_in = os.getpid()
        self.worker.stop()

    def run_entry(self, pk: int, *, loop: AbstractEventLoop | None = None) -> bool:
        """See `EntryRunner.run_entry`; ``loop`` is that of an asynchronous engine."""
        was_due = self.worker.run_entry(pk, loop=loop)
        if was_due and self._wakeups is not None and self._ordering_key is not None:
            with suppress(StoreUnavailableError):  # a sweep will find it
                for following in self._inbox.due(self.worker.endpoints, limit=1, after=pk):
                    self._wakeups.try_to_send(following, loop=loop)
        return was_due

    def sweep(self, *, loop: AbstractEventLoop | None = None) -> int:
        """See `EntryRunner.sweep`."""
        if self._wakeups is None:
            msg = "without a queue there is nowhere to enqueue entries: a worker looks for them by itself"
            raise ConfigurationError(msg)
        due = self._inbox.due((self._endpoint.name,), limit=_SWEPT, grace=_GRACE)
        for pk in due:
            self._wakeups.send(pk, loop=loop)
        return len(due)

    def _wake_worker(self) -> None:
        try:
            if self._started_in != os.getpid():
                self.start()  # not on this loop: some hosts have one for each request
            self.worker.wake()
        except Exception:
            logger.exception("worker.not_woken")  # the entry is stored: a worker will find it

    def _entry(self, envelope: events.Envelope, request: HookRequest) -> NewEntry:
        body = request.raw_body
        key = self._key(envelope, body)
        if self._redact is not None:
            body, envelope = self._redacted(self._redact, envelope, body)
        is_wanted = self._hooks.handlers_for(envelope, endpoint=self._endpoint.name)
        return NewEntry(
            endpoint=self._endpoint.name,
            event_id=envelope.id,
            event_type=envelope.type,
            event_timestamp=envelope.timestamp,
            raw_body=body,
            headers=_kept(request.headers),
            license_id=envelope.license_id,
            ordering_key=key,
            state="received" if is_wanted else "ignored",
        )

    def _key(self, envelope: events.Envelope, body: bytes) -> str | None:
        if self._ordering_key is None:
            return None
        if not callable(self._ordering_key):
            return envelope.license_id
        event = events.reparse(body)
        try:
            key: object = self._ordering_key(event)
        except Exception as exc:
            msg = f"the ordering_key function raised {type(exc).__name__}"
            raise ConfigurationError(msg) from exc
        if key is None or (isinstance(key, str) and _is_key(key)):
            return key
        msg = (
            f"the ordering_key function must return None or a string of 1 to {_LONGEST_KEY} printable characters "
            "without white space at its ends"
        )
        raise ConfigurationError(msg)

    def _redacted(self, redact: Redact, envelope: events.Envelope, body: bytes) -> tuple[bytes, events.Envelope]:
        try:
            redacted: object = redact(body)
        except Exception as exc:
            msg = f"the redact function raised {type(exc).__name__}"
            raise ConfigurationError(msg) from exc
        if not isinstance(redacted, bytes):
            msg = f"the redact function must return bytes, not {type(redacted).__name__}"
            raise ConfigurationError(msg)
        try:
            shown = events.parse_envelope(redacted, lenient=self._endpoint.profile == "compat")
        except PayloadError as exc:
            msg = f"what the redact function returned is no event: {exc}"
            raise ConfigurationError(msg) from exc
        for name in ("id", "raw_type", "raw_timestamp"):
            if getattr(shown, name) != getattr(envelope, name):
                msg = (
                    f"the redact function changed the event's {name.removeprefix('raw_')}; it must stay as it was sent"
                )
                raise ConfigurationError(msg)
        return redacted, shown

    def _dispatch(self, entry: NewEntry) -> Dispatch:
        return Dispatch(
            hooks=self._hooks,
            event=events.reparse(entry.raw_body),
            endpoint=self._endpoint.name,
            raw_body=entry.raw_body,
            received_at=self._endpoint.clock(),
        )


def _waits(recorded: Recorded, entry: NewEntry) -> bool:
    """Whether the delivery has brought something to run."""
    return recorded.state == "new" and entry.state == "received"


def _outcome(recorded: Recorded, entry: NewEntry, envelope: events.Envelope) -> Outcome:
    if recorded.state != "new":
        return Outcome(name=recorded.state, event=envelope)
    return Outcome(name="ignored" if entry.state == "ignored" else "accepted", event=envelope)


def _check(ordering_key: object, redact: object) -> None:
    if not (ordering_key is None or ordering_key == "license" or callable(ordering_key)):
        msg = "ordering_key must be 'license' or a function of the event"
        raise ConfigurationError(msg)
    if not (redact is None or callable(redact)):
        msg = "redact must be a function of the body"
        raise ConfigurationError(msg)


def _check_worker(worker: Worker, inbox: Inbox, endpoint: Endpoint) -> None:
    if worker.inbox is not inbox or endpoint.name not in worker.endpoints:
        msg = f"the worker must run the entries of this inbox and of the endpoint {endpoint.name!r}"
        raise ConfigurationError(msg)


def _is_key(text: str) -> bool:
    return 1 <= len(text) <= _LONGEST_KEY and text.isprintable() and text == text.strip()


def _kept(headers: Headers) -> dict[str, str]:
    """The headers that are stored: never the signature, nothing long, nothing that a terminal obeys."""
    found = ((name, headers.get(name.encode())) for name in _HEADERS)
    return {name: _CONTROLS.sub("", value.decode("latin-1"))[:_LONGEST_HEADER] for name, value in found if value}
