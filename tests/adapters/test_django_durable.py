"""Durable mode under Django: stored in its database, answered, and run by a worker."""

import asyncio
import logging
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from licensechain_hooks import Discard, UnknownEvent
from licensechain_hooks.testing import event_body, make_event
from licensechain_hooks.worker._limits import can_interrupt

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]


@pytest.fixture
def no_worker(durable_hooks, settings):
    """Another process runs the handlers: here, whoever drains."""
    settings.LICENSECHAIN_HOOKS |= {"PROCESSING": "worker"}
    return durable_hooks


def drain():
    """Run the handlers of what is due."""
    from licensechain_hooks.contrib.django.conf import get_receiver

    return get_receiver().worker.drain()


def entries(**wanted):
    """The state of each entry."""
    from licensechain_hooks.contrib.django.models import Entry

    return [(entry.event_id, entry.state) for entry in Entry.objects.filter(**wanted).order_by("id")]


def locks():
    """What handlers have written."""
    from django_project.shop.models import Lock

    return sorted(Lock.objects.values_list("license", flat=True))


def test_stored_answered_and_run(site, durable_hooks, wait_for):
    """By default a delivery is in the database when it is answered, and a thread of the process runs its handlers."""
    ran = []

    @durable_hooks.on("license.revoked")
    def lock(event):
        ran.append((event.id, threading.current_thread().name.partition("-")[0]))

    response = site.deliver(make_event("license.revoked", event_id="evt_1"))
    assert (response.status_code, response.json()) == (200, {"status": "accepted"})
    wait_for(lambda: entries() == [("evt_1", "processed")])
    assert ran == [("evt_1", "licensechain_hooks.worker")]


def test_processing_is_a_thread_by_default(settings):
    """Who sets nothing but secrets has durable mode and needs no second process."""
    from licensechain_hooks.contrib.django.conf import get_receiver, get_settings
    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    settings.LICENSECHAIN_HOOKS = {"SECRETS": ["the-signing-secret-of-the-project"]}
    assert get_settings().processing == "thread"
    assert isinstance(get_receiver().inbox, DjangoInbox)
    assert get_receiver().worker.settings.embedded


def test_another_process_runs_them(site, no_worker):
    """With PROCESSING "worker" this process stores, and starts nothing."""
    ran = []
    no_worker.on("*")(ran.append)
    assert site.deliver(make_event(event_id="evt_1")).json() == {"status": "accepted"}
    assert (entries(), ran) == ([("evt_1", "received")], [])
    assert (drain(), len(ran), entries()) == (1, 1, [("evt_1", "processed")])


def test_duplicates_and_conflicts(site, no_worker):
    """The second delivery of an event is a duplicate; one with other content a conflict, which is told at once."""
    told = []
    no_worker.on("*")(lambda _event: None)
    no_worker.on_conflict(told.append)
    first, other = (make_event(event_id="evt_1", data={"id": name}) for name in ("lic_1", "lic_2"))
    assert [site.deliver(event).json()["status"] for event in (first, first, other)] == [
        "accepted",
        "duplicate",
        "conflict",
    ]
    assert (told, entries()) == ([other], [("evt_1", "received"), ("evt_1", "conflict")])


def test_nobody_listens(site, no_worker):
    """An event without a handler is stored as ignored."""
    assert site.deliver(make_event(event_id="evt_1")).json() == {"status": "ignored"}
    assert (entries(), drain()) == ([("evt_1", "ignored")], 0)


def test_atomic_requests(site, no_worker, monkeypatch):
    """Row 41: in a project with ATOMIC_REQUESTS a delivery is committed by itself, before the answer."""
    from django.db import connection, connections

    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    no_worker.on("*")(lambda _event: None)
    assert site.deliver(make_event(event_id="evt_1")).json() == {"status": "accepted"}
    assert (connection.in_atomic_block, entries()) == (False, [("evt_1", "received")])


def test_a_view_that_is_in_a_transaction(sync_site, no_worker, monkeypatch):
    """Where a view of the project's own is in one, the sender comes back: the transaction could be rolled back."""
    from django.db import connections

    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    no_worker.on("*")(lambda _event: None)
    assert sync_site.deliver(make_event(), path="/rest/").status_code == 503
    assert entries() == []


