"""What `SqlInbox` adds to the inbox every database has: connections, processes, SQLAlchemy's sessions."""

import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import psycopg
import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import orm

from licensechain_hooks._entries import EntryFilter, LedgerRow, NewEntry
from licensechain_hooks.exceptions import ConfigurationError, StoreUnavailableError
from licensechain_hooks.inbox._database import rows_of
from licensechain_hooks.inbox._impatient import ImpatientConnection
from licensechain_hooks.inbox._sql import array_of
from licensechain_hooks.inbox.database import only_writer
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.inbox.sql import SqlInbox

LEASE = timedelta(seconds=60)
DONE = LedgerRow(handler="lock_seat", state="done")


def an_entry(event_id="evt_1"):
    return NewEntry(
        endpoint="default",
        event_id=event_id,
        event_type="license.revoked",
        event_timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        raw_body=b'{"id":"1","type":"license.revoked","timestamp":"2026-01-01T00:00:00Z","data":{"id":"lic_1"}}',
    )


@pytest.fixture
def sqlite(tmp_path):
    """An inbox in a SQLite file."""
    with closing(SqlInbox(f"sqlite:///{tmp_path / 'inbox.db'}")) as inbox:
        inbox.create_schema()
        yield inbox


@pytest.fixture
def postgres(postgres_database):
    """An inbox in PostgreSQL, empty."""
    with closing(SqlInbox(postgres_database)) as inbox:
        inbox.create_schema()
        with inbox.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS seat")
            connection.exec_driver_sql("TRUNCATE licensechain_hooks_entry, licensechain_hooks_handler_run")
        yield inbox


@pytest.fixture(params=["sqlite", "postgres"])
def inbox(request):
    """An inbox in each."""
    return request.getfixturevalue(request.param)


def claimed(inbox, event_id="evt_1"):
    inbox.record_many([an_entry(event_id)])
    (claim,) = inbox.claim_many(["default"], limit=1, lease=LEASE)
    return claim


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url):
    """What a 200 has promised must outlive the process."""
    with pytest.raises(ConfigurationError, match="MemoryInbox"):
        SqlInbox(url)


@pytest.mark.parametrize("url", ["nonsense", "oracle://localhost/x", "postgresql+nodriver://localhost/x", ""])
def test_a_url_of_no_database_fails_at_once(url):
    """What cannot work fails where it is built, not at the first delivery."""
    with pytest.raises(ConfigurationError):
        SqlInbox(url)


def test_a_password_is_not_quoted_from_a_bad_url():
    """What cannot be read as a URL may hold a password all the same."""
    with pytest.raises(ConfigurationError) as raised:
        SqlInbox("postgresql+psycopg://someone:hunter2@host:hunter2/x")
    assert ("hunter2" in str(raised.value), raised.value.__cause__) == (False, None)


def test_an_engine_of_another_database_is_refused():
    """What has no SQL of its own here is refused by its name."""
    engine = sqlalchemy.create_engine("mssql+pymssql://localhost/x", module=sqlite3)
    with pytest.raises(ConfigurationError, match="not in mssql"):
        SqlInbox(engine)


@pytest.mark.parametrize("kind", [SqlInbox, MemoryInbox])
def test_payloads_cannot_outlive_their_entries(tmp_path, kind):
    """A payload is deleted with its entry at the latest; to ask for more is a mistake."""
    where = [f"sqlite:///{tmp_path / 'inbox.db'}"] if kind is SqlInbox else []
    with pytest.raises(ConfigurationError, match="payload_retention"):
        kind(*where, retention=timedelta(days=1))


def test_a_password_is_in_no_repr_and_no_error():
    """The URL holds a password, and reprs and errors end up in logs."""
    inbox = SqlInbox("postgresql+psycopg://someone:hunter2hunter2@127.0.0.1:1/x")
    with pytest.raises(StoreUnavailableError) as raised:
        inbox.stats()
    assert "hunter2hunter2" not in repr(inbox) + str(raised.value)


