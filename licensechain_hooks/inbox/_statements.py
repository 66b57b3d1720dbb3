"""The SQL of an inbox in a database, in one place for every way to reach it."""

from __future__ import annotations

from functools import cached_property

from licensechain_hooks.inbox._operating_sql import OperatingSql
from licensechain_hooks.inbox._sql import TABLES, names_of

__all__ = ["Statements"]

_NEW = (
    *("endpoint", "event_id", "variant", "event_type", "event_timestamp", "raw_body", "headers"),
    *("license_id", "ordering_key", "state"),
)
_ARRAYS = {"event_timestamp": "timestamptz", "raw_body": "bytea"}  # of PostgreSQL; the others are text
_CLAIMED = (
    *("id", "endpoint", "event_id", "event_type", "event_timestamp", "raw_body", "received_at", "license_id"),
    "attempts",
)


class Statements(OperatingSql):
    """Statements for `DatabaseInbox`."""

    # Recording

    @cached_property
    def insert(self) -> str:
        """Store one delivery, unless its event is known; gives its id on PostgreSQL."""
        columns = (*_NEW, "lease_token") if self.dialect == "mysql" else _NEW
        return self._text(
            "INSERT INTO {entry} ({columns}, received_at, attempts, error_code, error, next_attempt_at, done_at) "
            "VALUES ({values}, {now}, 0, '', '', {due}) {or_nothing}",
            columns=", ".join(columns),
            values=", ".join(self._new_value(f"%({column})s", column) for column in columns),
            due=self._due(self._new_value("%(state)s", "state")),
            or_nothing=self._or_nothing,
        )

    @cached_property
    def insert_many(self) -> str:
        """PostgreSQL only: `insert` for arrays.

        Ids are in the order of arrival. Rows are stored, and so locked, in one order everywhere: two batches that share
        events do not wait for each other crosswise.
        """
        columns = [column for column in _NEW if column != "variant"]
        given = ", ".join(f"%({column})s::{_ARRAYS.get(column, 'text')}[]" for column in columns)
        return self._text(
            "INSERT INTO {entry} "
            "(id, {columns}, variant, received_at, attempts, error_code, error, next_attempt_at, done_at) "
            "SELECT id, {columns}, '', {now}, 0, '', '', {due} FROM ("
            "SELECT nextval((SELECT pg_get_serial_sequence('{entry}', 'id'))::regclass) AS id, given.* "
            "FROM unnest({given}) AS given({columns})) AS numbered "
            'ORDER BY endpoint COLLATE "C", event_id COLLATE "C" {or_nothing}',
            columns=", ".join(columns),
            given=given,
            due=self._due("state"),
            or_nothing=self._or_nothing,
        )

    @property
    def _or_nothing(self) -> str:
        if self.dialect == "mysql":
            return "ON DUPLICATE KEY UPDATE id = id"
        returning = " RETURNING id, endpoint, event_id" if self.dialect == "postgresql" else ""  # on SQLite slow
        return f"ON CONFLICT (endpoint, event_id, variant) DO NOTHING{returning}"

    def _due(self, state: str) -> str:
        now = f"{self._now}::timestamptz" if self.dialect == "postgresql" else self._now
        return f"CASE WHEN {state} = 'received' THEN {now} END, CASE WHEN {state} <> 'received' THEN {now} END"

    @cached_property
    def known(self) -> str:
        """The entry of an event, for comparing contents."""
        return self._text(
            "SELECT id, raw_body FROM {entry} "
            "WHERE endpoint = %(endpoint)s AND event_id = %(event_id)s AND variant = %(variant)s"
        )

    @cached_property
    def inserted(self) -> str:
        """MySQL only: the id of what `insert` has stored, known by its token: some drivers count unchanged rows too."""
        return self._text(
            "SELECT id FROM {entry} WHERE endpoint = %(endpoint)s AND event_id = %(event_id)s "
            "AND variant = %(variant)s AND lease_token = %(lease_token)s"
        )

    @cached_property
    def known_many(self) -> str:
        """PostgreSQL only: `known` for arrays."""
        return self._text(
            "SELECT endpoint, event_id, id, raw_body FROM {entry} WHERE variant = '' AND (endpoint, event_id) IN "
            "(SELECT * FROM unnest(%(endpoint)s::text[], %(event_id)s::text[]))"
        )

    # Claiming

    @cached_property
    def plan_by_index(self) -> str:
        """PostgreSQL only, in a transaction.

        Without statistics, as of a new table, it would sort all that is due; and a plan for any number of entries would
        go through all that wait, however few are wanted.
        """
        off = dict.fromkeys(("enable_sort", "enable_bitmapscan", "enable_seqscan"), "off")
        settings = {**off, "plan_cache_mode": "force_custom_plan"}
        return "SELECT " + ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())

    def claim(self, endpoints: int) -> str:
        """Take due entries of so many endpoints; gives their rows, on MySQL only their ids."""
        return self._many("claim", endpoints)

    def _claim(self, count: int) -> str:
        return self._taking(count, f"{self._is_due} {self._first_due}")

    def claim_one(self, endpoints: int) -> str:
        """The same for one entry. It is found by its id, so there is nothing to sort."""
        return self._many("claim_one", endpoints)

    def _claim_one(self, count: int) -> str:
        return self._taking(count, f"{self._is_due} AND e.id = %(pk)s")

    @property
    def _is_due(self) -> str:
        # The plus keeps SQLite from the index that begins with the endpoint: it would read and sort all that is due.
        endpoint = "+e.endpoint" if self.dialect == "sqlite" else "e.endpoint"
        return (
            f"SELECT e.id FROM {{entry}} e WHERE e.next_attempt_at <= {{now}} AND {endpoint} IN ({{endpoints}}) "
            "AND (e.ordering_key IS NULL OR NOT EXISTS (SELECT 1 FROM {entry} earlier "
            "WHERE earlier.endpoint = e.endpoint AND earlier.ordering_key = e.ordering_key AND earlier.id < e.id "
            "AND earlier.next_attempt_at IS NOT NULL))"
        )

    _first_due = "ORDER BY e.next_attempt_at, e.id LIMIT %(limit)s"

    def _taking(self, count: int, due: str) -> str:
        take = (
            "state = 'processing', attempts = e.attempts + 1, lease_token = %(token)s, "
            f"next_attempt_at = {self._later('%(lease)s')}"
        )
        whole = {
            "sqlite": f"UPDATE {{entry}} AS e SET {take} WHERE id IN ({due}) RETURNING {{columns}}",
            "postgresql": f"WITH due AS ({due} FOR UPDATE SKIP LOCKED) "
            f"UPDATE {{entry}} AS e SET {take} FROM due WHERE e.id = due.id RETURNING {{of_e}}",
            "mysql": f"{due} FOR UPDATE SKIP LOCKED",
        }[self.dialect]
        of_e = self._columns(_CLAIMED, "e.")
        columns = self._columns(_CLAIMED)
        return self._text(whole, endpoints=names_of("endpoint", count), of_e=of_e, columns=columns)

    def waiting(self, endpoints: int) -> str:
        """The ids of entries that are due, but for those that only just came."""
        return self._many("waiting", endpoints)

    def _waiting(self, count: int) -> str:
        due = f"{self._is_due} {self._settled_in} {self._first_due}"
        return self._text(due, endpoints=names_of("endpoint", count))

    def following(self, endpoints: int) -> str:
        """The same, of those that came after an entry and have its ordering key."""
        return self._many("following", endpoints)

    def _following(self, count: int) -> str:
        known = "SELECT {column} FROM {{entry}} WHERE id = %(after)s"
        same = " ".join(f"AND e.{column} = ({known.format(column=column)})" for column in ("endpoint", "ordering_key"))
        due = f"{self._is_due} {self._settled_in} AND e.id > %(after)s {same} LIMIT %(limit)s"
        return self._text(due, endpoints=names_of("endpoint", count))

    @property
    def _settled_in(self) -> str:
        return f"AND (e.state <> 'received' OR e.next_attempt_at <= {self._later('%(fresh)s')})"

    def take(self, count: int) -> str:
        """MySQL only: mark entries as claimed."""
        return self._many("take", count)

    def _take(self, count: int) -> str:
        return self._text(
            "UPDATE {entry} SET state = 'processing', attempts = attempts + 1, lease_token = %(token)s, "
            f"next_attempt_at = {self._later('%(lease)s')} WHERE id IN ({names_of('id', count)})"
        )

    def taken(self, count: int) -> str:
        """MySQL only: the rows of claimed entries."""
        return self._many("taken", count)

    def _taken(self, count: int) -> str:
        columns = self._columns(_CLAIMED)
        return self._text(f"SELECT {columns} FROM {{entry}} WHERE id IN ({names_of('id', count)})")

    @cached_property
    def extend(self) -> str:
        """Hold one claim longer."""
        return self._text(
            f"UPDATE {{entry}} SET next_attempt_at = {self._later('%(lease)s')} "
            "WHERE id = %(id)s AND lease_token = %(token)s"
        )

    @cached_property
    def extend_many(self) -> str:
        """PostgreSQL only: `extend` for arrays; gives the ids that were still held."""
        return self._text(
            f"UPDATE {{entry}} AS e SET next_attempt_at = {self._later('%(lease)s')} "
            "FROM unnest(%(id)s::bigint[], %(token)s::text[]) AS given(id, token) "
            "WHERE e.id = given.id AND e.lease_token = given.token RETURNING e.id"
        )

    @cached_property
    def release(self) -> str:
        """Give one claim back as it was."""
        # MySQL assigns from left to right, so the state comes before the attempts it depends on.
        return self._text(
            "UPDATE {entry} SET state = CASE WHEN attempts > 1 THEN 'failed' ELSE 'received' END, "
            "attempts = attempts - 1, lease_token = NULL, next_attempt_at = {now} "
            "WHERE id = %(id)s AND lease_token = %(token)s"
        )

    @cached_property
    def fence(self) -> str:
        """Lock an entry, if its claim is still held."""
        locked = "" if self.dialect == "sqlite" else "FOR UPDATE"
        # The connection's lock_timeout is for the inbox's own statements, not for what a handler does in between.
        unlimited = ", set_config('lock_timeout', '0', true)" if self.dialect == "postgresql" else ""
        return self._text(f"SELECT id{unlimited} FROM {{entry}} WHERE id = %(id)s AND lease_token = %(token)s {locked}")

    # Settling

    @cached_property
    def settle(self) -> str:
        """Write one settlement."""
        return self._text(
            f"UPDATE {{entry}} AS e SET {self._settled('%(state)s', '%(delay)s', '%(error_code)s', '%(error)s')} "
            "WHERE e.id = %(id)s AND e.lease_token = %(token)s"
        )

    @cached_property
    def settle_many(self) -> str:
        """PostgreSQL only: `settle` and `write_run` for arrays; gives the ids that were still held."""
        delay = "float8" if self.database_clock else "timestamptz"
        return self._text(
            "WITH held AS (UPDATE {entry} AS e SET "
            + self._settled("given.state", "given.delay", "given.error_code", "given.error")
            + " FROM unnest(%(id)s::bigint[], %(token)s::text[], %(state)s::text[], "
            f"%(delay)s::{delay}[], %(error_code)s::text[], %(error)s::text[]) "
            "AS given(id, token, state, delay, error_code, error) "
            "WHERE e.id = given.id AND e.lease_token = given.token RETURNING e.id), "
            "ledger AS (INSERT INTO {run} (entry_id, handler, state, attempts, done_at) "
            "SELECT ran.id, ran.handler, ran.state, ran.attempts, "
            "CASE WHEN ran.state <> 'failed' THEN {now}::timestamptz END "
            "FROM unnest(%(run_id)s::bigint[], %(handler)s::text[], %(run_state)s::text[], %(attempts)s::int[]) "
            "AS ran(id, handler, state, attempts) JOIN held ON held.id = ran.id "
            "ON CONFLICT (entry_id, handler) DO UPDATE "
            "SET state = excluded.state, attempts = excluded.attempts, done_at = excluded.done_at) "
            "SELECT id FROM held"
        )

    def _settled(self, state: str, delay: str, error_code: str, error: str) -> str:
        # next_attempt_at and lease_token depend on the new state only; MySQL assigns from left to right.
        typed = "::timestamptz" if self.dialect == "postgresql" else ""
        told = f"{error_code} <> '' AND {state} <> 'processing'"
        return (
            f"next_attempt_at = CASE {state} WHEN 'failed' THEN ({self._later(delay)}){typed} "
            "WHEN 'processing' THEN e.next_attempt_at END, "
            f"lease_token = CASE {state} WHEN 'processing' THEN e.lease_token END, "
            f"done_at = CASE WHEN {state} IN ('processed', 'dead', 'ignored') THEN {self._now}{typed} END, "
            f"error_code = CASE WHEN {told} THEN {error_code} ELSE e.error_code END, "
            f"error = CASE WHEN {told} THEN {error} ELSE e.error END, "
            f"state = {state}"
        )

    @cached_property
    def write_run(self) -> str:
        """Write one row of a ledger."""
        done_at = f"CASE WHEN %(state)s <> 'failed' THEN {self._now} END"
        if self.dialect == "postgresql":
            done_at = f"CASE WHEN %(state)s::text <> 'failed' THEN {self._now}::timestamptz END"
        return self._text(
            "INSERT INTO {run} (entry_id, handler, state, attempts, done_at) "
            "VALUES (%(id)s, %(handler)s, {state}, %(attempts)s, {done_at}) {upsert}",
            state=self._new_value("%(state)s", "state"),
            done_at=done_at,
            upsert="ON DUPLICATE KEY UPDATE state = VALUES(state), attempts = VALUES(attempts), "
            "done_at = VALUES(done_at)"
            if self.dialect == "mysql"
            else "ON CONFLICT (entry_id, handler) DO UPDATE "
            "SET state = excluded.state, attempts = excluded.attempts, done_at = excluded.done_at",
        )

    @cached_property
    def remember_newest(self) -> str:
        """Note the newest event of a license that a handler has seen; never an older one."""
        return self._text(
            "INSERT INTO {newest} (endpoint, license_id, handler, event_timestamp) "
            "VALUES (%(endpoint)s, %(license_id)s, %(handler)s, %(event_timestamp)s) {upsert}",
            upsert="ON DUPLICATE KEY UPDATE event_timestamp = GREATEST(event_timestamp, VALUES(event_timestamp))"
            if self.dialect == "mysql"
            else "ON CONFLICT (endpoint, license_id, handler) DO UPDATE SET event_timestamp = excluded.event_timestamp "
            "WHERE {newest}.event_timestamp < excluded.event_timestamp".format(**TABLES),
        )

    @cached_property
    def newer(self) -> str:
        """Whether a handler has seen a newer event of a license."""
        return self._text(
            "SELECT 1 FROM {newest} WHERE endpoint = %(endpoint)s AND license_id = %(license_id)s "
            "AND handler = %(handler)s AND event_timestamp > %(event_timestamp)s"
        )
