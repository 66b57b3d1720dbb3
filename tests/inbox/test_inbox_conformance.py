"""Every inbox we ship, through the suite that anyone's inbox can go through."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy

from licensechain_hooks._entries import EntryFilter
from licensechain_hooks._stores import Inbox, Transaction
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.inbox.sql import SqlInbox
from licensechain_hooks.testing.inbox_conformance import FrozenClock, InboxConformance, new_entry

# Else one skip tells why, and not one for each test.
MYSQL = ["mysql"] if "LICENSECHAIN_TEST_MYSQL_URL" in os.environ else []


def test_no_chapter_hides_a_test_of_another():
    """Two tests of one name in the chapters of the suite would be one."""
    names = [name for chapter in InboxConformance.__mro__ for name in vars(chapter) if name.startswith("test_")]
    assert sorted(names) == sorted(set(names))


class TestMemory(InboxConformance):
    """The memory of one process."""

    def make_inbox(self, clock: FrozenClock, **settings: Any) -> Inbox:
        return MemoryInbox(clock=clock, **settings)


class Store:
    """A database with the inbox's tables in it, and one of an application."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = sqlalchemy.create_engine(url)
        inbox = SqlInbox(self.engine)
        inbox.create_schema()
        inbox.close()
        found = sqlalchemy.MetaData()
        found.reflect(self.engine)
        self.tables = [table for table in reversed(found.sorted_tables) if not table.name.endswith("_schema")]
        self.written = sqlalchemy.Table("written", found, sqlalchemy.Column("word", sqlalchemy.String(100)))
        self.written.create(self.engine)

    def empty(self) -> None:
        """Delete every row."""
        with self.engine.begin() as connection:
            for table in (*self.tables, self.written):
                connection.execute(table.delete())


@contextmanager
def store(url: str) -> Iterator[Store]:
    """A `Store` for the tests of this module."""
    made = Store(url)
    yield made
    made.engine.dispose()


@pytest.fixture(scope="module")
def sqlite_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with store(f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/inbox.db") as made:
        yield made


@pytest.fixture(scope="module")
def postgres_store(postgres_database: str) -> Iterator[Store]:
    with store(postgres_database) as made:
        yield made


@pytest.fixture(scope="module")
def mysql_store(mysql_database: str) -> Iterator[Store]:
    with store(mysql_database) as made:
        yield made


class SqlConformance(InboxConformance):
    """An inbox behind SQLAlchemy."""

    store: Store
    opened: list[SqlInbox]

    @contextmanager
    def on(self, store: Store) -> Iterator[None]:
        """Tests begin with empty tables, and leave no connection behind."""
        self.store, self.opened = store, []
        store.empty()
        yield
        for inbox in self.opened:
            inbox.close()

    def make_inbox(self, clock: FrozenClock, **settings: Any) -> Inbox:
        self.opened.append(SqlInbox(self.store.url, clock=clock, **settings))
        return self.opened[-1]

    def open_again(self, inbox: Inbox, clock: FrozenClock) -> Inbox:
        return self.make_inbox(clock)

    def write(self, transaction: Transaction, word: str) -> None:
        transaction.connection.execute(self.store.written.insert(), {"word": word})

    def written(self) -> list[str]:
        with self.store.engine.connect() as connection:
            return sorted(connection.scalars(self.store.written.select()))


class TestSQLite(SqlConformance):
    """A file."""

    @pytest.fixture(autouse=True)
    def _store(self, sqlite_store: Store) -> Iterator[None]:
        with self.on(sqlite_store):
            yield


class TestPostgreSQL(SqlConformance):
    """A server."""

    @pytest.fixture(autouse=True)
    def _store(self, postgres_store: Store) -> Iterator[None]:
        with self.on(postgres_store):
            yield


if MYSQL:

    class TestMariaDB(SqlConformance):
        """A server that is named."""

        @pytest.fixture(autouse=True)
        def _store(self, mysql_store: Store) -> Iterator[None]:
            with self.on(mysql_store):
                yield

else:

    def test_mariadb(mysql_url: str) -> None:
        """There is none: the reason is told, or it is a failure where one is asked for."""


@pytest.fixture(params=["memory", "sqlite", "postgres", *MYSQL])
def real_time(request: pytest.FixtureRequest) -> Iterator[Inbox]:
    """Each inbox with the clock it takes by itself."""
    if request.param == "memory":
        yield MemoryInbox()
        return
    store: Store = request.getfixturevalue(f"{request.param}_store")
    store.empty()
    inbox = SqlInbox(store.url)
    yield inbox
    inbox.close()


def test_the_clock_of_its_own(real_time: Inbox) -> None:
    """Without a clock an inbox takes the store's or this machine's: aware, now, whatever the time zones."""
    (recorded,) = real_time.record_many([new_entry(endpoint="real")])
    (claim,) = real_time.claim_many(["real"], limit=1, lease=timedelta(seconds=60))
    (entry,) = real_time.entries(EntryFilter(endpoint="real"))
    assert entry.next_attempt_at is not None
    age, left = datetime.now(UTC) - claim.received_at, entry.next_attempt_at - datetime.now(UTC)
    assert (entry.pk, entry.received_at) == (recorded.pk, claim.received_at)
    assert (abs(age) < timedelta(hours=0.5), timedelta(0) < left < timedelta(hours=0.5)) == (True, True)
    assert real_time.claim_many(["real"], limit=1, lease=timedelta(seconds=60)) == []
    real_time.release_many([claim])
    assert len(real_time.claim_many(["real"], limit=1, lease=timedelta(seconds=60))) == 1
