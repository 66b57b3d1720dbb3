"""An inbox in the memory of one process."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from licensechain_hooks import events
from licensechain_hooks._entries import Claim, LedgerRow, NewEntry, Recorded, Settlement
from licensechain_hooks.exceptions import LeaseLostError
from licensechain_hooks.inbox._memory_operating import MemoryOperating
from licensechain_hooks.inbox._memory_row import Row, moment

__all__ = ["MemoryInbox"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _MemoryTransaction:
    is_stale: bool
    connection: None = None
    session: None = None


class MemoryInbox(MemoryOperating):
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


def _in_utc(time: datetime) -> datetime:
    """A database gives all times back in UTC; what lies outside its years stays at their edge."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return time.replace(tzinfo=UTC)