def test_sqlite_is_made_durable(sqlite):
    """Every connection has what durability and concurrency need (https://sqlite.org/pragma.html)."""

    def settings(cursor):
        found = []
        for name in ("journal_mode", "synchronous", "busy_timeout"):
            cursor.execute(f"PRAGMA {name}", {})
            found.append(cursor.fetchall()[0][0])
        return found

    assert sqlite._run(settings, atomic=False) == ["wal", 2, 2000]


def test_a_folder_that_is_missing_is_told(tmp_path):
    """A SQLite file in a folder that does not exist is an error of the store that names the cause."""
    with pytest.raises(StoreUnavailableError, match="unable to open database file"):
        SqlInbox(f"sqlite:///{tmp_path / 'none' / 'inbox.db'}").stats()


def test_dead_connections_are_replaced(postgres):
    """After the server has closed the connections, as at a restart, the next delivery is recorded all the same."""
    assert [recorded.state for recorded in postgres.record_many([an_entry("1")])] == ["new"]
    with postgres.engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert [recorded.state for recorded in postgres.record_many([an_entry("2")])] == ["new"]


def test_a_database_that_is_locked_is_unavailable(sqlite):
    """While another process writes for longer than the budget, the sender is asked to come back."""
    with sqlite.engine.connect() as other, other.begin():
        other.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="locked"):
            sqlite.record_many([an_entry()])
    assert [recorded.state for recorded in sqlite.record_many([an_entry()])] == ["new"]


def test_a_row_that_is_locked_is_unavailable(postgres):
    """While somebody else has the same event uncommitted, the sender is asked to come back within the budget."""
    row = postgres._row(an_entry())
    with postgres.engine.connect() as other:
        other.begin()
        other.connection.cursor().execute(postgres._sql.insert, row)
        with pytest.raises(StoreUnavailableError, match="lock timeout"):
            postgres.record_many([an_entry()])
    assert [recorded.state for recorded in postgres.record_many([an_entry()])] == ["new"]


def test_a_bad_row_fails_alone_and_leaves_nothing(postgres):
    """A batch with a row that the database refuses stores none of it; the error is that of the row."""
    with pytest.raises(postgres._errors):
        postgres.record_many([an_entry("good"), an_entry("bad" * 100)])
    assert postgres.count(EntryFilter()) == 0
    assert [recorded.state for recorded in postgres.record_many([an_entry("good")])] == ["new"]


@given(
    values=st.lists(
        st.none() | st.integers() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
    )
)
def test_arrays_are_read_as_they_were_spelled(values, postgres_url):
    """PostgreSQL reads the same texts out of a list, whatever is in them."""
    expected = [None if value is None else str(value) for value in values]
    with closing(psycopg.connect(postgres_url.replace("+psycopg", ""))) as connection:
        assert connection.execute("SELECT %s::text[]", [array_of(values)]).fetchone() == (expected,)


def test_a_new_file_that_another_process_writes(tmp_path):
    """Whoever opens a file while another process writes to it waits until it is allowed to set it up."""
    file = tmp_path / "inbox.db"
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("CREATE TABLE seat (license TEXT)")
        end = threading.Timer(0.1, other.execute, ["COMMIT"])
        end.start()
        with closing(SqlInbox(f"sqlite:///{file}")) as inbox:
            assert [recorded.state for recorded in inbox.record_many([an_entry()])] == ["new"]
        end.join()


