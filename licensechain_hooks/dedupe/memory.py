"""Deduplication in the memory of one process."""

from __future__ import annotations

import itertools
import logging
import os
import re
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from licensechain_hooks import events
from licensechain_hooks._stores import Reservation
from licensechain_hooks.exceptions import ConfigurationError, StoreUnavailableError

__all__ = ["MemoryDeduplicator"]

logger = logging.getLogger("licensechain_hooks")

_OVERHEAD = 512  # bytes of bookkeeping an event costs besides its body


@dataclass(slots=True)
class _Slot:
    body: bytes
    size: int
    token: int
    lease_until: float | None  # None: done


class MemoryDeduplicator:
    """Remembers the newest events of this process, bounded by count and by memory.

    It forgets at a restart and knows nothing of other processes: for one process, for small sites and for tests.
    Where a duplicate must never run again, use an inbox.

    Args:
        max_events: how many events are remembered; the oldest finished ones are forgotten first.
        max_bytes: how much memory they may take, bodies included (kept to tell a duplicate from a conflict).
        lease: after this long a reservation whose handlers have not ended no longer holds back a redelivery.
        clock: monotonic seconds.
    """

    retention: timedelta | None = None
    in_process = True

    def __init__(
        self,
        *,
        max_events: int = 100_000,
        max_bytes: int = 64 * 1024 * 1024,
        lease: timedelta = timedelta(minutes=5),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if max_events < 1 or max_bytes < 1 or lease <= timedelta(0):
            msg = "max_events, max_bytes and lease must be positive"
            raise ConfigurationError(msg)
        _warn_of_workers(several_workers(os.environ, sys.argv))
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._lease = lease.total_seconds()
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = itertools.count(1)
        self._running: dict[tuple[str, str], _Slot] = {}
        self._finished: OrderedDict[tuple[str, str], _Slot] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        """How many events are remembered."""
        return len(self._running) + len(self._finished)

    def reserve(self, endpoint: str, event_id: str, body: bytes) -> Reservation:
        """See `Deduplicator.reserve`."""
        key = (endpoint, event_id)
        with self._lock:
            known = self._finished.get(key) or self._running.get(key)
            now = self._clock()
            if known is None or (known.lease_until is not None and known.lease_until <= now):
                return self._take(key, body, now)
        if not events.same_content(known.body, body):
            return Reservation(state="conflict", key=key)
        return Reservation(state="duplicate" if known.lease_until is None else "in_flight", key=key)

    def complete(self, reservation: Reservation) -> None:
        """See `Deduplicator.complete`."""
        with self._lock:
            slot = self._held(reservation)
            if slot is not None:
                slot.lease_until = None
                self._finished[reservation.key] = self._running.pop(reservation.key)

    def release(self, reservation: Reservation) -> None:
        """See `Deduplicator.release`."""
        with self._lock:
            slot = self._held(reservation)
            if slot is not None:
                del self._running[reservation.key]
                self._bytes -= slot.size

    def _take(self, key: tuple[str, str], body: bytes, now: float) -> Reservation:
        expired = self._running.pop(key, None)
        if expired is not None:
            self._bytes -= expired.size
        slot = _Slot(body, len(body) + _OVERHEAD, next(self._tokens), now + self._lease)
        self._make_room(slot.size)
        self._running[key] = slot
        self._bytes += slot.size
        return Reservation(state="new", key=key, token=slot.token)

    def _make_room(self, size: int) -> None:
        if size > self._max_bytes:
            msg = "the event is larger than max_bytes, all the memory there is for events; raise it"
            raise StoreUnavailableError(msg)
        while len(self) >= self._max_events or self._bytes + size > self._max_bytes:
            if self._finished:
                _, oldest = self._finished.popitem(last=False)
            else:
                oldest = self._pop_expired()
            self._bytes -= oldest.size

    def _pop_expired(self) -> _Slot:
        key, oldest = next(iter(self._running.items()), (("", ""), None))
        if oldest is None or oldest.lease_until is None or oldest.lease_until > self._clock():
            msg = "every event remembered is still running; raise max_events or max_bytes, or make handlers faster"
            raise StoreUnavailableError(msg)
        return self._running.pop(key)

    def _held(self, reservation: Reservation) -> _Slot | None:
        slot = self._running.get(reservation.key)
        return slot if slot is not None and slot.token == reservation.token else None


def several_workers(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """How many processes the server was asked for, as far as it can be seen: by WEB_CONCURRENCY or ``--workers``."""
    asked = re.search(r"\s(?:-w|--workers)[ =]?([0-9]{1,4})(?!\S)", " ".join(arguments))
    told = asked[1] if asked else environ.get("WEB_CONCURRENCY", "")
    return int(told) if told.isascii() and told.isdigit() else 1


def _warn_of_workers(workers: int) -> None:
    if workers > 1:
        text = (
            "deduplicator.several_workers workers=%(workers)s: each process remembers events by itself, "
            "so a duplicate that reaches another one runs again; use one process or a store they share"
        )
        logger.warning(text, {"workers": workers}, extra={"workers": workers})
