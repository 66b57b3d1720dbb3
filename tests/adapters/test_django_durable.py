"""Durable mode under Django: a delivery is stored in its database, and answered."""

import sys
import threading
from pathlib import Path

import pytest

from licensechain_hooks.testing import event_body, make_event

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]


def test_stored_answered_and_run(site, durable_hooks, wait_for, stored):
    """By default a delivery is in the database when it is answered, and a thread of the process runs its handlers."""
    ran = []

    @durable_hooks.on("license.revoked")
    def lock(event):
        ran.append((event.id, threading.current_thread().name.partition("-")[0]))

    response = site.deliver(make_event("license.revoked", event_id="evt_1"))
    assert (response.status_code, response.json()) == (200, {"status": "accepted"})
    wait_for(lambda: stored.entries() == [("evt_1", "processed")])
    assert ran == [("evt_1", "licensechain_hooks.worker")]


def test_another_process_runs_them(site, no_worker, stored):
    """With PROCESSING "worker" this process stores, and starts nothing."""
    ran = []
    no_worker.on("*")(ran.append)
    assert site.deliver(make_event(event_id="evt_1")).json() == {"status": "accepted"}
    assert (stored.entries(), ran) == ([("evt_1", "received")], [])
    assert (stored.drain(), len(ran), stored.entries()) == (1, 1, [("evt_1", "processed")])


def test_duplicates_and_conflicts(site, no_worker, stored):
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
    assert (told, stored.entries()) == ([other], [("evt_1", "received"), ("evt_1", "conflict")])


def test_nobody_listens(site, no_worker, stored):
    """An event without a handler is stored as ignored."""
    assert site.deliver(make_event(event_id="evt_1")).json() == {"status": "ignored"}
    assert (stored.entries(), stored.drain()) == ([("evt_1", "ignored")], 0)


def test_atomic_requests(site, no_worker, monkeypatch, stored):
    """Row 41: in a project with ATOMIC_REQUESTS a delivery is committed by itself, before the answer."""
    from django.db import connection, connections

    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    no_worker.on("*")(lambda _event: None)
    assert site.deliver(make_event(event_id="evt_1")).json() == {"status": "accepted"}
    assert (connection.in_atomic_block, stored.entries()) == (False, [("evt_1", "received")])


def test_a_view_that_is_in_a_transaction(sync_site, no_worker, monkeypatch, stored):
    """Where a view of the project's own is in one, the sender comes back: the transaction could be rolled back."""
    from django.db import connections

    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    no_worker.on("*")(lambda _event: None)
    assert sync_site.deliver(make_event(), path="/rest/").status_code == 503
    assert stored.entries() == []


@pytest.mark.django_db
def test_a_test_case_sees_what_is_stored(sync_site, django_hooks, settings, stored):
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
    assert stored.drain() == 1
    assert (stored.entries(), stored.locks()) == ([("evt_1", "processed")], ["lic_1", "lic_1 noted"])


def test_the_database_is_locked(sync_site, no_worker, monkeypatch, stored):
    """Row 37: a database that does not take the delivery is 503 with Retry-After, and nothing is stored."""
    import sqlite3

    from django.db import connection

    from licensechain_hooks.contrib.django import inbox

    monkeypatch.setattr(inbox, "BUDGET", 0)
    no_worker.on("*")(lambda _event: None)
    other = sqlite3.connect(connection.settings_dict["NAME"])
    other.execute("BEGIN IMMEDIATE")
    response = sync_site.deliver(make_event(event_id="evt_1"))
    other.close()
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert stored.entries() == []
    assert sync_site.deliver(make_event(event_id="evt_1")).json() == {"status": "accepted"}


def test_a_body_as_it_was_sent(site, no_worker):
    """The inbox keeps the very bytes that were signed."""
    from licensechain_hooks.contrib.django.models import Entry

    body = event_body(make_event(data={"id": "lic_\u00e9 \U0001f600"})) + b"\n"
    no_worker.on("*")(lambda _event: None)
    site.deliver(body)
    assert bytes(Entry.objects.get().raw_body) == body
