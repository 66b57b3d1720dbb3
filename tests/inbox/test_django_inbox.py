"""What `DjangoInbox` adds to the inbox every database has: Django's connections, transactions, threads and settings."""

import sqlite3
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from licensechain_hooks import ConfigurationError, StoreUnavailableError
from licensechain_hooks._stores import EntryFilter, LedgerRow
from licensechain_hooks.exceptions import LeaseLostError
from licensechain_hooks.testing.inbox_conformance import new_entry

if (adapters := str(Path(__file__).parents[1] / "adapters")) not in sys.path:
    sys.path.append(adapters)
pytest_plugins = ["django_project.support"]

LEASE = timedelta(seconds=60)
DONE = LedgerRow(handler="shop.lock", state="done")
EVERYTHING = EntryFilter()


@pytest.fixture(scope="module")
def unblocked(django_db_blocker):
    """pytest-django keeps tests from databases it has not made."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="module")
def sqlite(tmp_path_factory, unblocked):
    """The alias of a file."""
    from django_project.databases import database

    with database("in_sqlite", f"sqlite:///{tmp_path_factory.mktemp('inbox')}/inbox.db") as alias:
        yield alias


@pytest.fixture(scope="module")
def postgres(postgres_database, unblocked):
    """The alias of a PostgreSQL database."""
    from django_project.databases import database

    with database("in_postgres", postgres_database) as alias:
        yield alias


@pytest.fixture
def sqlite_inbox(sqlite):
    """An empty inbox in a file."""
    return opened(sqlite)


@pytest.fixture
def postgres_inbox(postgres):
    """An empty inbox in PostgreSQL."""
    return opened(postgres)


@pytest.fixture(params=["sqlite", "postgres"])
def inbox(request):
    """An empty inbox in each."""
    return opened(request.getfixturevalue(request.param))


def opened(alias):
    """An empty inbox in the database of this alias."""
    from django_project.databases import empty

    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    empty(alias)
    return DjangoInbox(alias)


def connection_of(inbox):
    """This thread's."""
    from django.db import connections

    return connections[inbox.using]


def atomic(inbox, **options):
    """A transaction of the project's own."""
    from django.db import transaction

    return transaction.atomic(using=inbox.using, **options)


def states(inbox, *event_ids):
    """What becomes of deliveries."""
    return [recorded.state for recorded in inbox.record_many([new_entry(event_id) for event_id in event_ids])]


def claimed(inbox, event_id="evt_1"):
    """A claim of a new entry."""
    inbox.record_many([new_entry(event_id)])
    (claim,) = inbox.claim_many(["default"], limit=1, lease=LEASE)
    return claim


def in_thread(call):
    """What a call gives in a thread of its own, whose connections are closed at its end."""
    from django.db import connections

    def call_and_close():
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call_and_close).result()


# Settings


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"using": "nowhere"}, "none that is called 'nowhere': configure DATABASES, or set PROCESSING to 'inline'"),
        ({"payload_retention": timedelta(days=40)}, "payload_retention is longer than retention"),
    ],
)
def test_what_cannot_work_fails_at_once(given, message):
    """A database that is not configured, and retentions that contradict each other, are refused where they are set."""
    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    with pytest.raises(ConfigurationError, match=message):
        DjangoInbox(**given)


def test_a_project_without_databases(unblocked):
    """``DATABASES = {}`` is Django's default, and no database."""
    from django.db import connections

    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    connections.settings["dummy"] = connections.configure_settings({"default": {}, "dummy": {}})["dummy"]
    try:
        with pytest.raises(ConfigurationError, match="configure DATABASES"):
            DjangoInbox("dummy")
    finally:
        del connections["dummy"], connections.settings["dummy"]


def test_a_database_of_another_kind(monkeypatch, sqlite):
    """What has no SQL of its own here is refused by its name."""
    from django.db import connections

    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    monkeypatch.setattr(connections[sqlite], "vendor", "oracle", raising=False)
    with pytest.raises(ConfigurationError, match="not in oracle"):
        DjangoInbox(sqlite)


def test_a_database_without_the_tables(tmp_path, unblocked):
    """Whoever has not migrated is told to."""
    from django_project.databases import database

    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    with database("bare", f"sqlite:///{tmp_path / 'bare.db'}", migrate=False):
        for call in (lambda: states(DjangoInbox("bare"), "evt_1"), DjangoInbox("bare").stats):
            with pytest.raises(ConfigurationError, match=r"'bare' lacks .* run `manage\.py migrate`"):
                call()