@pytest.mark.django_db
def test_a_test_case_sees_what_is_stored(sync_site, django_hooks, settings):
    """In a ``TestCase`` the delivery, the handlers' writes and the ledger are all in the test's own transaction."""
    from django.db import connection
    from django_project.shop.models import Lock

    settings.LICENSECHAIN_HOOKS |= {"PROCESSING": "worker"}

    @django_hooks.on("license.revoked", transactional=True)
    def lock(event):
        Lock.objects.create(license=event.data.id)

    @django_hooks.on("license.revoked")
    async def note(event):
        await Lock.objects.acreate(license=f"{event.data.id} noted")

    event = make_event("license.revoked", event_id="evt_1", data={"id": "lic_1"})
    assert sync_site.deliver(event).json() == {"status": "accepted"}
    assert connection.in_atomic_block
    assert drain() == 1
    assert (entries(), locks()) == ([("evt_1", "processed")], ["lic_1", "lic_1 noted"])


def test_the_database_is_locked(sync_site, no_worker, monkeypatch):
    """Row 37: a database that does not take the delivery is 503 with Retry-After, and nothing is stored."""
    import sqlite3

    from django.db import connection

    from licensechain_hooks.contrib.django import inbox

    monkeypatch.setattr(inbox, "_BUDGET", 0)
    no_worker.on("*")(lambda _event: None)
    other = sqlite3.connect(connection.settings_dict["NAME"])
    other.execute("BEGIN IMMEDIATE")
    response = sync_site.deliver(make_event(event_id="evt_1"))
    other.close()
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert entries() == []
    assert sync_site.deliver(make_event(event_id="evt_1")).json() == {"status": "accepted"}


# Handlers in the worker


def test_a_transactional_handler(site, no_worker):
    """What it writes by the ORM is committed with its success; after a failure it runs again, and nothing is left."""
    from django_project.shop.models import Lock

    attempts = []

    @no_worker.on("license.revoked", transactional=True)
    def lock(event, context):
        attempts.append(context.connection.in_atomic_block)
        Lock.objects.create(license=f"{event.data.id} {context.attempt}")
        if context.attempt == 1:
            raise LookupError

    site.deliver(make_event("license.revoked", event_id="evt_1", data={"id": "lic_1"}))
    assert (drain(), entries(), locks()) == (1, [("evt_1", "failed")], [])
    _let_all_be_due()
    assert (drain(), entries(), locks()) == (1, [("evt_1", "processed")], ["lic_1 2"])
    assert attempts == [True, True]


def _let_all_be_due():
    from django.utils import timezone

    from licensechain_hooks.contrib.django.models import Entry

    Entry.objects.filter(state="failed").update(next_attempt_at=timezone.now() - timedelta(minutes=1))


def test_only_what_failed_runs_again(site, no_worker):
    """One handler's failure does not stop the others, and they do not run a second time."""
    ran = []

    @no_worker.on("*")
    def fail_once(event, context):
        ran.append(("fail_once", context.attempt))
        if context.attempt == 1:
            raise LookupError

    @no_worker.on("*")
    async def succeed(event, context):
        ran.append(("succeed", context.attempt))

    site.deliver(make_event())
    drain()
    _let_all_be_due()
    drain()
    assert ran == [("fail_once", 1), ("succeed", 1), ("fail_once", 2)]


def test_handlers_of_both_kinds_in_the_worker(sync_site, durable_hooks, wait_for):
    """``def`` runs in the worker's thread, ``async def`` on an event loop elsewhere; both may use the ORM."""
    from django.db import connection
    from django_project.shop.models import Lock

    threads = {}

    @durable_hooks.on("license.revoked")
    def lock(event):
        threads["def"] = threading.current_thread().name
        threads["atomic"] = connection.in_atomic_block
        Lock.objects.create(license=event.data.id)

    @durable_hooks.on("license.revoked")
    async def note(event):
        threads["async def"] = threading.current_thread().name
        assert asyncio.get_running_loop().is_running()
        await Lock.objects.acreate(license=f"{event.data.id} noted")

    sync_site.deliver(make_event("license.revoked", event_id="evt_1", data={"id": "lic_1"}))
    wait_for(lambda: entries() == [("evt_1", "processed")])
    assert locks() == ["lic_1", "lic_1 noted"]
    assert threads["def"].startswith("licensechain_hooks.worker-")
    assert not threads["async def"].startswith("licensechain_hooks.worker-")
    assert threads["atomic"] is False