def test_a_server_that_stops_and_comes_back(postgres_server):
    """While PostgreSQL is away everything is unavailable, a handler's transaction too; afterwards all goes on."""
    with closing(SqlInbox(postgres_server.url)) as inbox:
        inbox.create_schema()
        claim = claimed(inbox)
        postgres_server.stop("immediate")
        for call in (lambda: inbox.record_many([an_entry("evt_2")]), inbox.stats, lambda: enter(inbox, claim)):
            with pytest.raises(StoreUnavailableError):
                call()
        with pytest.raises(StoreUnavailableError):
            SqlInbox(postgres_server.url).stats()
        postgres_server.start()
        enter(inbox, claim)
        assert [row.state for row in inbox.ledger(claim.pk)] == ["done"]
        assert [recorded.state for recorded in inbox.record_many([an_entry("evt_2")])] == ["new"]


def enter(inbox, claim):
    """A transaction without a word from the handler."""
    with inbox.transaction(claim, DONE):
        pass


def test_a_server_that_does_not_answer(postgres):
    """A connection with a deadline stops waiting for its server; what is still within it gets its answer."""
    connection = ImpatientConnection.connect(postgres.engine.url.set(drivername="postgresql").render_as_string(False))
    connection.deadline = time.monotonic() + 0.3
    assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="not answered in time"):
        connection.execute("SELECT pg_sleep(30)")
    connection.close()


def test_an_event_that_is_purged_while_it_is_compared(inbox, monkeypatch):
    """A redelivery of an event that a purge deletes in this very moment is new."""
    inbox.record_many([an_entry()])
    known, is_there = inbox._known, [True]

    def purge_and_look(entries):
        if is_there:
            is_there.clear()
            inbox._run(lambda cursor: cursor.execute("DELETE FROM licensechain_hooks_entry", {}), atomic=True)
        return known(entries)

    monkeypatch.setattr(inbox, "_known", purge_and_look)
    assert [recorded.state for recorded in inbox.record_many([an_entry()])] == ["new"]
    assert inbox.count(EntryFilter()) == 1


@pytest.mark.parametrize("hours", [-12, 12])
def test_times_at_the_edge_of_the_calendar(sqlite, hours):
    """A time that has no equal in UTC is stored as the first or the last one there is."""
    first, last = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, tzinfo=UTC)
    zone = timezone(timedelta(hours=hours))
    expected = [first, last - timedelta(hours=12)] if hours > 0 else [first + timedelta(hours=12), last]
    entries = [
        replace(an_entry(str(moment.year)), event_timestamp=moment.replace(tzinfo=zone)) for moment in (first, last)
    ]
    for inbox in (sqlite, MemoryInbox()):
        inbox.record_many(entries)
        found = sorted(
            entry.event_timestamp.replace(minute=0, second=0, microsecond=0) for entry in inbox.entries(EntryFilter())
        )
        assert found == expected


def test_the_latest_event_of_no_license(inbox):
    """Under latest_only an event that belongs to no license is not stale, and nothing is remembered of it."""
    claim = claimed(inbox)
    with inbox.transaction(claim, replace(DONE, latest_only=True)) as transaction:
        assert not transaction.is_stale
    assert [row.state for row in inbox.ledger(claim.pk)] == ["done"]
    assert inbox._run(lambda cursor: rows_of(cursor, "SELECT 1 FROM licensechain_hooks_newest", {}), atomic=False) == []


def test_only_one_thread_of_a_process_writes_to_sqlite(sqlite):
    """While a transactional handler runs, others wait in line for the budget and are told why."""
    claim = claimed(sqlite)
    raised = []

    def record():
        try:
            sqlite.record_many([an_entry("2")])
        except StoreUnavailableError as error:
            raised.append(str(error))

    with sqlite.transaction(claim, DONE):
        thread = threading.Thread(target=record)
        thread.start()
        thread.join()
    assert "transactional handler" in raised[0]


def test_a_handlers_own_statements_may_wait_longer_than_the_inbox(postgres):
    """The inbox's lock time-out is for recording; a handler's transaction has none."""
    with postgres.transaction(claimed(postgres), DONE) as transaction:
        assert transaction.connection.exec_driver_sql("SHOW lock_timeout").scalar_one() == "0"
    assert postgres._run(lambda c: (c.execute("SHOW lock_timeout", {}), c.fetchall())[1], atomic=False) == [("2s",)]


