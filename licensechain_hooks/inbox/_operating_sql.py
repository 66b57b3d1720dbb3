"""The SQL of what operators do."""

from __future__ import annotations

from functools import cached_property

from licensechain_hooks.inbox._sql import Sql, names_of

__all__ = ["OperatingSql"]

_FINISHED = "'processed', 'ignored', 'conflict'"  # dead letters stay until they are told
_ENTRY = (
    *("id", "endpoint", "event_id", "event_type", "event_timestamp", "received_at", "state", "attempts"),
    *("next_attempt_at", "license_id", "ordering_key", "headers", "raw_body", "error_code", "error", "done_at"),
    "purged_at",
)


class OperatingSql(Sql):
    """Statements for `Operating`."""

    def select(self, where: str) -> str:
        """Entries, newest first."""
        columns = self._columns(_ENTRY)
        return self._text(f"SELECT {columns} FROM {{entry}} WHERE {where} ORDER BY id DESC LIMIT %(limit)s")

    def count(self, where: str) -> str:
        """How many entries."""
        return self._text(f"SELECT count(*) FROM {{entry}} WHERE {where}")

    @cached_property
    def states(self) -> str:
        """How many entries in each state."""
        return self._text("SELECT state, count(*) FROM {entry} GROUP BY state")

    @cached_property
    def due(self) -> str:
        """How many entries are due, and since when."""
        return self._text("SELECT count(*), min(next_attempt_at) FROM {entry} WHERE next_attempt_at <= {now}")

    def ids(self, where: str) -> str:
        """The ids of some entries after another."""
        return self._text(f"SELECT id FROM {{entry}} WHERE {where} AND id > %(after)s ORDER BY id LIMIT %(limit)s")

    def replay(self, count: int) -> str:
        """Make entries due again."""
        return self._many("replay", count)

    def _replay(self, count: int) -> str:
        return self._text(
            "UPDATE {entry} SET state = 'received', attempts = 0, next_attempt_at = {now}, lease_token = NULL, "
            f"done_at = NULL WHERE id IN ({names_of('id', count)})"
        )

    def rerun(self, count: int, *, force: bool) -> str:
        """Let handlers run again: those that gave up, with ``force`` all."""
        return self._many("rerun_all" if force else "rerun", count)

    def _rerun(self, count: int) -> str:
        return self._text(f"{self._rerun_all(count)} AND state = 'discarded'")

    def _rerun_all(self, count: int) -> str:
        return self._text(
            f"UPDATE {{run}} SET state = 'failed', done_at = NULL WHERE entry_id IN ({names_of('id', count)})"
        )

    def discard(self, count: int) -> str:
        """Give entries up."""
        return self._many("discard", count)

    def _discard(self, count: int) -> str:
        return self._text(
            "UPDATE {entry} SET state = 'ignored', next_attempt_at = NULL, lease_token = NULL, done_at = {now}, "
            f"error_code = 'discarded' WHERE id IN ({names_of('id', count)})"
        )

    @cached_property
    def old_payloads(self) -> str:
        """Entries whose payload is past its retention."""
        return self._text(
            "SELECT id FROM {entry} WHERE received_at < {cutoff} AND done_at < {cutoff} AND purged_at IS NULL "
            "AND state IN ({finished}) ORDER BY received_at LIMIT %(limit)s",
            cutoff=self._later("%(cutoff)s"),
            finished=_FINISHED,
        )

    def purge_payloads(self, count: int) -> str:
        """Delete payloads."""
        return self._many("purge_payloads", count)

    def _purge_payloads(self, count: int) -> str:
        return self._text(
            "UPDATE {entry} SET raw_body = NULL, headers = '{{}}', purged_at = {now} "
            f"WHERE id IN ({names_of('id', count)})"
        )

    @cached_property
    def old_entries(self) -> str:
        """Entries past their retention."""
        return self._text(
            "SELECT id FROM {entry} WHERE received_at < {cutoff} AND done_at < {cutoff} AND state IN ({finished}) "
            "ORDER BY received_at LIMIT %(limit)s",
            cutoff=self._later("%(cutoff)s"),
            finished=_FINISHED,
        )

    def delete_runs(self, count: int) -> str:
        """Delete ledgers."""
        return self._many("delete_runs", count)

    def _delete_runs(self, count: int) -> str:
        return self._text(f"DELETE FROM {{run}} WHERE entry_id IN ({names_of('id', count)})")

    def delete_entries(self, count: int) -> str:
        """Delete entries."""
        return self._many("delete_entries", count)

    def _delete_entries(self, count: int) -> str:
        return self._text(f"DELETE FROM {{entry}} WHERE id IN ({names_of('id', count)})")

    @cached_property
    def forget_newest(self) -> str:
        """Delete what only events that nobody accepts any more could be older than."""
        return self._text("DELETE FROM {newest} WHERE event_timestamp < {cutoff}", cutoff=self._later("%(cutoff)s"))

    def ledgers(self, count: int) -> str:
        """The ledger of so many entries."""
        return self._many("ledgers", count)

    def _ledgers(self, count: int) -> str:
        return self._text(
            f"SELECT entry_id, handler, state, attempts, done_at FROM {{run}} "
            f"WHERE entry_id IN ({names_of('id', count)}) ORDER BY entry_id, handler"
        )

    @cached_property
    def ledgers_many(self) -> str:
        """PostgreSQL only: `ledgers` for an array, however many entries they are."""
        return self._text(
            "SELECT entry_id, handler, state, attempts, done_at FROM {run} "
            "WHERE entry_id = ANY(%(id)s::bigint[]) ORDER BY entry_id, handler"
        )