def test_a_coroutines_orm_calls_share_one_connection(no_worker, sync_site):
    """Its queries run in one thread, on one connection, which is closed at its end: nobody else would close it."""
    from asgiref.sync import sync_to_async
    from django.db import connection
    from django_project.shop.models import Lock

    used = []

    @no_worker.on("*")
    async def look(event):
        for _ in range(2):
            await Lock.objects.acount()
            used.append(await sync_to_async(lambda: (threading.get_ident(), connection.connection))())

    sync_site.deliver(make_event())
    drain()
    assert used[0] == used[1]
    assert used[0][0] != threading.get_ident()
    with pytest.raises(Exception, match="closed"):
        used[0][1].execute("SELECT 1")


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_time_limit(durable_hooks, settings, sync_site, wait_for, kind):
    """A handler of either kind that runs too long is stopped, and its entry fails."""
    if kind == "def" and not can_interrupt():
        pytest.skip("this Python cannot interrupt threads while coverage is measured")
    from licensechain_hooks.contrib.django.models import Entry

    settings.LICENSECHAIN_HOOKS["WORKER"] |= {"time_limit": timedelta(milliseconds=50), "max_attempts": 1}
    settings.LICENSECHAIN_HOOKS = {**settings.LICENSECHAIN_HOOKS}
    never = threading.Event()

    def hang(event):
        while not never.wait(0.01):
            pass

    async def ahang(event):
        await asyncio.sleep(60)

    durable_hooks.on("*")(hang if kind == "def" else ahang)
    sync_site.deliver(make_event())
    wait_for(lambda: Entry.objects.filter(state="dead").exists())
    assert Entry.objects.get().error_code == "HandlerTimeLimitError"


def test_listeners_in_the_worker(sync_site, no_worker):
    """Who listens for errors and dead letters is told, of either kind, with the ORM at hand."""
    from django_project.shop.models import Lock

    @no_worker.on("*")
    def give_up(event):
        raise Discard("no such seat")

    @no_worker.on("license.revoked")
    def fail(event):
        raise LookupError

    @no_worker.on_error
    async def note_error(error, event):
        await Lock.objects.acreate(license=f"{type(error).__name__} {event.id}")

    @no_worker.on_dead
    async def note_dead(event):
        await Lock.objects.acreate(license=f"dead {event.id}")

    @no_worker.on_dead
    def note_dead_too(event):
        Lock.objects.create(license=f"dead, too: {event.id}")

    sync_site.deliver(make_event("license.created", event_id="evt_1"))
    sync_site.deliver(make_event("license.revoked", event_id="evt_2"))
    drain()
    assert entries() == [("evt_1", "dead"), ("evt_2", "failed")]
    assert locks() == ["LookupError evt_2", "dead evt_1", "dead, too: evt_1"]


def test_connections_of_the_worker_are_closed(durable_hooks, sync_site, wait_for):
    """After each entry a worker's thread closes what Django would close after a request."""
    from django.db import connection
    from django_project.shop.models import Lock

    used = []

    @durable_hooks.on("*")
    def look(event):
        Lock.objects.count()
        used.append(connection.connection)

    sync_site.deliver(make_event(event_id="evt_1"))
    wait_for(lambda: entries() == [("evt_1", "processed")])
    with pytest.raises(Exception, match="closed"):
        used[0].total_changes  # noqa: B018


# Signals


@pytest.fixture
def connect():
    """Connects a receiver for the length of the test."""
    connected = []

    def connect_to(signal, receiver, **options):
        signal.connect(receiver, weak=False, **options)
        connected.append((signal, receiver, options.get("sender")))

    yield connect_to
    for signal, receiver, sender in connected:
        signal.disconnect(receiver, sender=sender)