def test_a_handler_writes_to_the_applications_tables(inbox):
    """With an engine of the application, its tables and the ledger change in one transaction."""
    with inbox.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE seat (license_id VARCHAR(40))")
    with closing(SqlInbox(inbox.engine)) as shared:
        claim = claimed(shared)
        with shared.transaction(claim, DONE) as transaction:
            transaction.connection.exec_driver_sql("INSERT INTO seat VALUES ('lic_1')")

        def fail():
            with shared.transaction(claim, DONE) as transaction:
                transaction.connection.exec_driver_sql("INSERT INTO seat VALUES ('lic_2')")
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        with shared.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT license_id FROM seat").scalars().all() == ["lic_1"]
        assert [row.state for row in shared.ledger(claim.pk)] == ["done"]


def test_a_handlers_own_error_of_the_database(inbox):
    """An error that the handler's statement raises is the handler's, and goes on as it was; nothing is left."""
    claim = claimed(inbox)
    with pytest.raises(sqlalchemy.exc.IntegrityError), inbox.transaction(claim, DONE) as transaction:
        transaction.connection.exec_driver_sql("INSERT INTO licensechain_hooks_newest (handler) VALUES ('lock_seat')")
    assert inbox.ledger(claim.pk) == []
    assert [recorded.state for recorded in inbox.record_many([an_entry("evt_2")])] == ["new"]


def test_a_session_belongs_to_the_transaction(inbox):
    """``commit`` of the session keeps its writes in the transaction, which alone decides."""

    class Base(orm.DeclarativeBase):
        pass

    class Seat(Base):
        __tablename__ = "seat"
        license_id: orm.Mapped[str] = orm.mapped_column(sqlalchemy.String(40), primary_key=True)

    Base.metadata.create_all(inbox.engine)
    claim = claimed(inbox)

    def fail():
        with inbox.transaction(claim, DONE) as transaction:
            assert transaction.session is transaction.session
            transaction.session.add(Seat(license_id="rolled back"))
            transaction.session.commit()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with inbox.transaction(claim, DONE) as transaction:
        transaction.session.add(Seat(license_id="kept"))  # not even flushed
    with inbox.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT license_id FROM seat").scalars().all() == ["kept"]


def test_an_inbox_made_before_a_fork_works_after_it(tmp_path, postgres_database):
    """Servers that load the application and then fork share no connection and no lock between processes."""
    script = """
import os, sys, threading
from datetime import UTC, datetime
from licensechain_hooks._entries import EntryFilter, NewEntry
from licensechain_hooks.inbox._impatient import ImpatientConnection
from licensechain_hooks.inbox._sql import array_of
from licensechain_hooks.inbox.database import only_writer
from licensechain_hooks.inbox.sql import SqlInbox

def an_entry(event_id):
    return NewEntry(endpoint="default", event_id=event_id, event_type="license.revoked",
                    event_timestamp=datetime(2026, 1, 1, tzinfo=UTC), raw_body=b"{}")

inbox = SqlInbox(sys.argv[1])
inbox.create_schema()
inbox.record_many([an_entry("parent")])
writer = only_writer(os.path.realpath(inbox.engine.url.database), seconds=1)
writer.__enter__()  # as another thread may at the moment of the fork
children = []
for number in range(3):
    pid = os.fork()
    if pid == 0:
        inbox.record_many([an_entry(f"child {number} {count}") for count in range(50)])
        os._exit(0)
    children.append(pid)
writer.__exit__(None, None, None)
for count in range(50):
    inbox.record_many([an_entry(f"parent {count}")])
assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
assert inbox.count(EntryFilter()) == 201
inbox.close()
"""
    for url in (f"sqlite:///{tmp_path / 'fork.db'}", postgres_database):
        with closing(SqlInbox(url)) as inbox:
            inbox.create_schema()
            with inbox.engine.begin() as connection:
                connection.exec_driver_sql("DELETE FROM licensechain_hooks_handler_run")
                connection.exec_driver_sql("DELETE FROM licensechain_hooks_entry")
        ran = subprocess.run([sys.executable, "-c", script, url], capture_output=True, text=True, check=False)
        assert (ran.returncode, ran.stderr) == (0, "")


