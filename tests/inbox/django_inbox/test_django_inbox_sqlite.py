"""`DjangoInbox` in SQLite: durable, and its writers in line."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django_project.inboxes import DONE, claimed, connection_of, in_thread, states

from licensechain_hooks import StoreUnavailableError
from licensechain_hooks._entries import EntryFilter

pytest_plugins = ["django_project.support"]


def test_a_commit_is_on_the_disk(sqlite_inbox):
    """Whatever the project has set, a commit of the inbox's is durable, waits in time, and begins as a writer."""
    connection = connection_of(sqlite_inbox)
    connection.ensure_connection()
    connection.connection.execute("PRAGMA synchronous = OFF")
    connection.connection.execute("PRAGMA busy_timeout = 12345")

    def look(_cursor=None):
        pragmas = [
            connection.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "busy_timeout")
        ]
        return [*pragmas, connection.connection.in_transaction]

    def look_as_another(_cursor):
        other = sqlite3.connect(connection.settings_dict["NAME"], timeout=0)
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            return str(error)
        finally:
            other.close()
        return "not locked"

    assert sqlite_inbox._run(look, atomic=True) == [2, 2000, True]
    assert sqlite_inbox._run(look_as_another, atomic=True) == "database is locked"
    claim = claimed(sqlite_inbox)
    with sqlite_inbox.transaction(claim, DONE):
        assert look() == [2, 60_000, True]
    assert (look(), connection.transaction_mode) == ([0, 12345, False], None)
    connection.close()


def test_a_database_that_is_locked(sqlite_inbox, monkeypatch):
    """Somebody who writes for too long makes it unavailable, and nothing else; afterwards all goes on."""
    from licensechain_hooks.contrib.django import inbox as module

    monkeypatch.setattr(module, "BUDGET", 0)
    other = sqlite3.connect(connection_of(sqlite_inbox).settings_dict["NAME"])
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="database is locked"):
        states(sqlite_inbox, "evt_1")
    other.close()
    assert states(sqlite_inbox, "evt_1") == ["new"]


def test_a_handler_that_holds_the_only_writer(sqlite_inbox, monkeypatch):
    """Threads of one process wait in line for SQLite's writer, and are told when it takes too long."""
    from licensechain_hooks.contrib.django import inbox as module

    monkeypatch.setattr(module, "BUDGET", 0.05)
    claim = claimed(sqlite_inbox)
    with sqlite_inbox.transaction(claim, DONE), pytest.raises(StoreUnavailableError, match="handler slow"):
        in_thread(lambda: states(sqlite_inbox, "evt_2"))
    assert states(sqlite_inbox, "evt_2") == ["new"]


def test_a_handler_may_use_the_inbox(sqlite_inbox):
    """Inside of its own transaction a handler does not wait for itself."""
    claim = claimed(sqlite_inbox)
    states(sqlite_inbox, "evt_2")
    with sqlite_inbox.transaction(claim, DONE):
        assert sqlite_inbox.discard(EntryFilter(event_id="evt_2")) == 1
    assert [entry.state for entry in sqlite_inbox.entries(EntryFilter(event_id="evt_2"))] == ["ignored"]


def test_writers_do_not_fail_each_other(sqlite_inbox):
    """Threads that write at once to one file all come to their end."""
    together = threading.Barrier(8)

    def write(number):
        together.wait()
        return states(sqlite_inbox, *(f"evt_{number}_{each}" for each in range(5)))

    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(write, range(8))] == [["new"] * 5] * 8