def test_a_server_without_the_tables(postgres_url, unblocked):
    """The same of a server, which says it in its own words."""
    from databases import fresh_database
    from django_project.databases import database

    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    told = pytest.raises(ConfigurationError, match=r"run `manage\.py migrate`")
    with fresh_database(postgres_url) as url, database("bare", url, migrate=False), told:
        states(DjangoInbox("bare"), "evt_1")


def test_a_server_that_is_away(unblocked):
    """A server that does not answer is unavailable, and its password in no message."""
    from django_project.databases import database

    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    with database("away", "postgresql+psycopg://somebody:hunter2hunter2@127.0.0.1:1/x", migrate=False):
        inbox = DjangoInbox("away")
        with pytest.raises(StoreUnavailableError) as raised:
            inbox.stats()
    assert "hunter2hunter2" not in repr(inbox) + str(raised.value)


# Transactions


def test_nothing_is_promised_inside_of_a_transaction(inbox):
    """In somebody's ``atomic`` a delivery is refused: it could be rolled back after it was acknowledged."""
    with atomic(inbox), pytest.raises(ConfigurationError, match="non_atomic_requests"):
        states(inbox, "evt_1")
    assert states(inbox, "evt_1") == ["new"]


@pytest.mark.parametrize("is_kept", [True, False])
def test_operators_take_part_in_a_transaction(inbox, is_kept):
    """What is replayed or given up inside of ``atomic``, as the admin works, is committed or rolled back with it."""
    from django.db import transaction

    states(inbox, "evt_1")
    with atomic(inbox):
        assert inbox.discard(EVERYTHING) == 1
        transaction.set_rollback(not is_kept, using=inbox.using)
    assert [entry.state for entry in inbox.entries(EVERYTHING)] == ["ignored" if is_kept else "received"]


def test_an_error_does_not_break_the_callers_transaction(inbox):
    """Inside of ``atomic`` the inbox has a savepoint: what fails in it leaves the rest as it was."""
    from django.db import IntegrityError
    from django_project.shop.models import Lock

    incomplete = "INSERT INTO licensechain_hooks_newest (handler) VALUES ('shop.lock')"
    with atomic(inbox):
        Lock.objects.using(inbox.using).create(license="lic_1")
        with pytest.raises(IntegrityError):
            inbox._run(lambda cursor: cursor.execute(incomplete, {}), atomic=True)
        assert inbox.count(EVERYTHING) == 0
    assert Lock.objects.using(inbox.using).count() == 1


def test_autocommit_has_to_be_on(inbox):
    """Without it nothing would be committed."""
    connection_of(inbox).set_autocommit(False)
    try:
        with pytest.raises(ConfigurationError, match="AUTOCOMMIT"):
            states(inbox, "evt_1")
        with pytest.raises(ConfigurationError, match="AUTOCOMMIT"):
            inbox.stats()
    finally:
        connection_of(inbox).rollback()
        connection_of(inbox).set_autocommit(True)


def test_a_handlers_writes_are_committed_with_its_row(inbox):
    """The ORM's writes, what ``on_commit`` waits for and the ledger come together."""
    from django.db import transaction
    from django_project.shop.models import Lock

    claim, seen = claimed(inbox), []
    with inbox.transaction(claim, DONE) as opened_transaction:
        Lock.objects.using(inbox.using).create(license="lic_1")
        transaction.on_commit(lambda: seen.append(inbox.ledger(claim.pk)), using=inbox.using)
        assert opened_transaction.connection is connection_of(inbox)
        assert in_thread(Lock.objects.using(inbox.using).count) == 0
    assert [row.handler for row in seen[0]] == ["shop.lock"]
    assert Lock.objects.using(inbox.using).count() == 1


def test_a_handlers_writes_are_rolled_back_with_its_row(inbox):
    """An error of any kind undoes both, and what the handler meant to do afterwards is not done."""
    from django.db import transaction
    from django_project.shop.models import Lock

    claim, seen = claimed(inbox), []
    with pytest.raises(LookupError), inbox.transaction(claim, DONE):  # noqa: PT012 - the transaction is what ends
        Lock.objects.using(inbox.using).create(license="lic_1")
        transaction.on_commit(lambda: seen.append("committed"), using=inbox.using)
        raise LookupError
    assert (seen, inbox.ledger(claim.pk), Lock.objects.using(inbox.using).count()) == ([], [], 0)


