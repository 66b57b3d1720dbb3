"""What operators do with an inbox: look, replay, discard, purge."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from licensechain_hooks._entries import ENTRY_STATES, Entry, EntryFilter, EntryState, InboxStats, LedgerRow, Purged
from licensechain_hooks.inbox._database import Cursor, Database, rows_of
from licensechain_hooks.inbox._sql import array_of, numbered

__all__ = ["Operating"]

_AT_ONCE = 1000  # rows in a commit of work that may take long


class Operating(Database):
    """The part of `Inbox` that is for operators."""

    def entries(self, wanted: EntryFilter, *, limit: int = 100, before: int | None = None) -> list[Entry]:
        """See `Inbox`."""
        where, given = self._where(wanted)
        if before is not None:
            where, given = f"{where} AND id < %(before)s", given | {"before": before}
        statement = self._sql.select(where)
        rows = self._read(statement, given | {"limit": limit})
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
        ledgers = self._run(lambda cursor: self._ledgers(cursor, [pk]), atomic=False, writes=False)
        return list(ledgers.get(pk, {}).values())

    def count(self, wanted: EntryFilter) -> int:
        """See `Inbox`."""
        where, given = self._where(wanted)
        statement = self._sql.count(where)
        ((number,),) = self._read(statement, given)
        return int(number)

    def stats(self) -> InboxStats:
        """See `Inbox`."""
        states: dict[EntryState, int] = dict.fromkeys(ENTRY_STATES, 0)
        states |= dict(self._read(self._sql.states, {}))
        ((due, oldest),) = self._read(self._sql.due, self._times())
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

    def purge_payloads(self, wanted: EntryFilter) -> int:
        """See `Inbox`."""

        def purge(cursor: Cursor, ids: dict[str, Any]) -> None:
            cursor.execute(self._sql.purge_payloads(len(ids)), ids | self._times())

        states = "'processed', 'ignored', 'conflict', 'dead'"
        return self._in_pieces(wanted, f"state IN ({states}) AND purged_at IS NULL", purge)

    def _in_pieces(self, wanted: EntryFilter, condition: str, work: Callable[[Cursor, dict[str, Any]], None]) -> int:
        """Change entries in commits of bounded size; how many."""
        where, given = self._where(wanted)
        statement = self._sql.ids(f"{where} AND {condition}")
        done, after = 0, 0

        def piece(cursor: Cursor) -> list[int]:
            rows = rows_of(cursor, statement, given | {"after": after, "limit": _AT_ONCE})
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
        ids = numbered("id", [pk for (pk,) in rows_of(cursor, self._sql.old_payloads, given)])
        if ids:
            cursor.execute(self._sql.purge_payloads(len(ids)), ids | self._times())
        return len(ids)

    def _purge_entries(self, cursor: Cursor) -> int:
        assert self.retention is not None  # noqa: S101
        given = self._times(cutoff=-self.retention) | {"limit": _AT_ONCE}
        ids = numbered("id", [pk for (pk,) in rows_of(cursor, self._sql.old_entries, given)])
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

    def _ledgers(self, cursor: Cursor, ids: Sequence[int]) -> dict[int, dict[str, LedgerRow]]:
        ledgers: dict[int, dict[str, LedgerRow]] = {}
        if ids:
            if self._dialect == "postgresql":
                found = rows_of(cursor, self._sql.ledgers_many, {"id": array_of(ids)})
            else:
                found = rows_of(cursor, self._sql.ledgers(len(ids)), numbered("id", ids))
            for pk, handler, state, attempts, done_at in found:
                ledgers.setdefault(pk, {})[handler] = LedgerRow(
                    handler=handler, state=state, attempts=attempts, done_at=self._decode_or_none(done_at)
                )
        return ledgers