def test_signals_are_sent_by_the_worker(site, no_worker, connect):
    """Receivers run before the handlers, once, though a handler has to run again."""
    from licensechain_hooks.contrib.django.signals import event_signal, webhook_received

    order = []
    connect(webhook_received, lambda event, **_: order.append("received"))
    connect(event_signal("license.revoked"), lambda event, **_: order.append("license.revoked"))

    @no_worker.on("license.revoked")
    def fail_once(event, context):
        order.append("handler")
        if context.attempt == 1:
            raise LookupError

    site.deliver(make_event("license.revoked"))
    assert order == []
    drain()
    _let_all_be_due()
    drain()
    assert order == ["received", "license.revoked", "handler", "handler"]


def test_a_project_of_signals_alone_in_durable_mode(site, no_worker, connect):
    """A receiver is enough for an event not to be ignored; async receivers use the ORM in the worker's thread."""
    from django_project.shop.models import Lock

    from licensechain_hooks.contrib.django.signals import event_signal

    async def lock(event, **_):
        await Lock.objects.acreate(license=event.data.id)

    connect(event_signal("license.revoked"), lock)
    assert site.deliver(make_event("license.revoked", data={"id": "lic_1"})).json() == {"status": "accepted"}
    assert site.deliver(make_event("license.created")).json() == {"status": "ignored"}
    assert (drain(), locks()) == (1, ["lic_1"])


def test_a_receiver_of_what_does_not_validate(site, no_worker, connect):
    """Before its data is looked at nobody knows an event's class; a receiver of unknown events is not passed over."""
    from licensechain_hooks.contrib.django.signals import webhook_received

    received = []
    connect(webhook_received, lambda event, **_: received.append(event.is_known), sender=UnknownEvent)
    odd = b'{"id":"evt_1","type":"license.revoked","timestamp":"%s","data":{"id":7}}'
    now = make_event().raw_timestamp.encode()
    assert site.deliver(odd % now).json() == {"status": "accepted"}
    assert (drain(), received, entries()) == (1, [True], [("evt_1", "processed")])


def test_a_receiver_that_hangs(durable_hooks, settings, sync_site, connect, wait_for, caplog):
    """A receiver has the time limit of a handler: it is stopped, logged, and changes nothing."""
    if not can_interrupt():
        pytest.skip("this Python cannot interrupt threads while coverage is measured")
    from licensechain_hooks.contrib.django.signals import webhook_received

    settings.LICENSECHAIN_HOOKS = settings.LICENSECHAIN_HOOKS | {"WORKER": {"time_limit": timedelta(milliseconds=50)}}
    never = threading.Event()

    def hang(**_):
        while not never.wait(0.01):
            pass

    connect(webhook_received, hang)
    with caplog.at_level(logging.ERROR):
        sync_site.deliver(make_event(event_id="evt_1"))
        wait_for(lambda: entries() == [("evt_1", "processed")])
    assert "HandlerTimeLimitError" in caplog.text


# Settings


def test_every_key_of_durable_mode(settings):
    """What is set is what the receiver, its inbox and its worker have."""
    from licensechain_hooks.contrib.django.conf import get_receiver, get_settings

    settings.LICENSECHAIN_HOOKS = {
        "SECRETS": ["the-signing-secret-of-the-project"],
        "PROCESSING": "worker",
        "DATABASE": "default",
        "RETENTION": timedelta(days=50),
        "PAYLOAD_RETENTION": None,
        "ORDERING_KEY": "license",
        "REDACT": bytes,
        "WORKER": {"concurrency": 3, "max_attempts": 2},
    }
    receiver = get_receiver()
    assert (receiver.inbox.using, receiver.inbox.retention, receiver.inbox.payload_retention) == (
        "default",
        timedelta(days=50),
        None,
    )
    worker = receiver.worker.settings
    assert (worker.concurrency, worker.max_attempts, worker.embedded) == (3, 2, False)
    assert (get_settings().ordering_key, get_settings().redact) == ("license", bytes)