def test_a_handlers_own_error_of_the_database(inbox):
    """An error that the handler's query raises is the handler's, and goes on as it was."""
    from django.db import IntegrityError
    from django_project.shop.models import Lock

    claim = claimed(inbox)
    with pytest.raises(IntegrityError), inbox.transaction(claim, DONE):  # noqa: PT012
        Lock.objects.using(inbox.using).create(license="lic_1")
        Lock.objects.using(inbox.using).create(license="lic_1")
    assert inbox.ledger(claim.pk) == []


def test_a_handler_that_hides_an_error_of_the_database(inbox):
    """After an error that broke the transaction nothing is committed, though the handler went on."""
    from django.db import IntegrityError, transaction
    from django_project.shop.models import Lock

    claim = claimed(inbox)
    with pytest.raises(transaction.TransactionManagementError), inbox.transaction(claim, DONE):  # noqa: PT012
        try:
            with transaction.atomic(using=inbox.using, savepoint=False):
                Lock.objects.using(inbox.using).create(license="lic_1")
                Lock.objects.using(inbox.using).create(license="lic_1")
        except IntegrityError:
            pass
    assert (inbox.ledger(claim.pk), Lock.objects.using(inbox.using).count()) == ([], 0)


def test_a_router_and_another_database(inbox, settings):
    """What the project's router sends to the inbox's database is in the handler's transaction, without a word of it."""
    from django_project.shop.models import Lock

    class Router:
        def db_for_write(self, model, **_hints):
            return inbox.using

        db_for_read = db_for_write

    settings.DATABASE_ROUTERS = [Router()]
    claim = claimed(inbox)
    with pytest.raises(LookupError), inbox.transaction(claim, DONE):  # noqa: PT012 - the transaction is what ends
        Lock.objects.create(license="lic_1")
        raise LookupError
    assert Lock.objects.count() == 0


# Threads and connections


def test_many_threads(inbox):
    """Each thread has its own connection; of an event that all bring, one is new, and each claim is given once."""

    def record(_number):
        return states(inbox, *(f"evt_{number}" for number in range(5)))

    def claim(_number):
        return [claim.pk for claim in inbox.claim_many(["default"], limit=1, lease=LEASE)]

    with ThreadPoolExecutor(8) as pool:
        verdicts = [state for found in pool.map(record, range(8)) for state in found]
        pks = [pk for found in pool.map(claim, range(8)) for pk in found]
    assert (verdicts.count("new"), verdicts.count("duplicate")) == (5, 35)
    assert len(pks) == len(set(pks)) == 5


@pytest.mark.parametrize(("max_age", "is_kept"), [(0, False), (60, True), (None, True)])
def test_a_thread_that_serves_no_request(inbox, monkeypatch, max_age, is_kept):
    """There Django does not close connections, so the inbox keeps them as long as ``CONN_MAX_AGE`` says."""
    from django.db import connections

    monkeypatch.setitem(connections.settings[inbox.using], "CONN_MAX_AGE", max_age)

    def work():
        states(inbox, "evt_1")
        first = connection_of(inbox).connection
        claim = claimed(inbox, "evt_2")
        with inbox.transaction(claim, DONE):
            pass
        return first is not None, connection_of(inbox).connection is first

    assert in_thread(work) == (is_kept, True)


def test_a_connection_that_has_grown_old(inbox, monkeypatch):
    """A kept connection is replaced when its time has come, before it is used."""
    from django.db import connections

    monkeypatch.setitem(connections.settings[inbox.using], "CONN_MAX_AGE", 60)

    def work():
        inbox.stats()
        first = connection_of(inbox).connection
        connection_of(inbox).close_at = 0.0
        inbox.stats()
        return connection_of(inbox).connection is first

    assert in_thread(work) is False


def test_a_connection_of_somebody_elses(inbox):
    """A connection that was open before is its owner's: Django closes it at the end of the request."""

    def work():
        connection_of(inbox).ensure_connection()
        first = connection_of(inbox).connection
        connection_of(inbox).close_at = 0.0
        states(inbox, "evt_1")
        claim = claimed(inbox, "evt_2")
        with inbox.transaction(claim, DONE):
            pass
        return connection_of(inbox).connection is first

    assert in_thread(work) is True


