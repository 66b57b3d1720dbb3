"""Entries as deliveries make them, and the store that people write first: one row, one transaction."""

import json
import sqlite3
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy

from benchmarks._deliveries import event_body
from benchmarks.inbox._databases import dsn_of, file_of
from licensechain_hooks._entries import NewEntry
from licensechain_hooks.events import parse_envelope

POOL = 8
"""Threads, and so connections, of who has an event loop and records in threads."""

_HEADERS = {
    "content-type": "application/json",
    "user-agent": "LicenseChain-Webhooks/1.0",
    "x-webhook-timestamp": "1700000000",
}
_COLUMNS = (
    *("endpoint", "event_id", "variant", "event_type", "event_timestamp", "received_at", "state", "attempts"),
    *("next_attempt_at", "license_id", "headers", "raw_body", "error_code", "error"),
)
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=60000", "cache_size=-65536")  # as the inbox has them

Manner = Literal["a statement", "BEGIN and COMMIT", "a connection", "a pool"]


def new_entry() -> NewEntry:
    """An entry that was never seen before."""
    body = event_body()
    envelope = parse_envelope(body)
    return NewEntry(
        endpoint="default",
        event_id=envelope.id,
        event_type=envelope.type,
        event_timestamp=envelope.timestamp,
        raw_body=body,
        headers=_HEADERS,
        license_id=envelope.license_id,
    )


class NaiveStore:
    """Writes the same columns of the same table with the driver alone.

    Args:
        url: of an inbox.
        manner: whether each row is a statement of its own, on a connection that the thread keeps; or between BEGIN and
            COMMIT there; or on a connection of its own; or in a transaction on a connection of SQLAlchemy's pool.
    """

    def __init__(self, url: str, manner: Manner = "a statement") -> None:
        is_sqlite = url.startswith("sqlite:")
        self._connect = _sqlite(file_of(url)) if is_sqlite else _postgresql(dsn_of(url))
        self._text = (lambda moment: moment.isoformat(" ", "microseconds")) if is_sqlite else (lambda moment: moment)
        self._manner = manner
        self._engine = sqlalchemy.create_engine(url, pool_size=POOL) if manner == "a pool" else None
        self._own = threading.local()
        self._kept: list[Any] = []
        values = ", ".join(["?" if is_sqlite else "%s"] * len(_COLUMNS))
        columns = ", ".join(_COLUMNS)
        self._insert = (
            f"INSERT INTO licensechain_hooks_entry ({columns}) VALUES ({values}) ON CONFLICT DO NOTHING RETURNING id"
        )

    def record(self, entry: NewEntry) -> int:
        """Store an entry that is new; its id."""
        if self._engine is not None:
            with self._engine.begin() as pooled:
                return int(pooled.exec_driver_sql(self._insert, self._row(entry)).scalar_one())
        if self._manner == "a connection":
            connection = self._connect()
            try:
                return self._write(connection.cursor(), entry)
            finally:
                connection.close()
        cursor = self._cursor()
        if self._manner == "a statement":
            return self._write(cursor, entry)
        cursor.execute("BEGIN")
        pk = self._write(cursor, entry)
        cursor.execute("COMMIT")
        return pk

    def close(self) -> None:
        """Close the kept connections."""
        if self._engine is not None:
            self._engine.dispose()
        while self._kept:
            self._kept.pop().close()

    def _cursor(self) -> Any:
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._connect()
            self._kept.append(connection)
        return connection.cursor()

    def _write(self, cursor: Any, entry: NewEntry) -> int:
        cursor.execute(self._insert, self._row(entry))
        ((pk,),) = cursor.fetchall()
        return int(pk)

    def _row(self, entry: NewEntry) -> tuple[Any, ...]:
        now = self._text(datetime.now(UTC))
        return (
            *(entry.endpoint, entry.event_id, "", entry.event_type, self._text(entry.event_timestamp), now),
            *(entry.state, 0, now, entry.license_id, json.dumps(entry.headers), entry.raw_body, "", ""),
        )


def _sqlite(file: str) -> Callable[[], Any]:
    def connect() -> Any:
        connection = sqlite3.connect(file, timeout=60, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    return connect


def _postgresql(dsn: str) -> Callable[[], Any]:
    import psycopg

    return lambda: psycopg.connect(dsn, autocommit=True)
