"""`DjangoInbox` and Django's connections, one for each thread."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django_project.inboxes import DONE, EVERYTHING, LEASE, atomic, claimed, connection_of, in_thread, states

from licensechain_hooks._entries import EntryFilter
from licensechain_hooks.exceptions import LeaseLostError

pytest_plugins = ["django_project.support"]


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
