"""Django's signals of what became of a delivery and of an event: what is sent, by whom, and that no answer changes."""

import asyncio
import logging
import sys
import threading
from pathlib import Path

import pytest

from licensechain_hooks import Discard, HandlerContext, LicenseRevoked, Retry, VerificationError
from licensechain_hooks.contrib.django import signals
from licensechain_hooks.testing import event_body, make_event

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]

NAMES = ("event_processed", "event_failed", "event_dead", "event_conflict", "webhook_rejected")


@pytest.fixture
def sent(connect):
    """What was sent of these signals: the name, and all a receiver is given."""
    sent = []

    def listen(name):
        connect(getattr(signals, name), lambda **given: sent.append((name, given)))

    for name in NAMES:
        listen(name)
    return sent


def names(sent):
    """The signals, in order."""
    return [name for name, _ in sent]


def revoked(number=1, **data):
    """An event."""
    return make_event("license.revoked", event_id=f"evt_{number}", data=data)


def test_processed(site, django_hooks, sent):
    """Once all handlers have succeeded `event_processed` is sent, by the event's class, with its context."""
    django_hooks.on("*")(lambda _event: None)
    site.deliver(revoked())
    site.deliver(revoked())  # a duplicate
    ((name, given),) = sent
    assert (name, given["sender"], given["event"].id) == ("event_processed", LicenseRevoked, "evt_1")
    assert isinstance(given["context"], HandlerContext)
    assert (given["context"].endpoint, given["context"].attempt) == ("default", 1)


@pytest.mark.parametrize(("error", "expected"), [(LookupError, 500), (Retry, 503)])
def test_failed(site, django_hooks, sent, error, expected):
    """An attempt with an error sends `event_failed` once, with the first error, however many handlers failed."""

    def fail(_event):
        raise error

    for handler in (fail, lambda _event: None, lambda _event: 1 / 0):
        django_hooks.on("*")(handler)
    assert site.deliver(revoked()).status_code in {expected, 500}
    ((name, given),) = sent
    assert (name, type(given["error"]), given["event"].id) == ("event_failed", error, "evt_1")


def test_dead(site, django_hooks, sent):
    """An event that a handler gave up sends `event_dead`."""

    @django_hooks.on("*")
    def give_up(_event):
        raise Discard("no such seat")

    assert site.deliver(revoked()).status_code == 200
    assert names(sent) == ["event_dead"]


def test_conflict(site, django_hooks, sent):
    """An event with the id of another one sends `event_conflict`, with the one that came second."""
    django_hooks.on("*")(lambda _event: None)
    for license_id in ("lic_1", "lic_2"):
        site.deliver(revoked(id=license_id))
    assert names(sent) == ["event_processed", "event_conflict"]
    assert sent[1][1]["event"].data.id == "lic_2"


def test_rejected(site, django_hooks, sent):
    """A delivery that was refused sends `webhook_rejected`, with why and the request, and no event."""
    answer = site.deliver(revoked(), secret="another-secret")
    ((name, given),) = sent
    assert (answer.status_code, name, given["sender"]) == (401, "webhook_rejected", VerificationError)
    assert (given["outcome"].status, given["outcome"].reason) == (401, "signature_mismatch")
    assert (given["request"].path, "event" in given) == (f"/{site.host}/", False)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_other_methods_are_refused_too(site, sent, method):
    """What is refused before its signature is looked at is sent as well."""
    assert site.request(method, f"/{site.host}/").status_code == 405
    assert [given["outcome"].reason for _, given in sent] == ["method"]


def test_a_misconfigured_endpoint_refuses_nothing(site, settings, sent):
    """503 asks the sender to come back: nothing is rejected."""
    settings.LICENSECHAIN_HOOKS = {"TOLERANCE": 300}
    assert site.deliver(revoked()).status_code == 503
    assert sent == []


def test_an_ignored_event_has_no_end(site, sent):
    """Nobody listens, so nothing was processed."""
    assert site.deliver(revoked()).json() == {"status": "ignored"}
    assert sent == []


