"""What operators do with an inbox in memory, and all that it keeps."""

from __future__ import annotations

import bisect
import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from licensechain_hooks._entries import (
    ENTRY_STATES,
    Entry,
    EntryFilter,
    EntryState,
    InboxStats,
    LedgerRow,
    Purged,
)
from licensechain_hooks.exceptions import ConfigurationError
from licensechain_hooks.inbox._memory_row import Row, moment

__all__ = ["MemoryOperating"]

_PURGE_BATCH = 1000
_PURGEABLE: frozenset[EntryState] = frozenset({"processed", "ignored", "conflict"})  # finished, and not for a person


class MemoryOperating:
    """The half of `MemoryInbox` that looks and mends; for the arguments see there."""

    def __init__(
        self,
        *,
        retention: timedelta | None = timedelta(days=35),
        payload_retention: timedelta | None = timedelta(days=30),
        clock: Callable[[], float] = time.time,
    ) -> None:
        if retention is not None and payload_retention is not None and payload_retention > retention:
            msg = "payload_retention is longer than retention: a payload is deleted with its entry at the latest"
            raise ConfigurationError(msg)
        self.retention = retention
        self.payload_retention = payload_retention
        self._use_clock(clock)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._tokens = itertools.count(1)
        self._rows: dict[int, Row] = {}
        self._by_key: dict[tuple[str, str, str], Row] = {}
        self._due: dict[str, list[tuple[float, int]]] = {}  # heaps; an item that its row contradicts is void
        self._unfinished: dict[tuple[str, str | None], list[int]] = {}  # by ordering key, in the order of arrival
        self._newest: dict[tuple[str, str, str], datetime] = {}

    def _use_clock(self, clock: Callable[[], float]) -> None:
        """Tell the time by ``clock``; also for tests that freeze it."""
        self._clock = clock

    def entries(self, wanted: EntryFilter, *, limit: int = 100, before: int | None = None) -> list[Entry]:
        """See `Inbox.entries`."""
        with self._lock:
            rows = (row for row in self._matching(wanted, newest_first=True) if before is None or row.pk < before)
            return [row.entry() for row in itertools.islice(rows, limit)]

    def ledger(self, pk: int) -> list[LedgerRow]:
        """See `Inbox.ledger`."""
        with self._lock:
            row = self._rows.get(pk)
            return [] if row is None else [row.runs[handler] for handler in sorted(row.runs)]

    def count(self, wanted: EntryFilter) -> int:
        """See `Inbox.count`."""
        with self._lock:
            return sum(1 for _ in self._matching(wanted))

    def stats(self) -> InboxStats:
        """See `Inbox.stats`."""
        with self._lock:
            now = self._clock()
            states: dict[EntryState, int] = dict.fromkeys(ENTRY_STATES, 0)
            due: list[float] = []
            for row in self._rows.values():
                states[row.state] += 1
                if row.due_at is not None and row.due_at <= now:
                    due.append(row.due_at)
        return InboxStats(states=states, due=len(due), oldest_due_at=moment(min(due)) if due else None)

    def replay(self, wanted: EntryFilter, *, force: bool = False) -> int:
        """See `Inbox.replay`."""
        states = {"failed", "dead", "processed", "ignored"} if force else {"failed", "dead"}
        with self._lock:
            now = self._clock()
            rows = [row for row in self._matching(wanted) if row.state in states and row.purged_at is None]
            for row in rows:
                for run in list(row.runs.values()):
                    if force or run.state == "discarded":
                        row.runs[run.handler] = replace(run, state="failed", done_at=None)
                row.attempts = 0
                row.done_at = None
                self._await(row, "received", now)
            return len(rows)

    def discard(self, wanted: EntryFilter) -> int:
        """See `Inbox.discard`."""
        with self._lock:
            now = self._clock()
            rows = [row for row in self._matching(wanted) if row.state in {"received", "failed", "dead"}]
            for row in rows:
                self._finish(row, "ignored", now)
                row.error_code = "discarded"
            return len(rows)

    def purge_payloads(self, wanted: EntryFilter) -> int:
        """See `Inbox.purge_payloads`."""
        with self._lock:
            finished = (row for row in self._matching(wanted) if row.state in {*_PURGEABLE, "dead"})
            rows = [row for row in finished if row.purged_at is None]
            self._forget_payloads(rows)
            return len(rows)

    def purge(self) -> Iterator[Purged]:
        """See `Inbox.purge`."""
        purged = Purged()
        while payloads := self._purge_payloads():
            purged = replace(purged, payloads=purged.payloads + payloads)
            yield purged
        while entries := self._purge_entries():
            purged = replace(purged, entries=purged.entries + entries)
            yield purged
        self._forget_newest()

    def _await(self, row: Row, state: EntryState, due_at: float) -> None:
        """Let a row wait for a worker."""
        row.state, row.due_at, row.token = state, due_at, ""
        heapq.heappush(self._due.setdefault(row.new.endpoint, []), (due_at, row.pk))
        if row.new.ordering_key is not None:
            same = self._unfinished.setdefault(row.queue, [])
            at = bisect.bisect_left(same, row.pk)
            if same[at : at + 1] != [row.pk]:
                same.insert(at, row.pk)

    def _finish(self, row: Row, state: EntryState, now: float) -> None:
        row.state, row.due_at, row.token, row.done_at = state, None, "", now
        same = self._unfinished.get(row.queue)
        if same is None or row.pk not in same:
            return
        same.remove(row.pk)
        if not same:
            del self._unfinished[row.queue]
            return
        following = self._rows[same[0]]  # was left out of claims until now
        if following.due_at is not None:
            heapq.heappush(self._due[row.new.endpoint], (following.due_at, following.pk))

    def _matching(self, wanted: EntryFilter, *, newest_first: bool = False) -> Iterator[Row]:
        if wanted.pks is not None:
            pks = sorted(set(wanted.pks), reverse=newest_first)
            rows: Iterator[Row] = (self._rows[pk] for pk in pks if pk in self._rows)
        else:
            rows = iter(reversed(self._rows.values()) if newest_first else self._rows.values())
        return (row for row in rows if row.matches(wanted))

    def _purge_payloads(self) -> int:
        with self._lock:
            expired = self._expired(self.payload_retention)
            rows = list(itertools.islice((row for row in expired if row.purged_at is None), _PURGE_BATCH))
            self._forget_payloads(rows)
            return len(rows)

    def _forget_payloads(self, rows: list[Row]) -> None:
        for row in rows:
            row.new, row.purged_at = replace(row.new, raw_body=b"", headers={}), self._clock()

    def _purge_entries(self) -> int:
        with self._lock:
            rows = list(itertools.islice(self._expired(self.retention), _PURGE_BATCH))
            for row in rows:
                del self._rows[row.pk], self._by_key[row.key]
            return len(rows)

    def _forget_newest(self) -> None:
        """Forget what only events that nobody accepts any more could be older than."""
        if self.retention is not None:
            with self._lock:
                before = moment(self._clock()) - self.retention
                self._newest = {key: newest for key, newest in self._newest.items() if newest >= before}

    def _expired(self, retention: timedelta | None) -> Iterator[Row]:
        if retention is None:
            return
        before = self._clock() - retention.total_seconds()
        for row in self._rows.values():
            # Both times, for the clock may have been set back in between.
            if row.state in _PURGEABLE and row.done_at is not None and max(row.done_at, row.received_at) < before:
                yield row
