"""Transactions that wait for each other crosswise: PostgreSQL ends one of them, and an inbox tries again."""

import threading
from contextlib import closing, contextmanager

import pytest

from licensechain_hooks._entries import EntryFilter
from licensechain_hooks.exceptions import StoreUnavailableError
from licensechain_hooks.inbox.sql import SqlInbox
from licensechain_hooks.testing.inbox_conformance import new_entry

LOCK = "SELECT id FROM licensechain_hooks_entry WHERE event_id = %s FOR UPDATE"
INSERT = (
    "INSERT INTO licensechain_hooks_entry (endpoint, event_id, variant, event_type, event_timestamp, raw_body, headers,"
    " state, received_at, attempts, error_code, error)"
    " VALUES ('default', %s, '', 'license.revoked', now(), %s, '{}', 'processed', now(), 1, '', '')"
)


@pytest.fixture
def inbox(postgres_database):
    """An inbox in PostgreSQL, empty."""
    with closing(SqlInbox(postgres_database)) as inbox:
        inbox.create_schema()
        with inbox.engine.begin() as connection:
            connection.exec_driver_sql("TRUNCATE licensechain_hooks_entry, licensechain_hooks_handler_run")
        yield inbox


@contextmanager
def in_the_way(inbox, first, then):
    """Somebody who has done one thing, and wants another one that the body has: the body meets the deadlock."""
    with inbox.engine.connect() as connection, connection.begin():
        connection.exec_driver_sql("SET LOCAL deadlock_timeout = '60s'")  # the other one looks, and so is ended
        connection.exec_driver_sql(*first)
        (pid,) = connection.exec_driver_sql("SELECT pg_backend_pid()").one()
        other = threading.Thread(target=lambda: (connection.exec_driver_sql(*then), connection.commit()))

        def begin():
            other.start()
            while not inbox._read("SELECT 1 FROM pg_locks WHERE pid = %(pid)s AND NOT granted", {"pid": pid}):
                pass

        try:
            yield begin
        finally:
            other.join()


def test_work_is_done_again(inbox):
    """What was chosen to break a deadlock is undone and done once more."""
    inbox.record_many([new_entry("evt_a"), new_entry("evt_b")])
    runs = []
    with in_the_way(inbox, (LOCK, ("evt_b",)), (LOCK, ("evt_a",))) as begin:

        def work(cursor):
            runs.append(1)
            cursor.execute(LOCK, ("evt_a",))
            if len(runs) == 1:
                begin()
            cursor.execute(LOCK, ("evt_b",))
            return cursor.fetchall()

        found = inbox._run(work, atomic=True)
    assert (len(found), len(runs)) == (1, 2)


def test_it_is_not_done_again_for_ever(inbox):
    """Who is always in somebody's way is told that the store is not available."""
    from psycopg.errors import DeadlockDetected

    runs = []

    def work(cursor):
        runs.append(1)
        raise DeadlockDetected

    with pytest.raises(StoreUnavailableError, match="DeadlockDetected"):
        inbox._run(work, atomic=True)
    assert len(runs) == 4


def test_a_batch_is_recorded_one_by_one(inbox):
    """A batch that has met a deadlock is recorded row by row, and each delivery gets its own verdict."""
    a, b, c = (new_entry(f"evt_{letter}") for letter in "abc")
    with in_the_way(inbox, (INSERT, ("evt_b", b.raw_body)), (INSERT, ("evt_a", a.raw_body))) as begin:
        insert_many = inbox._insert_many

        def insert_and_begin(cursor, rows):
            cursor.execute("BEGIN", {})
            insert_many(cursor, [row for row in rows if row["event_id"] == "evt_a"])
            begin()
            return insert_many(cursor, rows)

        inbox._insert_many = insert_and_begin
        verdicts = inbox.record_many([c, b, a])
    assert [verdict.state for verdict in verdicts] == ["new", "duplicate", "duplicate"]
    assert inbox.count(EntryFilter()) == 3


def test_batches_have_one_order(inbox):
    """Ids are in the order of arrival, and rows in one that all batches share, so that none waits crosswise."""
    verdicts = inbox.record_many([new_entry("evt_b"), new_entry("evt_c"), new_entry("evt_a")])
    ids = [verdict.pk for verdict in verdicts]
    assert ids == sorted(ids)
    stored = inbox._read("SELECT event_id FROM licensechain_hooks_entry ORDER BY ctid", {})
    assert [event_id for (event_id,) in stored] == ["evt_a", "evt_b", "evt_c"]