def test_threads_and_processes_are_waited_for_in_one_budget(sqlite):
    """Who has waited for another thread waits so much less for another process."""

    started = threading.Event()

    def patience():
        started.set()
        return sqlite._run(lambda cursor: rows_of(cursor, "PRAGMA busy_timeout", {}), atomic=True)

    assert patience() == [(2000,)]
    started.clear()
    with ThreadPoolExecutor(1) as pool:
        with only_writer(sqlite._name, seconds=1):
            late = pool.submit(patience)
            started.wait()
            time.sleep(0.3)
        ((left,),) = late.result()
    assert 0 < left < 1900
    assert patience() == [(2000,)]


def test_claims_are_planned_for_what_they_ask(postgres):
    """PostgreSQL makes no plan for all claims alike: it would not know how few entries are wanted."""
    postgres.record_many([an_entry(f"evt_{number}") for number in range(300)])
    for number in range(30):
        postgres.claim_many(["nobody" if number < 15 else "default"], limit=1, lease=LEASE)
    prepared = "SELECT generic_plans FROM pg_prepared_statements WHERE statement LIKE %(claims)s"
    assert postgres._run(lambda cursor: rows_of(cursor, prepared, {"claims": "WITH due%"}), atomic=False) == [(0,)]


@pytest.mark.parametrize(("of_the_application", "kept"), [(False, 40), (True, 0)])
def test_connections_are_kept(sqlite, of_the_application, kept):
    """Connections are kept for the next caller, but not those of an engine that others want some of, too."""
    if of_the_application:
        sqlite = SqlInbox(sqlite.engine)
        sqlite.stats()
    start, reading = threading.Barrier(40), {"atomic": False, "writes": False}

    def work(cursor):
        start.wait(30)

    threads = [threading.Thread(target=sqlite._run, args=[work], kwargs=reading) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sqlite._kept) == kept


@pytest.mark.parametrize(
    ("statement", "index"),
    [("claim", "licensechain_hooks_entry_due"), ("old_entries", "licensechain_hooks_entry_received")],
)
def test_waiting_entries_are_found_by_an_index(sqlite, statement, index):
    """What a worker asks over and over does not read the whole table, nor sort it."""
    given = {"now": "2027", "lease": "2028", "token": "x", "limit": 1, "cutoff": "2027", "endpoint_0": "default"}
    text = sqlite._sql.claim(1) if statement == "claim" else sqlite._sql.old_entries

    def plan(cursor):
        cursor.execute(f"EXPLAIN QUERY PLAN {text}", given)
        return " | ".join(row[3] for row in cursor.fetchall())

    found = sqlite._run(plan, atomic=False)
    assert (index in found, "SCAN" in found, "B-TREE" in found) == (True, False, False)


def test_waiting_entries_are_found_by_an_index_without_statistics(postgres):
    """PostgreSQL has none of a new table, and yet neither reads nor sorts all entries that are due."""
    for number in range(0, 3000, 500):
        postgres.record_many([an_entry(f"evt_{number + count}") for count in range(500)])

    def plan(cursor):
        cursor.execute(postgres._sql.plan_by_index, {})
        cursor.execute(
            f"EXPLAIN {postgres._sql.claim(1)}", {"lease": 60.0, "token": "x", "limit": 100, "endpoint_0": "default"}
        )
        return " | ".join(row[0] for row in cursor.fetchall())

    found = postgres._run(plan, atomic=True)
    assert ("licensechain_hooks_entry_due" in found, "Sort" in found, "Seq Scan" in found) == (True, False, False)
