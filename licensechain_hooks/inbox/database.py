"""An inbox in a SQL database, but for how the database is reached.

`SqlInbox` reaches it through SQLAlchemy, ``contrib.django.inbox.DjangoInbox`` through Django. All that decides is here,
so that both mean the same.
"""

from __future__ import annotations

import json
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol, TypeVar

from licensechain_hooks import events
from licensechain_hooks._stores import (
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
from licensechain_hooks.inbox._statements import Dialect, ParameterStyle, Statements, numbered

__all__ = ["Cursor", "DatabaseInbox", "OpenTransaction", "is_deadlock"]

_T = TypeVar("_T")
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
_DEADLOCKS = {"40P01", 1213}  # PostgreSQL's SQLSTATE, MySQL's number
_AT_ONCE = 1000  # rows in a commit of work that may take long


class Cursor(Protocol):
    """What the inbox needs of a cursor of the Python Database API (PEP 249)."""

    @property
    def rowcount(self) -> int: ...

    def execute(self, statement: str, parameters: Any, /) -> Any: ...

    def fetchall(self) -> Any: ...


@dataclass(slots=True)
class OpenTransaction:
    """A database transaction; see `Transaction`.

    Attributes:
        cursor: in it, for the inbox's own statements.
    """

    cursor: Cursor
    connection: Any = None
    session: Any = None
    is_stale: bool = False


class DatabaseInbox(ABC):
    """What all database inboxes have in common; a subclass says how work is done in the database.

    Args:
        dialect: of the database.
        style: how its driver writes parameters.
        retention: how long an event is remembered; at least ``max_event_age + tolerance`` of every endpoint. ``None``:
            for ever.
        payload_retention: how long the payload of a finished event is kept. ``None``: as long as the event.
        clock: Unix time in seconds. By default PostgreSQL's and MySQL's own, so that all machines agree; for SQLite the
            machine's.

    Raises:
        ConfigurationError: payloads would be kept longer than entries.
    """

    def __init__(
        self,
        dialect: Dialect,
        style: ParameterStyle,
        *,
        retention: timedelta | None,
        payload_retention: timedelta | None,
        clock: Callable[[], float] | None,
    ) -> None:
        if retention is not None and payload_retention is not None and payload_retention > retention:
            msg = "payload_retention is longer than retention: a payload is deleted with its entry at the latest"
            raise ConfigurationError(msg)
        self.retention = retention
        self.payload_retention = payload_retention
        self._clock = time.time if clock is None and dialect == "sqlite" else clock
        self._dialect = dialect
        self._sql = Statements(dialect, style, database_clock=self._clock is None)

    @abstractmethod
    def _run(self, work: Callable[[Cursor], _T], *, atomic: bool) -> _T:
        """Do ``work`` and commit it, as one transaction where ``atomic``, else statement by statement.

        On SQLite whatever writes is atomic, so that a process never has two writers.

        It may be done a second time: on a new connection where the old one was dead, and after a deadlock, which two
        batches that share events in different orders can run into.

        Raises:
            StoreUnavailableError: the database cannot be reached, is locked, is full.
        """

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[OpenTransaction]:
        """A transaction that commits at the end and rolls back when the body raises."""

    @property
    def many_writers(self) -> bool:
        """See `Inbox`."""
        return self._dialect != "sqlite"

    def handling(self) -> AbstractContextManager[None]:
        """See `Inbox`."""
        return nullcontext()

    # Recording

    def record_many(self, entries: Sequence[NewEntry]) -> list[Recorded]:
        """See `Inbox`."""
        first: dict[tuple[str, str], int] = {}
        for place, entry in enumerate(entries):
            first.setdefault((entry.endpoint, entry.event_id), place)
        inserted = self._insert([entries[place] for place in first.values()])
        new = {first[key]: Recorded("new", pk) for key, pk in inserted.items()}
        seen = [place for place in range(len(entries)) if place not in new]
        known = self._compare([entries[place] for place in seen])
        verdicts = new | dict(zip(seen, known, strict=True))
        return [verdicts[place] for place in range(len(entries))]

    def _insert(self, entries: list[NewEntry]) -> dict[tuple[str, str], int]:
        """Store those that are new, in one commit; their ids by key."""
        if not entries:
            return {}
        rows = [self._row(entry) for entry in entries]
        if len(rows) == 1:
            return self._run(lambda cursor: self._insert_each(cursor, rows), atomic=self._dialect != "postgresql")
        if self._dialect == "postgresql":
            columns = {name: [row[name] for row in rows] for name in rows[0] if name not in {"now", "lease_token"}}
            columns |= self._times()
            found = self._run(lambda cursor: _rows(cursor, self._sql.insert_many, columns), atomic=False)
            return {(endpoint, event_id): pk for pk, endpoint, event_id in found}
        return self._run(lambda cursor: self._insert_each(cursor, rows), atomic=True)

    def _insert_each(self, cursor: Cursor, rows: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
        inserted = {}
        for row in rows:
            if self._dialect != "mysql":
                for pk, endpoint, event_id in _rows(cursor, self._sql.insert, row):
                    inserted[endpoint, event_id] = pk
            # On MySQL the INSERT of a known event waits for whoever has its row locked, a handler perhaps.
            elif not _rows(cursor, self._sql.known, row):
                cursor.execute(self._sql.insert, row)
                for (pk,) in _rows(cursor, self._sql.inserted, row):
                    inserted[row["endpoint"], row["event_id"]] = pk
        return inserted

    def _compare(self, entries: list[NewEntry]) -> list[Recorded]:
        """The verdicts on deliveries whose events are known."""
        if not entries:
            return []
        known = self._known(entries)
        verdicts = []
        for entry in entries:
            found = known.get((entry.endpoint, entry.event_id))
            if found is None:  # purged in this very moment
                verdicts.extend(self.record_many([entry]))
            elif found[1] is None or _is_same(bytes(found[1]), entry.raw_body):
                verdicts.append(Recorded("duplicate", found[0]))
            else:
                verdicts.append(Recorded("conflict", self._record_conflict(entry)))
        return verdicts

    def _known(self, entries: list[NewEntry]) -> dict[tuple[str, str], tuple[int, Any]]:
        keys = list(dict.fromkeys((entry.endpoint, entry.event_id) for entry in entries))
        if self._dialect == "postgresql":
            wanted = {"endpoint": [key[0] for key in keys], "event_id": [key[1] for key in keys]}
            found = self._run(lambda cursor: _rows(cursor, self._sql.known_many, wanted), atomic=False)
            return {(endpoint, event_id): (pk, body) for endpoint, event_id, pk, body in found}

        def look(cursor: Cursor) -> dict[tuple[str, str], tuple[int, Any]]:
            return {
                key: tuple(row)
                for key in keys
                for row in _rows(cursor, self._sql.known, {"endpoint": key[0], "event_id": key[1], "variant": ""})
            }

        return self._run(look, atomic=False)

    def _record_conflict(self, entry: NewEntry) -> int:
        row = self._row(entry) | {"variant": sha256(entry.raw_body).hexdigest(), "state": "conflict"}

        def insert(cursor: Cursor) -> int:
            cursor.execute(self._sql.insert, row)
            ((pk, _),) = _rows(cursor, self._sql.known, row)
            return int(pk)

        return self._run(insert, atomic=True)

    def _row(self, entry: NewEntry) -> dict[str, Any]:
        return {
            "endpoint": entry.endpoint,
            "event_id": entry.event_id,
            "variant": "",
            "event_type": entry.event_type,
            "event_timestamp": self._encode(entry.event_timestamp),
            "raw_body": entry.raw_body,
            "headers": json.dumps(dict(entry.headers)) if entry.headers else "{}",
            "license_id": entry.license_id,
            "ordering_key": entry.ordering_key,
            "state": entry.state,
            "lease_token": secrets.token_hex(8) if self._dialect == "mysql" else None,
        } | self._times()

    # Claiming

    def claim_many(self, endpoints: Sequence[str], *, limit: int, lease: timedelta) -> list[Claim]:
        """See `Inbox`."""
        if not endpoints:
            return []
        token = secrets.token_hex(8)
        given = {"token": token, "limit": limit} | numbered("endpoint", endpoints) | self._times(lease=lease)
        claim = self._sql.claim(len(endpoints))

        def take(cursor: Cursor) -> tuple[Any, dict[int, dict[str, LedgerRow]]]:
            rows = _rows(cursor, claim, given)
            if rows and self._dialect == "mysql":
                ids = numbered("id", [row[0] for row in rows])
                cursor.execute(self._sql.take(len(rows)), given | ids)
                rows = _rows(cursor, self._sql.taken(len(rows)), ids)
            return rows, self._ledgers(cursor, [row[0] for row in rows])

        rows, ledgers = self._run(take, atomic=self._dialect != "postgresql")
        return [self._claimed(row, token, ledgers.get(row[0], {})) for row in sorted(rows, key=lambda row: row[0])]

    def _claimed(self, row: Any, token: str, runs: dict[str, LedgerRow]) -> Claim:
        pk, endpoint, event_id, event_type, event_timestamp, raw_body, received_at, license_id, attempts = row
        return Claim(
            pk=pk,
            token=token,
            endpoint=endpoint,
            event_id=event_id,
            event_type=event_type,
            event_timestamp=self._decode(event_timestamp),
            raw_body=b"" if raw_body is None else bytes(raw_body),
            received_at=self._decode(received_at),
            license_id=license_id,
            attempts=attempts,
            runs=runs,
        )

    def _ledgers(self, cursor: Cursor, ids: Sequence[int]) -> dict[int, dict[str, LedgerRow]]:
        ledgers: dict[int, dict[str, LedgerRow]] = {}
        if ids:
            found = _rows(cursor, self._sql.ledgers(len(ids)), numbered("id", ids))
            for pk, handler, state, attempts, done_at in found:
                ledgers.setdefault(pk, {})[handler] = LedgerRow(
                    handler=handler, state=state, attempts=attempts, done_at=self._decode_or_none(done_at)
                )
        return ledgers

    def extend_many(self, claims: Sequence[Claim], *, lease: timedelta) -> list[bool]:
        """See `Inbox`."""
        times = self._times(lease=lease)
        if self._dialect == "postgresql":
            given = {"id": [claim.pk for claim in claims], "token": [claim.token for claim in claims]} | times
            held = {pk for (pk,) in self._run(lambda c: _rows(c, self._sql.extend_many, given), atomic=False)}
            return [claim.pk in held for claim in claims]
        return self._each(self._sql.extend, [{"id": claim.pk, "token": claim.token} | times for claim in claims])

    def release_many(self, claims: Sequence[Claim]) -> None:
        """See `Inbox`."""
        times = self._times()
        self._each(self._sql.release, [{"id": claim.pk, "token": claim.token} | times for claim in claims])

    def _each(self, statement: str, rows: list[dict[str, Any]]) -> list[bool]:
        """Execute a statement for each row, in one commit; whether each changed something."""

        def execute(cursor: Cursor) -> list[bool]:
            changed = []
            for row in rows:
                cursor.execute(statement, row)
                changed.append(cursor.rowcount == 1)
            return changed

        return self._run(execute, atomic=True)

    # Settling

    def settle_many(self, settlements: Sequence[Settlement]) -> list[bool]:
        """See `Inbox`."""
        if not settlements:
            return []
        seen = any(row.latest_only and row.state == "done" for each in settlements for row in each.runs)
        if self._dialect == "postgresql" and not seen:
            held = self._run(lambda cursor: self._settle_arrays(cursor, settlements), atomic=False)
            return [each.claim.pk in held for each in settlements]
        return self._run(lambda cursor: [self._settle(cursor, each) for each in settlements], atomic=True)

    def _settle_arrays(self, cursor: Cursor, settlements: Sequence[Settlement]) -> set[int]:
        runs = [(each.claim.pk, row) for each in settlements for row in each.runs]
        given = {
            "id": [each.claim.pk for each in settlements],
            "token": [each.claim.token for each in settlements],
            "state": [each.state for each in settlements],
            "delay": [self._times(delay=each.delay)["delay"] for each in settlements],
            "error_code": [each.error_code for each in settlements],
            "error": [each.error for each in settlements],
            "run_id": [pk for pk, _ in runs],
            "handler": [row.handler for _, row in runs],
            "run_state": [row.state for _, row in runs],
            "attempts": [row.attempts for _, row in runs],
        } | self._times()
        return {pk for (pk,) in _rows(cursor, self._sql.settle_many, given)}

    def _settle(self, cursor: Cursor, settlement: Settlement) -> bool:
        claim = settlement.claim
        given = {
            "id": claim.pk,
            "token": claim.token,
            "state": settlement.state,
            "error_code": settlement.error_code,
            "error": settlement.error,
        } | self._times(delay=settlement.delay)
        cursor.execute(self._sql.settle, given)
        if cursor.rowcount != 1:
            return False
        for row in settlement.runs:
            if row.latest_only and row.state == "done":
                self._remember_newest(cursor, claim, row.handler)
            self._write_run(cursor, claim, row)
        return True

    def _write_run(self, cursor: Cursor, claim: Claim, row: LedgerRow) -> None:
        given = {"id": claim.pk, "handler": row.handler, "state": row.state, "attempts": row.attempts} | self._times()
        cursor.execute(self._sql.write_run, given)

    def is_stale(self, claim: Claim, handler: str) -> bool:
        """See `Inbox`."""
        return claim.license_id is not None and self._run(lambda c: self._is_stale(c, claim, handler), atomic=False)

    def _is_stale(self, cursor: Cursor, claim: Claim, handler: str) -> bool:
        return bool(_rows(cursor, self._sql.newer, self._newest(claim, handler)))

    def _remember_newest(self, cursor: Cursor, claim: Claim, handler: str) -> None:
        if claim.license_id is not None:
            cursor.execute(self._sql.remember_newest, self._newest(claim, handler))

    def _newest(self, claim: Claim, handler: str) -> dict[str, Any]:
        return {
            "endpoint": claim.endpoint,
            "license_id": claim.license_id,
            "handler": handler,
            "event_timestamp": self._encode(claim.event_timestamp),
        }

    @contextmanager
    def transaction(self, claim: Claim, row: LedgerRow) -> Iterator[OpenTransaction]:
        """See `Inbox`."""
        with self._transaction() as transaction:
            cursor = transaction.cursor
            if not _rows(cursor, self._sql.fence, {"id": claim.pk, "token": claim.token}):
                raise LeaseLostError
            if row.latest_only:
                # Writing first holds back whoever runs the same handler for another event of this license.
                self._remember_newest(cursor, claim, row.handler)
                transaction.is_stale = claim.license_id is not None and self._is_stale(cursor, claim, row.handler)
            yield transaction
            self._write_run(cursor, claim, replace(row, state="skipped") if transaction.is_stale else row)

    # For operators

    def entries(self, wanted: EntryFilter, *, limit: int = 100, before: int | None = None) -> list[Entry]:
        """See `Inbox`."""
        where, given = self._where(wanted)
        if before is not None:
            where, given = f"{where} AND id < %(before)s", given | {"before": before}
        statement = self._sql.select(where)
        rows = self._run(lambda cursor: _rows(cursor, statement, given | {"limit": limit}), atomic=False)
        return [self._entry(row) for row in rows]

    def _entry(self, row: Any) -> Entry:
        names = ("pk", "endpoint", "event_id", "event_type", "event_timestamp", "received_at", "state", "attempts")
        more = ("next_attempt_at", "license_id", "ordering_key", "headers", "raw_body", "error_code", "error")
        values: dict[str, Any] = dict(zip((*names, *more, "done_at", "purged_at"), row, strict=True))
        for name in ("event_timestamp", "received_at", "next_attempt_at", "done_at", "purged_at"):
            values[name] = self._decode_or_none(values[name])
        values["headers"] = json.loads(values["headers"])
        values["raw_body"] = None if values["raw_body"] is None else bytes(values["raw_body"])
        return Entry(**values)

    def ledger(self, pk: int) -> list[LedgerRow]:
        """See `Inbox`."""
        return list(self._run(lambda cursor: self._ledgers(cursor, [pk]), atomic=False).get(pk, {}).values())

    def count(self, wanted: EntryFilter) -> int:
        """See `Inbox`."""
        where, given = self._where(wanted)
        statement = self._sql.count(where)
        ((number,),) = self._run(lambda cursor: _rows(cursor, statement, given), atomic=False)
        return int(number)

    def stats(self) -> InboxStats:
        """See `Inbox`."""
        states: dict[EntryState, int] = dict.fromkeys(ENTRY_STATES, 0)
        states |= dict(self._run(lambda cursor: _rows(cursor, self._sql.states, {}), atomic=False))
        ((due, oldest),) = self._run(lambda cursor: _rows(cursor, self._sql.due, self._times()), atomic=False)
        return InboxStats(states=states, due=due, oldest_due_at=self._decode_or_none(oldest))

    def replay(self, wanted: EntryFilter, *, force: bool = False) -> int:
        """See `Inbox`."""
        states = "'failed', 'dead', 'processed', 'ignored'" if force else "'failed', 'dead'"

        def replay(cursor: Cursor, ids: dict[str, Any]) -> None:
            cursor.execute(self._sql.replay(len(ids)), ids | self._times())
            cursor.execute(self._sql.rerun(len(ids), force=force), ids)

        return self._in_pieces(wanted, f"state IN ({states}) AND purged_at IS NULL", replay)

    def discard(self, wanted: EntryFilter) -> int:
        """See `Inbox`."""

        def discard(cursor: Cursor, ids: dict[str, Any]) -> None:
            cursor.execute(self._sql.discard(len(ids)), ids | self._times())

        return self._in_pieces(wanted, "state IN ('received', 'failed', 'dead')", discard)

    def _in_pieces(self, wanted: EntryFilter, condition: str, work: Callable[[Cursor, dict[str, Any]], None]) -> int:
        """Change entries in commits of bounded size; how many."""
        where, given = self._where(wanted)
        statement = self._sql.ids(f"{where} AND {condition}")
        done, after = 0, 0

        def piece(cursor: Cursor) -> list[int]:
            rows = _rows(cursor, statement, given | {"after": after, "limit": _AT_ONCE})
            if rows:
                work(cursor, numbered("id", [pk for (pk,) in rows]))
            return [pk for (pk,) in rows]

        while changed := self._run(piece, atomic=True):
            done, after = done + len(changed), changed[-1]
        return done

    def purge(self) -> Iterator[Purged]:
        """See `Inbox`."""
        payloads = entries = 0
        if self.payload_retention is not None:
            while found := self._run(self._purge_payloads, atomic=True):
                payloads += found
                yield Purged(payloads, entries)
        if self.retention is not None:
            while found := self._run(self._purge_entries, atomic=True):
                entries += found
                yield Purged(payloads, entries)
            forget = self._times(cutoff=-self.retention)
            self._run(lambda cursor: cursor.execute(self._sql.forget_newest, forget), atomic=True)

    def _purge_payloads(self, cursor: Cursor) -> int:
        assert self.payload_retention is not None  # noqa: S101
        given = self._times(cutoff=-self.payload_retention) | {"limit": _AT_ONCE}
        ids = numbered("id", [pk for (pk,) in _rows(cursor, self._sql.old_payloads, given)])
        if ids:
            cursor.execute(self._sql.purge_payloads(len(ids)), ids | self._times())
        return len(ids)

    def _purge_entries(self, cursor: Cursor) -> int:
        assert self.retention is not None  # noqa: S101
        given = self._times(cutoff=-self.retention) | {"limit": _AT_ONCE}
        ids = numbered("id", [pk for (pk,) in _rows(cursor, self._sql.old_entries, given)])
        if ids:
            cursor.execute(self._sql.delete_runs(len(ids)), ids)
            cursor.execute(self._sql.delete_entries(len(ids)), ids)
        return len(ids)

    def _where(self, wanted: EntryFilter) -> tuple[str, dict[str, Any]]:
        """A condition and its parameters."""
        conditions = ["1 = 1"]
        given: dict[str, Any] = {}
        for column, values in (("id", wanted.pks), ("state", wanted.states)):
            if values is not None:
                given |= numbered(f"{column}_is", values)
                names = ", ".join(f"%({name})s" for name in numbered(f"{column}_is", values))
                conditions.append(f"{column} IN ({names})" if names else "1 = 0")
        for column in ("license_id", "event_id", "endpoint"):
            if getattr(wanted, column) is not None:
                given[column] = getattr(wanted, column)
                conditions.append(f"{column} = %({column})s")
        for column, sign, moment in (("since", ">=", wanted.since), ("until", "<", wanted.until)):
            if moment is not None:
                given[column] = self._encode(moment)
                conditions.append(f"received_at {sign} %({column})s")
        if wanted.event_type is not None:
            prefix = wanted.event_type.removesuffix("*")
            given |= {"event_type": prefix, "length": len(prefix)}
            # Not LIKE, which takes "A" for "a" in SQLite.
            column = "event_type" if prefix == wanted.event_type else "substr(event_type, 1, %(length)s)"
            conditions.append(f"{column} = %(event_type)s")
        return " AND ".join(conditions), given

    # Times

    def _times(self, **durations: timedelta) -> dict[str, Any]:
        """The parameters of a statement's times: seconds where the database knows the time, else points in time."""
        if self._clock is None:
            return {name: duration.total_seconds() for name, duration in durations.items()}
        now = datetime.fromtimestamp(self._clock(), UTC)
        return {"now": self._encode(now)} | {name: self._encode(now + each) for name, each in durations.items()}

    def _encode(self, moment: datetime) -> Any:
        try:
            in_utc = moment.astimezone(UTC)
        except OverflowError:  # of an offset at the edge of the calendar
            in_utc = _FIRST if moment.year == 1 else _LAST
        if self._dialect == "postgresql":
            return in_utc
        naive = in_utc.replace(tzinfo=None)
        return naive if self._dialect == "mysql" else naive.isoformat(" ", "microseconds")

    def _decode(self, value: Any) -> datetime:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    def _decode_or_none(self, value: Any) -> datetime | None:
        return None if value is None else self._decode(value)


def is_deadlock(error: BaseException) -> bool:
    """Whether a driver's error says that the database has chosen this transaction to break a deadlock."""
    return bool(_DEADLOCKS & {getattr(error, "sqlstate", None), *error.args[:1]})


def _rows(cursor: Cursor, statement: str, parameters: Mapping[str, Any]) -> Any:
    cursor.execute(statement, parameters)
    return cursor.fetchall()


def _is_same(body: bytes, other: bytes) -> bool:
    return body == other or events.same_content(body, other)
