"""An inbox in the memory of one process."""

from __future__ import annotations

import bisect
import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from licensechain_hooks import events
from licensechain_hooks._entries import (
    ENTRY_STATES,
    Claim,
    Entry,
    EntryFilter,
    EntryState,
    InboxStats,
    LedgerRow,
    NewEntry,
    Purged,
    Recorded,
    Settlement,
)
from licensechain_hooks.exceptions import ConfigurationError, LeaseLostError
from licensechain_hooks.inbox._memory_row import Row, moment

__all__ = ["MemoryInbox"]

_PURGE_BATCH = 1000
_PURGEABLE: frozenset[EntryState] = frozenset({"processed", "ignored", "conflict"})  # finished, and not for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class _MemoryTransaction:
    is_stale: bool
    connection: None = None
    session: None = None


class MemoryInbox:
    """Keeps deliveries in the memory of this process: for tests, and to try things out.

    It behaves like an inbox in a database, but forgets all at a restart, takes as much memory as what it keeps, and
    knows nothing of other processes. What a transactional handler writes elsewhere is not rolled back.

    Args:
        retention: how long an event is remembered; at least ``max_event_age + tolerance`` of every endpoint. ``None``:
            for ever.
        payload_retention: how long the payload of a finished event is kept. ``None``: as long as the event.
        clock: seconds since 1970.

    Raises:
        ConfigurationError: payloads would be kept longer than their entries.
    """

    many_writers = True

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

    def record_many(self, entries: Sequence[NewEntry]) -> list[Recorded]:
        """See `Inbox.record_many`."""
        with self._lock:
            now = self._clock()
            return [self._record(entry, now) for entry in entries]

    def claim_many(
        self, endpoints: Sequence[str], *, limit: int, lease: timedelta, pk: int | None = None
    ) -> list[Claim]:
        """See `Inbox.claim_many`."""
        with self._lock:
            now = self._clock()
            until = now + lease.total_seconds()
            if pk is not None:
                return self._claim_one(pk, endpoints, now, until)
            heaps = [heap for name in dict.fromkeys(endpoints) if (heap := self._due.get(name))]
            claims: list[Claim] = []
            while heaps and len(claims) < limit:
                heap = min(heaps)
                due_at, pk = heap[0]
                if due_at > now:
                    break
                heapq.heappop(heap)
                if not heap:
                    heaps.remove(heap)
                row = self._rows.get(pk)
                if row is not None and row.due_at == due_at and self._is_first(row):
                    claims.append(row.claim(str(next(self._tokens)), until))
            for claim in claims:
                heapq.heappush(self._due[claim.endpoint], (until, claim.pk))
            return claims

    def _claim_one(self, pk: int, endpoints: Sequence[str], now: float, until: float) -> list[Claim]:
        row = self._rows.get(pk)
        if row is None or row.new.endpoint not in endpoints or not self._is_due(row, now):
            return []
        claim = row.claim(str(next(self._tokens)), until)
        heapq.heappush(self._due[claim.endpoint], (until, pk))
        return [claim]

    def due(
        self,
        endpoints: Sequence[str],
        *,
        limit: int,
        grace: timedelta = timedelta(0),
        after: int | None = None,
    ) -> list[int]:
        """See `Inbox.due`."""
        with self._lock:
            now = self._clock()
            fresh = now - grace.total_seconds()
            due = [
                (row.due_at, row.pk)
                for row in (self._rows.values() if after is None else self._following(after))
                if row.new.endpoint in endpoints
                and self._is_due(row, now)
                and (row.state != "received" or (row.due_at is not None and row.due_at <= fresh))
            ]
            return [pk for _, pk in heapq.nsmallest(limit, due)]

    def _following(self, pk: int) -> list[Row]:
        """The unfinished rows that have the ordering key of another, and came after it."""
        row = self._rows.get(pk)
        if row is None or row.new.ordering_key is None:
            return []
        return [self._rows[other] for other in self._unfinished.get(row.queue, ()) if other > pk]

    def extend_many(self, claims: Sequence[Claim], *, lease: timedelta) -> list[bool]:
        """See `Inbox.extend_many`."""
        with self._lock:
            until = self._clock() + lease.total_seconds()
            return [self._extend(claim, until) for claim in claims]

    def settle_many(self, settlements: Sequence[Settlement]) -> list[bool]:
        """See `Inbox.settle_many`."""
        with self._lock:
            now = self._clock()
            return [self._settle(settlement, now) for settlement in settlements]

    def release_many(self, claims: Sequence[Claim]) -> None:
        """See `Inbox.release_many`."""
        with self._lock:
            now = self._clock()
            for claim in claims:
                row = self._held(claim)
                if row is not None:
                    row.attempts -= 1
                    self._await(row, "failed" if row.attempts else "received", now)

    def is_stale(self, claim: Claim, handler: str) -> bool:
        """See `Inbox.is_stale`."""
        if claim.license_id is None:
            return False
        with self._lock:
            newest = self._newest.get((claim.endpoint, claim.license_id, handler))
        return newest is not None and newest > claim.event_timestamp

    @contextmanager
    def transaction(self, claim: Claim, row: LedgerRow) -> Iterator[_MemoryTransaction]:
        """See `Inbox.transaction`; ``connection`` and ``session`` are ``None``."""
        with self._lock:
            if self._held(claim) is None:
                raise LeaseLostError
        is_stale = row.latest_only and self.is_stale(claim, row.handler)
        yield _MemoryTransaction(is_stale=is_stale)
        with self._lock:
            held = self._held(claim)
            if held is None:
                raise LeaseLostError
            self._enter(held, replace(row, state="skipped") if is_stale else row, self._clock())

    def handling(self) -> AbstractContextManager[None]:
        """See `Inbox.handling`; there is nothing to do."""
        return nullcontext()

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

    def _record(self, entry: NewEntry, now: float) -> Recorded:
        known = self._by_key.get((entry.endpoint, entry.event_id, ""))
        if known is None:
            return Recorded("new", self._insert(entry, now).pk)
        body = known.new.raw_body
        if known.purged_at is not None or body == entry.raw_body or events.same_content(body, entry.raw_body):
            return Recorded("duplicate", known.pk)
        variant = sha256(entry.raw_body).hexdigest()
        conflict = self._by_key.get((entry.endpoint, entry.event_id, variant))
        return Recorded("conflict", (conflict or self._insert(entry, now, variant)).pk)

    def _insert(self, entry: NewEntry, now: float, variant: str = "") -> Row:
        new = replace(entry, headers=dict(entry.headers), event_timestamp=_in_utc(entry.event_timestamp))
        row = Row(next(self._numbers), new, now, "conflict" if variant else entry.state, variant)
        self._rows[row.pk] = self._by_key[row.key] = row
        if row.state == "received":
            self._await(row, "received", now)
        else:
            row.done_at = now
        return row

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

    def _is_due(self, row: Row, now: float) -> bool:
        return row.due_at is not None and row.due_at <= now and self._is_first(row)

    def _is_first(self, row: Row) -> bool:
        return row.new.ordering_key is None or self._unfinished[row.queue][0] == row.pk

    def _held(self, claim: Claim) -> Row | None:
        row = self._rows.get(claim.pk)
        return row if row is not None and row.token == claim.token else None

    def _extend(self, claim: Claim, until: float) -> bool:
        row = self._held(claim)
        if row is None:
            return False
        row.due_at = until
        heapq.heappush(self._due[claim.endpoint], (until, claim.pk))
        return True

    def _settle(self, settlement: Settlement, now: float) -> bool:
        row = self._held(settlement.claim)
        if row is None:
            return False
        for run in settlement.runs:
            self._enter(row, run, now)
        if settlement.state == "processing":
            return True
        if settlement.error_code:
            row.error_code, row.error = settlement.error_code, settlement.error
        if settlement.state == "failed":
            self._await(row, "failed", now + settlement.delay.total_seconds())
        else:
            self._finish(row, settlement.state, now)
        return True

    def _enter(self, row: Row, run: LedgerRow, now: float) -> None:
        """Write one row of the ledger."""
        row.runs[run.handler] = replace(run, done_at=moment(now) if run.is_finished else None)
        if run.latest_only and run.state == "done" and row.new.license_id is not None:
            key = (row.new.endpoint, row.new.license_id, run.handler)
            self._newest[key] = max(row.new.event_timestamp, self._newest.get(key, row.new.event_timestamp))

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


def _in_utc(time: datetime) -> datetime:
    """A database gives all times back in UTC; what lies outside its years stays at their edge."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return time.replace(tzinfo=UTC)