def test_ordering_and_redaction_reach_the_entry(site, no_worker, settings):
    """Entries of one license keep their order, and handlers see what is stored, by dotted path or license."""
    from licensechain_hooks.contrib.django.models import Entry

    bodies = []
    sys.modules["redaction_under_test"] = sys.modules[__name__]
    settings.LICENSECHAIN_HOOKS = settings.LICENSECHAIN_HOOKS | {
        "ORDERING_KEY": "license",
        "REDACT": "redaction_under_test.redact",
    }
    no_worker.on("*")(lambda _event, context: bodies.append(context.raw_body))
    site.deliver(make_event("license.revoked", data={"id": "lic_1", "email": "ada@example.com"}))
    del sys.modules["redaction_under_test"]
    drain()
    assert [entry.ordering_key for entry in Entry.objects.all()] == ["lic_1"]
    assert (len(bodies), b"ada@example.com" in bodies[0]) == (1, False)


def redact(body):
    return body.replace(b"ada@example.com", b"")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"PROCESSING": "threads"}, r"\['PROCESSING'\] must be 'thread', 'worker' or 'inline'"),
        ({"PROCESSING": ["thread"]}, r"\['PROCESSING'\] must be 'thread', 'worker' or 'inline', not list"),
        ({"DATABASE": "nowhere"}, "none that is called 'nowhere': configure DATABASES, or set PROCESSING to 'inline'"),
        ({"DATABASE": None}, r"\['DATABASE'\] must be the alias of a database, not NoneType"),
        ({"RETENTION": 35}, r"\['RETENTION'\] must be a timedelta or None, not int"),
        ({"RETENTION": timedelta(days=1), "PAYLOAD_RETENTION": timedelta(days=1)}, "raise its retention"),
        ({"PAYLOAD_RETENTION": timedelta(days=99)}, "payload_retention is longer than retention"),
        ({"ORDERING_KEY": "licence"}, r"\['ORDERING_KEY'\] cannot be imported"),
        ({"ORDERING_KEY": 7}, r"\['ORDERING_KEY'\] must be 'license', a callable"),
        ({"REDACT": "nowhere.redact"}, r"\['REDACT'\] cannot be imported"),
        ({"REDACT": b""}, r"\['REDACT'\] must be a callable"),
        ({"WORKER": {"concurency": 3}}, r"\['WORKER'\] knows no 'concurency'; did you mean 'concurrency'"),
        ({"WORKER": {"embedded": True}}, r"\['WORKER'\] knows no 'embedded'; it knows concurrency, lease"),
        ({"WORKER": {"concurrency": 0}}, r"\['WORKER'\]: concurrency must be"),
        ({"WORKER": 3}, r"\['WORKER'\] must be a dict or WorkerSettings, not int"),
    ],
)
def test_what_cannot_work_in_durable_mode(settings, given, message):
    """A setting that cannot work says which one it is and what to change."""
    from licensechain_hooks import ConfigurationError
    from licensechain_hooks.contrib.django.conf import get_receiver

    settings.LICENSECHAIN_HOOKS = {"SECRETS": ["the-signing-secret-of-the-project"]} | given
    with pytest.raises(ConfigurationError, match="^LICENSECHAIN_HOOKS.*" + message):
        get_receiver()


def test_inline_needs_no_database(settings):
    """What is for durable mode has no meaning in inline mode, so that tests can switch by one key."""
    from licensechain_hooks.contrib.django.conf import get_receiver

    settings.LICENSECHAIN_HOOKS = {
        "SECRETS": ["the-signing-secret-of-the-project"],
        "PROCESSING": "inline",
        "DATABASE": "nowhere",
        "WORKER": {"concurrency": 3},
    }
    assert get_receiver().inbox is None


def test_a_body_as_it_was_sent(site, no_worker):
    """The inbox keeps the very bytes that were signed."""
    from licensechain_hooks.contrib.django.models import Entry

    body = event_body(make_event(data={"id": "lic_\u00e9 \U0001f600"})) + b"\n"
    no_worker.on("*")(lambda _event: None)
    site.deliver(body)
    assert bytes(Entry.objects.get().raw_body) == body