def test_around_a_workers_handlers(inbox):
    """Before and after, connections that have had their time are closed; in between one is used for all."""

    def work():
        connection_of(inbox).ensure_connection()
        found = []
        with inbox.handling():
            found.append(connection_of(inbox).connection)
            claim = claimed(inbox)
            found.append(connection_of(inbox).connection)
            with inbox.transaction(claim, DONE):
                found.append(connection_of(inbox).connection)
        found.append(connection_of(inbox).connection)
        return found[0] is None, found[1] is not None, found[1] is found[2], found[3] is None

    assert in_thread(work) == (True, True, True, True)


def test_around_handlers_inside_of_a_transaction(inbox):
    """In a ``TestCase`` the connection stays open: the test's data are in its transaction."""
    with atomic(inbox):
        connection_of(inbox).close_at = 0.0
        with inbox.handling():
            assert inbox.count(EVERYTHING) == 0
    assert connection_of(inbox).connection is not None


@pytest.mark.parametrize("call", ["record", "claim", "transaction"])
def test_a_dead_connection_is_replaced(postgres_inbox, call):
    """After the server has closed a connection, as at a restart, the work is done on a new one."""
    claim = claimed(postgres_inbox)
    connection = connection_of(postgres_inbox)
    first = connection.connection

    def kill():
        with connection_of(postgres_inbox).cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    in_thread(kill)
    if call == "record":
        assert states(postgres_inbox, "evt_2") == ["new"]
    elif call == "claim":
        assert postgres_inbox.claim_many(["default"], limit=1, lease=LEASE) == []
    else:
        with postgres_inbox.transaction(claim, DONE):
            pass
        assert [row.state for row in postgres_inbox.ledger(claim.pk)] == ["done"]
    assert connection.connection is not first


def test_a_deadlock_is_tried_again(postgres_inbox):
    """Who is chosen to break a deadlock runs once more, on the connection there is."""
    from django.db import OperationalError
    from psycopg.errors import DeadlockDetected

    runs = []

    def work(_cursor):
        runs.append(connection_of(postgres_inbox).connection)
        if len(runs) == 1:
            raise OperationalError from DeadlockDetected
        return "done"

    assert postgres_inbox._run(work, atomic=True) == "done"
    assert runs[0] is runs[1]


def test_a_lost_lease_is_not_tried_again(inbox):
    """The handler does not run, and the connection is free."""
    claim = claimed(inbox)
    inbox.release_many([claim])
    with pytest.raises(LeaseLostError), inbox.transaction(claim, DONE):
        raise AssertionError
    assert not connection_of(inbox).in_atomic_block


def test_debug_keeps_no_payload(inbox, settings):
    """Under DEBUG Django logs each statement with its parameters; a body is none of its business."""
    from django.db import reset_queries

    settings.DEBUG = True
    reset_queries()
    states(inbox, "evt_1")
    claimed(inbox, "evt_2")
    assert "evt_1" not in repr(connection_of(inbox).queries)


# SQLite


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


# A worker


def test_a_worker_with_many_threads(inbox):
    """What transactional handlers write in many threads at once is there exactly once, failures included."""
    from django_project.shop.models import Lock

    from licensechain_hooks import Hooks, Worker, WorkerSettings

    hooks = Hooks()

    @hooks.on("*", transactional=True)
    def lock(event, context):
        Lock.objects.using(inbox.using).create(license=event.id)
        if context.attempt == 1 and event.id.endswith("0"):
            raise LookupError

    states(inbox, *(f"evt_{number}" for number in range(30)))
    settings = WorkerSettings(
        concurrency=4, poll=timedelta(milliseconds=20), backoff=lambda _attempt: timedelta(milliseconds=1)
    )
    worker = Worker(inbox, hooks, settings)
    worker.start()
    ends = time.monotonic() + 30
    while inbox.count(EntryFilter(states=("processed",))) < 30:
        assert time.monotonic() < ends
        time.sleep(0.01)
    assert worker.stop()
    assert (worker.counters.processed, worker.counters.failed, worker.counters.lost) == (30, 3, 0)
    assert sorted(Lock.objects.using(inbox.using).values_list("license", flat=True)) == sorted(
        f"evt_{number}" for number in range(30)
    )
