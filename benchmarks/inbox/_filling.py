"""Inboxes with many rows, made by the database itself: as they come from deliveries, with random ids."""

import sqlite3
from collections.abc import Callable
from typing import Any, Literal

from benchmarks._deliveries import event_body
from benchmarks._progress import Progress
from benchmarks.inbox._databases import dsn_of, file_of

Kind = Literal["received", "processed"]

_PIECE = 50_000  # rows a statement
_COLUMNS = (
    "endpoint, event_id, variant, event_type, event_timestamp, received_at, state, attempts, next_attempt_at, "
    "license_id, headers, raw_body, error_code, error, done_at"
)
_POSTGRESQL = f"""
INSERT INTO licensechain_hooks_entry ({_COLUMNS})
SELECT 'default', gen_random_uuid()::text, '', 'license.created', moment, moment, %(state)s::text, 0,
    CASE WHEN %(state)s::text = 'received' THEN moment END, 'lic_' || left(md5(random()::text), 8), '{{}}', %(body)s,
    '', '', CASE WHEN %(state)s::text <> 'received' THEN moment END
FROM (SELECT now() - interval '1 hour' + number * interval '1 microsecond' AS moment
    FROM generate_series(1, %(count)s) AS number) AS numbered
"""
_SQLITE = f"""
WITH RECURSIVE numbered (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbered WHERE number < :count)
INSERT INTO licensechain_hooks_entry ({_COLUMNS})
SELECT 'default', hex(randomblob(16)) || '0000', '', 'license.created', :moment, :moment, :state, 0,
    CASE WHEN :state = 'received' THEN :moment END, 'lic_' || lower(hex(randomblob(4))), '{{}}', :body,
    '', '', CASE WHEN :state <> 'received' THEN :moment END
FROM numbered
"""


def fill(url: str, count: int, *, state: Kind) -> None:
    """Put ``count`` rows into an inbox, and let the database do at once what it would do later for them."""
    insert, finish = _sqlite(url) if url.startswith("sqlite:") else _postgresql(url)
    pieces = [min(_PIECE, count - first) for first in range(0, count, _PIECE)]
    with Progress(f"filling an inbox with {count:,} rows", steps=len(pieces)) as progress:
        for size in pieces:
            insert({"count": size, "state": state, "body": event_body()})
            progress.step()
    finish()


def _postgresql(url: str) -> tuple[Callable[[dict[str, Any]], Any], Callable[[], None]]:
    import psycopg

    connection = psycopg.connect(dsn_of(url), autocommit=True)

    def finish() -> None:
        connection.execute("VACUUM (ANALYZE) licensechain_hooks_entry")
        connection.execute("CHECKPOINT")
        connection.close()

    return lambda given: connection.execute(_POSTGRESQL.encode(), given), finish


def _sqlite(url: str) -> tuple[Callable[[dict[str, Any]], Any], Callable[[], None]]:
    connection = sqlite3.connect(file_of(url), isolation_level=None)
    for pragma in ("synchronous=OFF", "cache_size=-1000000"):  # only while it is filled
        connection.execute(f"PRAGMA {pragma}")
    ((moment,),) = connection.execute("SELECT strftime('%Y-%m-%d %H:%M:%f000', 'now', '-1 hour')")

    def finish() -> None:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    return lambda given: connection.execute(_SQLITE, given | {"moment": moment}), finish
