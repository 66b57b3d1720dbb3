"""An inbox in a SQL database, but for how the database is reached.

`SqlInbox` reaches it through SQLAlchemy, ``contrib.django.inbox.DjangoInbox`` through Django. All that decides is here,
so that both mean the same.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from pydantic_core import to_json

from licensechain_hooks import events
from licensechain_hooks._entries import Claim, LedgerRow, NewEntry, Recorded, Settlement
from licensechain_hooks.exceptions import LeaseLostError
from licensechain_hooks.inbox._database import Cursor, DeadlockError, OpenTransaction, is_deadlock, rows_of
from licensechain_hooks.inbox._only_writer import BUDGET, LONG, only_writer
from licensechain_hooks.inbox._operating import Operating
from licensechain_hooks.inbox._sql import array_of, numbered

__all__ = [
    "BUDGET",
    "LONG",
    "Cursor",
    "DatabaseInbox",
    "DeadlockError",
    "OpenTransaction",
    "is_deadlock",
    "only_writer",
]

_TEXTS = ("endpoint", "event_id", "event_type", "headers", "license_id", "ordering_key", "state")  # of an entry


class DatabaseInbox(Operating):
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
        """Store those that are new; their ids by key."""
        if not entries:
            return {}
        times = self._times()
        rows = [self._row(entry) | times for entry in entries]
        if len(rows) == 1:
            return self._run(lambda cursor: self._insert_each(cursor, rows), atomic=self._dialect == "mysql")
        try:
            return self._attempt(lambda cursor: self._insert_many(cursor, rows), atomic=self._dialect != "postgresql")
        except DeadlockError:  # of one row at a time none waits crosswise
            return {key: pk for entry in entries for key, pk in self._insert([entry]).items()}

    def _insert_many(self, cursor: Cursor, rows: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
        if self._dialect != "postgresql":
            return self._insert_each(cursor, rows)
        columns: dict[str, Any] = {name: array_of([row[name] for row in rows]) for name in _TEXTS}
        columns |= {name: [row[name] for row in rows] for name in ("event_timestamp", "raw_body")}
        found = rows_of(cursor, self._sql.insert_many, columns | self._times())
        return {(endpoint, event_id): pk for pk, endpoint, event_id in found}

    def _insert_each(self, cursor: Cursor, rows: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
        inserted = {}
        for row in rows:
            pk = self._insert_one(cursor, row)
            if pk is not None:
                inserted[row["endpoint"], row["event_id"]] = pk
        return inserted

    def _insert_one(self, cursor: Cursor, row: dict[str, Any]) -> int | None:
        if self._dialect == "postgresql":
            return next((pk for pk, _, _ in rows_of(cursor, self._sql.insert, row)), None)
        # On MySQL the INSERT of a known event waits for whoever has its row locked, a handler perhaps.
        if self._dialect == "mysql" and rows_of(cursor, self._sql.known, row):
            return None
        cursor.execute(self._sql.insert, row)
        if self._dialect == "mysql":
            return next((pk for (pk,) in rows_of(cursor, self._sql.inserted, row)), None)
        return cursor.lastrowid if cursor.rowcount == 1 else None

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
            wanted = {"endpoint": array_of(key[0] for key in keys), "event_id": array_of(key[1] for key in keys)}
            found = self._read(self._sql.known_many, wanted)
            return {(endpoint, event_id): (pk, body) for endpoint, event_id, pk, body in found}

        def look(cursor: Cursor) -> dict[tuple[str, str], tuple[int, Any]]:
            return {
                key: tuple(row)
                for key in keys
                for row in rows_of(cursor, self._sql.known, {"endpoint": key[0], "event_id": key[1], "variant": ""})
            }

        return self._run(look, atomic=False, writes=False)

    def _record_conflict(self, entry: NewEntry) -> int:
        row = self._row(entry) | {"variant": sha256(entry.raw_body).hexdigest(), "state": "conflict"} | self._times()

        def insert(cursor: Cursor) -> int:
            cursor.execute(self._sql.insert, row)
            ((pk, _),) = rows_of(cursor, self._sql.known, row)
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
            "headers": to_json(dict(entry.headers)).decode(),
            "license_id": entry.license_id,
            "ordering_key": entry.ordering_key,
            "state": entry.state,
            "lease_token": secrets.token_hex(8) if self._dialect == "mysql" else None,
        }

    # Claiming

    def claim_many(
        self, endpoints: Sequence[str], *, limit: int, lease: timedelta, pk: int | None = None
    ) -> list[Claim]:
        """See `Inbox`."""
        if not endpoints:
            return []
        token = secrets.token_hex(8)
        given = {"token": token} | numbered("endpoint", endpoints) | self._times(lease=lease)
        given |= {"limit": limit} if pk is None else {"pk": pk}
        claim = self._sql.claim(len(endpoints)) if pk is None else self._sql.claim_one(len(endpoints))

        def take(cursor: Cursor) -> tuple[Any, dict[int, dict[str, LedgerRow]]]:
            if self._dialect == "postgresql" and pk is None:
                cursor.execute(self._sql.plan_by_index, {})
            rows = rows_of(cursor, claim, given)
            if rows and self._dialect == "mysql":
                ids = numbered("id", [row[0] for row in rows])
                cursor.execute(self._sql.take(len(rows)), given | ids)
                rows = rows_of(cursor, self._sql.taken(len(rows)), ids)
            return rows, self._ledgers(cursor, [row[0] for row in rows])

        rows, ledgers = self._run(take, atomic=True)
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

    def due(
        self,
        endpoints: Sequence[str],
        *,
        limit: int,
        grace: timedelta = timedelta(0),
        after: int | None = None,
    ) -> list[int]:
        """See `Inbox`."""
        if not endpoints:
            return []
        given = {"limit": limit} | numbered("endpoint", endpoints) | self._times(fresh=-grace)
        given |= {} if after is None else {"after": after}
        statement = self._sql.waiting(len(endpoints)) if after is None else self._sql.following(len(endpoints))

        def look(cursor: Cursor) -> list[int]:
            if self._dialect == "postgresql" and after is None:
                cursor.execute(self._sql.plan_by_index, {})
            return [pk for (pk,) in rows_of(cursor, statement, given)]

        return self._run(look, atomic=self._dialect == "postgresql", writes=False)

    def extend_many(self, claims: Sequence[Claim], *, lease: timedelta) -> list[bool]:
        """See `Inbox`."""
        times = self._times(lease=lease)
        if self._dialect == "postgresql":
            given = {
                "id": array_of(claim.pk for claim in claims),
                "token": array_of(claim.token for claim in claims),
            } | times
            held = {pk for (pk,) in self._run(lambda c: rows_of(c, self._sql.extend_many, given), atomic=False)}
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
            "id": array_of(each.claim.pk for each in settlements),
            "token": array_of(each.claim.token for each in settlements),
            "state": array_of(each.state for each in settlements),
            "delay": array_of(self._times(delay=each.delay)["delay"] for each in settlements),
            "error_code": array_of(each.error_code for each in settlements),
            "error": array_of(each.error for each in settlements),
            "run_id": array_of(pk for pk, _ in runs),
            "handler": array_of(row.handler for _, row in runs),
            "run_state": array_of(row.state for _, row in runs),
            "attempts": array_of(row.attempts for _, row in runs),
        } | self._times()
        return {pk for (pk,) in rows_of(cursor, self._sql.settle_many, given)}

    def _settle(self, cursor: Cursor, settlement: Settlement) -> bool:
        claim, times = settlement.claim, self._times(delay=settlement.delay)
        given = {
            "id": claim.pk,
            "token": claim.token,
            "state": settlement.state,
            "error_code": settlement.error_code,
            "error": settlement.error,
        }
        cursor.execute(self._sql.settle, given | times)
        if cursor.rowcount != 1:
            return False
        for row in settlement.runs:
            if row.latest_only and row.state == "done":
                self._remember_newest(cursor, claim, row.handler)
            self._write_run(cursor, claim, row, times)
        return True

    def _write_run(self, cursor: Cursor, claim: Claim, row: LedgerRow, times: dict[str, Any]) -> None:
        given = {"id": claim.pk, "handler": row.handler, "state": row.state, "attempts": row.attempts}
        cursor.execute(self._sql.write_run, given | times)

    def is_stale(self, claim: Claim, handler: str) -> bool:
        """See `Inbox`."""
        return claim.license_id is not None and bool(self._read(self._sql.newer, self._newest(claim, handler)))

    def _is_stale(self, cursor: Cursor, claim: Claim, handler: str) -> bool:
        return bool(rows_of(cursor, self._sql.newer, self._newest(claim, handler)))

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
            if not rows_of(cursor, self._sql.fence, {"id": claim.pk, "token": claim.token}):
                raise LeaseLostError
            if row.latest_only:
                # Writing first holds back whoever runs the same handler for another event of this license.
                self._remember_newest(cursor, claim, row.handler)
                transaction.is_stale = claim.license_id is not None and self._is_stale(cursor, claim, row.handler)
            yield transaction
            self._write_run(
                cursor, claim, replace(row, state="skipped") if transaction.is_stale else row, self._times()
            )


def _is_same(body: bytes, other: bytes) -> bool:
    return body == other or events.same_content(body, other)
