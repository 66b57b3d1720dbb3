"""The state of an emulator: one SQLite file that one process holds."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from licensechain_hooks.emulator._records import Delivery, License, Webhook
from licensechain_hooks.exceptions import ConfigurationError

__all__ = ["Store"]

_VERSION = 1  # of the schema, in the file's user_version
_KEPT = 10_000  # deliveries
_AT_ONCE = 200  # copies of one delivery
_SCHEMA = """
CREATE TABLE webhook (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, url TEXT NOT NULL, events TEXT NOT NULL,
    secret TEXT NOT NULL, active INTEGER NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE TABLE license (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, license_key TEXT NOT NULL UNIQUE, name TEXT,
    user_id TEXT NOT NULL, product_id TEXT NOT NULL, status TEXT NOT NULL, expires_at TEXT NOT NULL,
    created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE TABLE delivery (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, webhook_id TEXT NOT NULL, url TEXT NOT NULL,
    event_id TEXT NOT NULL, event_type TEXT NOT NULL, event TEXT NOT NULL, attempt INTEGER NOT NULL,
    created_at TEXT NOT NULL, due_at REAL NOT NULL, rank INTEGER NOT NULL, is_copy INTEGER NOT NULL,
    held INTEGER NOT NULL, stamp REAL, fault TEXT, state TEXT NOT NULL, sent_at TEXT, status_code INTEGER,
    outcome TEXT, error TEXT, duration_ms REAL, request_headers TEXT, request_body BLOB, response_body TEXT
);
CREATE INDEX delivery_of_webhook ON delivery (webhook_id, state);
CREATE INDEX delivery_pending ON delivery (due_at) WHERE state = 'pending';
"""
_ADD_WEBHOOK = """
INSERT INTO webhook (id, url, events, secret, active, created_at, updated_at)
VALUES (:id, :url, :events, :secret, :active, :created_at, :updated_at)
ON CONFLICT (id) DO UPDATE SET url = :url, events = :events, active = :active, updated_at = :updated_at
"""
_ADD_LICENSE = """
INSERT INTO license (
    id, license_key, name, user_id, product_id, status, expires_at, created_at, updated_at
) VALUES (
    :id, :license_key, :name, :user_id, :product_id, :status, :expires_at, :created_at, :updated_at
) ON CONFLICT (id) DO UPDATE SET
    name = :name, user_id = :user_id, product_id = :product_id, status = :status, expires_at = :expires_at,
    updated_at = :updated_at
"""
_ADD_DELIVERY = """
INSERT INTO delivery (
    id, webhook_id, url, event_id, event_type, event, attempt, created_at, due_at, rank, is_copy, held,
    stamp, fault, state
) VALUES (
    :id, :webhook_id, :url, :event_id, :event_type, :event, :attempt, :created_at, :due_at, :rank,
    :is_copy, :held, :stamp, :fault, :state
)
"""
_CHANGE_DELIVERY = """
UPDATE delivery SET
    due_at = :due_at, rank = :rank, held = :held, stamp = :stamp, fault = :fault, state = :state, sent_at = :sent_at,
    status_code = :status_code, outcome = :outcome, error = :error, duration_ms = :duration_ms,
    request_headers = :request_headers, request_body = :request_body, response_body = :response_body
WHERE id = :id
"""
_HEADS = """
SELECT * FROM delivery
WHERE state = 'pending' AND webhook_id = ? AND due_at <= ?
ORDER BY rank, seq DESC LIMIT ?
"""
_LOGGED = "SELECT * FROM delivery WHERE webhook_id = ? AND state <> 'pending' ORDER BY sent_at DESC, seq DESC"


class Store:
    """Reads and writes the state; used by one thread at a time.

    Args:
        path: the SQLite file; ``None`` for a temporary one.

    Raises:
        ConfigurationError: the file cannot be used, or another emulator holds it.
    """

    def __init__(self, path: Path | None) -> None:
        try:
            self._connection = _connect(path)
        except (OSError, sqlite3.Error) as exc:
            msg = f"cannot keep the state in {path}: {getattr(exc, 'strerror', None) or exc}"
            raise ConfigurationError(msg) from exc
        try:
            self._prepare()
        except sqlite3.Error as exc:
            self.close()
            msg = f"cannot keep the state in {path}: {exc}"
            if "locked" in str(exc):
                msg = f"another process, perhaps another emulator, uses {path}"
            raise ConfigurationError(msg) from exc

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside, or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def save_webhook(self, webhook: Webhook) -> None:
        """Add a webhook, or change the one of its id."""
        self._connection.execute(_ADD_WEBHOOK, asdict(webhook) | {"events": json.dumps(webhook.events)})

    def webhook(self, webhook_id: str) -> Webhook | None:
        """The webhook of this id."""
        row = self._one("SELECT * FROM webhook WHERE id = ?", webhook_id)
        return None if row is None else _webhook(row)

    def webhooks(self, *, limit: int = -1, offset: int = 0) -> list[Webhook]:
        """Webhooks, in the order in which they were created."""
        rows = self._connection.execute("SELECT * FROM webhook ORDER BY seq LIMIT ? OFFSET ?", (limit, offset))
        return [_webhook(row) for row in rows]

    def count_webhooks(self) -> int:
        """How many webhooks there are."""
        return self._count("SELECT count(*) FROM webhook")

    def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook; what was delivered to it stays."""
        self._connection.execute("DELETE FROM webhook WHERE id = ?", (webhook_id,))

    def save_license(self, license_: License) -> None:
        """Add a license, or change the one of its id.

        Raises:
            sqlite3.IntegrityError: another has its license key.
        """
        self._connection.execute(_ADD_LICENSE, asdict(license_))

    def license(self, license_id: str) -> License | None:
        """The license of this id."""
        row = self._one("SELECT * FROM license WHERE id = ?", license_id)
        return None if row is None else _license(row)

    def licenses(self, *, limit: int = -1, offset: int = 0) -> list[License]:
        """Licenses, in the order in which they were created."""
        rows = self._connection.execute("SELECT * FROM license ORDER BY seq LIMIT ? OFFSET ?", (limit, offset))
        return [_license(row) for row in rows]

    def count_licenses(self) -> int:
        """How many licenses there are."""
        return self._count("SELECT count(*) FROM license")

    def delete_license(self, license_id: str) -> None:
        """Delete a license."""
        self._connection.execute("DELETE FROM license WHERE id = ?", (license_id,))

    def add_delivery(self, delivery: Delivery) -> Delivery:
        """Add a delivery, which then has its place in the order; the oldest ones go."""
        cursor = self._connection.execute(_ADD_DELIVERY, asdict(delivery))
        seq = cursor.lastrowid or 0
        self._connection.execute("DELETE FROM delivery WHERE seq <= ? AND state <> 'pending'", (seq - _KEPT,))
        placed = replace(delivery, rank=seq)
        self.save_delivery(placed)
        return placed

    def save_delivery(self, delivery: Delivery) -> None:
        """Change the delivery of this id."""
        self._connection.execute(_CHANGE_DELIVERY, asdict(delivery))

    def delivery(self, delivery_id: str) -> Delivery | None:
        """The delivery of this id."""
        row = self._one("SELECT * FROM delivery WHERE id = ?", delivery_id)
        return None if row is None else _delivery(row)

    def deliveries(self, *, limit: int) -> list[Delivery]:
        """The latest deliveries, newest first."""
        rows = self._connection.execute("SELECT * FROM delivery ORDER BY seq DESC LIMIT ?", (limit,))
        return [_delivery(row) for row in rows]

    def log(self, webhook_id: str, *, limit: int, offset: int) -> list[Delivery]:
        """What was delivered to a webhook, newest first."""
        rows = self._connection.execute(f"{_LOGGED} LIMIT ? OFFSET ?", (webhook_id, limit, offset))
        return [_delivery(row) for row in rows]

    def count_log(self, webhook_id: str) -> int:
        """How many deliveries there were to a webhook."""
        return self._count("SELECT count(*) FROM delivery WHERE webhook_id = ? AND state <> 'pending'", webhook_id)

    def pending(self, webhook_id: str) -> list[Delivery]:
        """What is still to be delivered to a webhook."""
        rows = self._connection.execute(
            "SELECT * FROM delivery WHERE webhook_id = ? AND state = 'pending' ORDER BY rank", (webhook_id,)
        )
        return [_delivery(row) for row in rows]

    def due_webhooks(self, now: float) -> list[str]:
        """The ids of webhooks that something is due for."""
        rows = self._connection.execute(
            "SELECT DISTINCT webhook_id FROM delivery WHERE state = 'pending' AND due_at <= ?", (now,)
        )
        return [row[0] for row in rows]

    def next_due(self, webhook_id: str, now: float) -> list[Delivery]:
        """The delivery that is next for a webhook, with those that bring the same event beside it."""
        deliveries = [_delivery(row) for row in self._connection.execute(_HEADS, (webhook_id, now, _AT_ONCE))]
        if not deliveries:
            return []
        first = deliveries[0]
        same = (first.event_id, first.attempt)
        return [delivery for delivery in deliveries if (delivery.event_id, delivery.attempt) == same]

    def due_after(self, now: float) -> float | None:
        """When the next delivery is due that is not yet."""
        row = self._one("SELECT min(due_at) FROM delivery WHERE state = 'pending' AND due_at > ?", now)
        return None if row is None else row[0]

    def _prepare(self) -> None:
        """Hold the file alone, for two emulators would deliver everything twice."""
        self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        with self.transaction():
            version = self._count("PRAGMA user_version")
            tables = self._count("SELECT count(*) FROM sqlite_master")
            if version == 0 and tables == 0:
                for statement in filter(str.strip, _SCHEMA.split(";")):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {_VERSION}")
            elif version != _VERSION:
                msg = "it is not an emulator's, or one of another version's"
                raise sqlite3.DatabaseError(msg)

    def _one(self, statement: str, *values: object) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._connection.execute(statement, values).fetchone()
        return row

    def _count(self, statement: str, *values: object) -> int:
        row = self._one(statement, *values)
        return 0 if row is None else int(row[0])


def _connect(path: Path | None) -> sqlite3.Connection:
    """Open the file; one that is not yet is made so that only its owner reads the secrets in it."""
    if path is not None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    name = "" if path is None else path.absolute()
    connection = sqlite3.connect(name, isolation_level=None, check_same_thread=False, timeout=0.2)
    connection.row_factory = sqlite3.Row
    return connection


def _webhook(row: sqlite3.Row) -> Webhook:
    return Webhook(**_fields(row, events=tuple(json.loads(row["events"])), active=bool(row["active"])))


def _license(row: sqlite3.Row) -> License:
    return License(**_fields(row))


def _delivery(row: sqlite3.Row) -> Delivery:
    return Delivery(**_fields(row, held=bool(row["held"]), is_copy=bool(row["is_copy"])))


def _fields(row: sqlite3.Row, **instead: Any) -> dict[str, Any]:
    fields = {name: row[name] for name in row.keys() if name != "seq"}  # noqa: SIM118 - iterating it gives values
    return {**fields, **instead}
