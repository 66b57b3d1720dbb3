"""What an inbox is, in the fewest words: no database, no index, no batch; each rule written down once."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from licensechain_hooks._entries import ENTRY_STATES, Claim, EntryFilter, EntryState, LedgerRow, NewEntry, Settlement

__all__ = ["Model", "Row"]

_UNFINISHED = {"received", "processing", "failed"}
_PURGEABLE = {"processed", "ignored", "conflict"}


@dataclass(slots=True, kw_only=True)
class Row:
    """One entry; ``content`` is what its body says, whatever its layout."""

    pk: int
    new: NewEntry
    content: object
    received_at: datetime
    state: EntryState
    attempts: int = 0
    due_at: datetime | None = None
    token: str | None = None
    done_at: datetime | None = None
    purged_at: datetime | None = None
    error: tuple[str, str] = ("", "")
    runs: dict[str, tuple[str, int, datetime | None]] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        return self.new.endpoint, self.new.event_id

    def facts(self) -> tuple[object, ...]:
        """What an operator sees of it."""
        body = None if self.purged_at else self.new.raw_body
        times = (self.received_at, self.due_at, self.done_at, self.purged_at)
        return (self.pk, *self.key, self.state, self.attempts, *self.error, body, *times)


class Model:
    """An inbox that anybody can check by reading it."""

    def __init__(self, *, retention: timedelta, payload_retention: timedelta) -> None:
        self.retention = retention
        self.payload_retention = payload_retention
        self.rows: dict[int, Row] = {}
        self.newest: dict[tuple[str, str, str], datetime] = {}

    # Recording

    def verdict(self, entry: NewEntry, content: object) -> tuple[str, int | None]:
        """What becomes of a delivery, and the entry that stands for it where there is one."""
        same = [row for row in self.rows.values() if row.key == (entry.endpoint, entry.event_id)]
        first = next((row for row in same if row.state != "conflict"), None)
        if first is None:
            return "new", None
        if first.purged_at is not None or first.content == content:
            return "duplicate", first.pk
        conflicts = [row.pk for row in same if row.state == "conflict" and row.new.raw_body == entry.raw_body]
        return "conflict", next(iter(conflicts), None)

    def insert(self, pk: int, entry: NewEntry, content: object, now: datetime, *, conflict: bool) -> None:
        """Add an entry."""
        state: EntryState = "conflict" if conflict else entry.state
        is_due = state == "received"
        self.rows[pk] = Row(
            pk=pk,
            new=entry,
            content=content,
            received_at=now,
            state=state,
            due_at=now if is_due else None,
            done_at=None if is_due else now,
        )

    # Working

    def claimable(self, endpoints: set[str], now: datetime) -> list[Row]:
        """The entries that are due, and that no earlier one of their key holds back; the first one first."""
        due = [row for row in self.rows.values() if row.new.endpoint in endpoints and self._is_due(row, now)]
        return sorted(due, key=lambda row: (row.due_at, row.pk))

    def _is_due(self, row: Row, now: datetime) -> bool:
        if row.due_at is None or row.due_at > now:
            return False
        queue = (row.new.endpoint, row.new.ordering_key)
        return queue[1] is None or not any(
            other.pk < row.pk and other.state in _UNFINISHED and (other.new.endpoint, other.new.ordering_key) == queue
            for other in self.rows.values()
        )

    def claim(self, row: Row, token: str, until: datetime) -> None:
        row.state, row.token, row.due_at = "processing", token, until
        row.attempts += 1

    def held(self, claim: Claim) -> Row | None:
        """The entry of a claim that nobody else has taken, and that was neither settled nor given back."""
        row = self.rows.get(claim.pk)
        return row if row is not None and row.token == claim.token else None

    def settle(self, settlement: Settlement, now: datetime) -> bool:
        row = self.held(settlement.claim)
        if row is None:
            return False
        for run in settlement.runs:
            self.enter(row, run, now)
        if settlement.state == "processing":
            return True
        if settlement.error_code:
            row.error = (settlement.error_code, settlement.error)
        if settlement.state == "failed":
            row.state, row.token, row.due_at = "failed", None, now + settlement.delay
        else:
            self._finish(row, settlement.state, now)
        return True

    def release(self, claim: Claim, now: datetime) -> None:
        row = self.held(claim)
        if row is not None:
            row.attempts -= 1
            row.state, row.token, row.due_at = "failed" if row.attempts else "received", None, now

    def enter(self, row: Row, run: LedgerRow, now: datetime) -> None:
        """Write a row of the ledger."""
        row.runs[run.handler] = (run.state, run.attempts, now if run.is_finished else None)
        if run.latest_only and run.state == "done" and row.new.license_id is not None:
            key = (row.new.endpoint, row.new.license_id, run.handler)
            self.newest[key] = max(row.new.event_timestamp, self.newest.get(key, row.new.event_timestamp))

    def is_stale(self, claim: Claim, handler: str) -> bool:
        newest = self.newest.get((claim.endpoint, str(claim.license_id), handler))
        return claim.license_id is not None and newest is not None and newest > claim.event_timestamp

    def transact(self, row: Row, run: LedgerRow, now: datetime, *, stale: bool) -> None:
        """A transaction that commits."""
        self.enter(row, replace(run, state="skipped") if stale else run, now)

    def _finish(self, row: Row, state: EntryState, now: datetime) -> None:
        row.state, row.token, row.due_at, row.done_at = state, None, None, now

    # Operating

    def matching(self, wanted: EntryFilter) -> list[Row]:
        rows = [row for row in self.rows.values() if wanted.pks is None or row.pk in wanted.pks]
        return [row for row in rows if wanted.states is None or row.state in wanted.states]

    def replay(self, wanted: EntryFilter, now: datetime, *, force: bool) -> int:
        states = {"failed", "dead", *(("processed", "ignored") if force else ())}
        rows = [row for row in self.matching(wanted) if row.state in states and row.purged_at is None]
        for row in rows:
            for handler, (state, attempts, _) in row.runs.items():
                if force or state == "discarded":
                    row.runs[handler] = ("failed", attempts, None)
            row.state, row.token, row.due_at, row.attempts, row.done_at = "received", None, now, 0, None
        return len(rows)

    def discard(self, wanted: EntryFilter, now: datetime) -> int:
        rows = [row for row in self.matching(wanted) if row.state in {"received", "failed", "dead"}]
        for row in rows:
            self._finish(row, "ignored", now)
            row.error = ("discarded", row.error[1])
        return len(rows)

    def purge_payloads(self, wanted: EntryFilter, now: datetime) -> int:
        rows = [row for row in self.matching(wanted) if row.state in {*_PURGEABLE, "dead"} and row.purged_at is None]
        for row in rows:
            row.purged_at = now
        return len(rows)

    def purge(self, now: datetime) -> tuple[int, int]:
        """Payloads and entries that are past their time: since they arrived, and since they were finished."""
        payloads = [row for row in self._past(now - self.payload_retention) if row.purged_at is None]
        for row in payloads:
            row.purged_at = now
        entries = self._past(now - self.retention)
        for row in entries:
            del self.rows[row.pk]
        self.newest = {key: at for key, at in self.newest.items() if at >= now - self.retention}
        return len(payloads), len(entries)

    def _past(self, before: datetime) -> list[Row]:
        return [
            row
            for row in self.rows.values()
            if row.state in _PURGEABLE and row.done_at is not None and max(row.done_at, row.received_at) < before
        ]

    def states(self) -> dict[EntryState, int]:
        """How many entries are in each state."""
        found = [row.state for row in self.rows.values()]
        return {state: found.count(state) for state in ENTRY_STATES}