@pytest.mark.parametrize(
    ("kind", "error"),
    [(kind, error) for kind in ("def", "async def") for error in (LookupError, asyncio.CancelledError)]
    + [("def", SystemExit)],  # of a coroutine it ends every event loop
)
def test_a_receiver_that_fails_changes_no_answer(site, django_hooks, connect, caplog, kind, error):
    """Whatever a receiver of any signal raises, the answer is the one without it, and the log tells."""

    def fail(**_):
        raise error

    async def afail(**_):
        raise error

    for name in (*NAMES, "webhook_received"):
        connect(getattr(signals, name), fail if kind == "def" else afail)

    @django_hooks.on("license.revoked")
    def handle(event):
        if event.id == "evt_2":
            raise LookupError

    @django_hooks.on("license.created")
    def give_up(_event):
        raise Discard

    with caplog.at_level(logging.ERROR):
        answers = [
            site.deliver(revoked()),
            site.deliver(revoked(id="lic_2")),  # a conflict
            site.deliver(revoked(2)),
            site.deliver(make_event("license.created")),
            site.deliver(revoked(3), secret="another-secret"),
        ]
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [
        (200, "processed"),
        (200, "conflict"),
        (500, "failed"),
        (200, "processed"),
        (401, "rejected"),
    ]
    if (kind, error) != ("async def", asyncio.CancelledError):  # which newer Djangos take for no error
        assert len([record for record in caplog.records if record.exc_info and record.exc_info[0] is error]) >= 5


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/async/", "/sync/"])
async def test_receivers_under_asgi(asgi_post, django_hooks, connect, path):
    """Receivers of both kinds use the ORM, under either view of an asynchronous host."""
    from django_project.shop.models import Lock

    async def note(event, **_):
        await Lock.objects.acreate(license=f"{event.id} async")

    def note_too(event, **_):
        Lock.objects.create(license=f"{event.id} sync")

    connect(signals.event_processed, note)
    connect(signals.event_processed, note_too)
    django_hooks.on("*")(lambda _event: None)
    answer = await asgi_post(path, event_body(revoked()))
    assert answer.json() == {"status": "processed"}
    assert sorted([lock.license async for lock in Lock.objects.all()]) == ["evt_1 async", "evt_1 sync"]


def test_whoever_runs_the_handlers_sends_them(site, no_worker, sent, stored, settings):
    """In durable mode the process that stores sends nothing of what becomes of the entry; the worker does."""
    settings.LICENSECHAIN_HOOKS |= {"WORKER": {"max_attempts": 2}}
    settings.LICENSECHAIN_HOOKS = {**settings.LICENSECHAIN_HOOKS}

    @no_worker.on("*")
    def handle(event):
        if event.id != "evt_1":
            raise LookupError

    for number in (1, 2):
        assert site.deliver(revoked(number)).json() == {"status": "accepted"}
    assert sent == []
    stored.drain()
    assert names(sent) == ["event_processed", "event_failed"]
    stored.let_all_be_due()
    stored.drain()
    assert [(name, given["context"].attempt) for name, given in sent[2:]] == [("event_dead", 2)]
    site.deliver(revoked(2, id="lic_2"))
    assert names(sent)[3:] == ["event_conflict"]
    assert stored.entries() == [("evt_1", "processed"), ("evt_2", "dead"), ("evt_2", "conflict")]


def test_the_embedded_thread_sends_them(sync_site, durable_hooks, connect, wait_for, stored):
    """Receivers run in the worker's thread, with the ORM at hand, and async ones too."""
    from django_project.shop.models import Lock

    threads = []

    def note(event, **_):
        threads.append(threading.current_thread().name.partition("-")[0])
        Lock.objects.create(license=f"{event.id} sync")

    async def anote(event, **_):
        await Lock.objects.acreate(license=f"{event.id} async")

    connect(signals.event_processed, note)
    connect(signals.event_processed, anote)
    durable_hooks.on("*")(lambda _event: None)
    sync_site.deliver(revoked())
    wait_for(lambda: stored.entries() == [("evt_1", "processed")])
    assert (stored.locks(), threads) == (["evt_1 async", "evt_1 sync"], ["licensechain_hooks.worker"])


def test_a_receiver_that_fails_leaves_the_entry_alone(sync_site, no_worker, connect, stored, caplog):
    """An entry is processed, though a receiver of every signal raises."""

    def fail(**_):
        raise SystemExit

    for name in (*NAMES, "webhook_received"):
        connect(getattr(signals, name), fail)
    no_worker.on("*")(lambda _event: None)
    sync_site.deliver(revoked())
    assert (stored.drain(), stored.entries()) == (1, [("evt_1", "processed")])


def test_one_sender_only(site, django_hooks, connect):
    """A receiver that names a class as the sender is given events of that class alone."""
    received = []
    connect(signals.event_processed, lambda event, **_: received.append(event.type), sender=LicenseRevoked)
    django_hooks.on("*")(lambda _event: None)
    for event in (revoked(), make_event("license.created")):
        site.deliver(event)
    assert received == ["license.revoked"]
