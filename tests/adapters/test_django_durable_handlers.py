"""Handlers of stored deliveries under Django: run by a worker, with its database at hand."""

import asyncio
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from licensechain_hooks import Discard
from licensechain_hooks.testing import make_event
from licensechain_hooks.worker._limits import can_interrupt

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]


def test_a_transactional_handler(site, no_worker, stored):
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
    assert (stored.drain(), stored.entries(), stored.locks()) == (1, [("evt_1", "failed")], [])
    stored.let_all_be_due()
    assert (stored.drain(), stored.entries(), stored.locks()) == (1, [("evt_1", "processed")], ["lic_1 2"])
    assert attempts == [True, True]


def test_only_what_failed_runs_again(site, no_worker, stored):
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
    stored.drain()
    stored.let_all_be_due()
    stored.drain()
    assert ran == [("fail_once", 1), ("succeed", 1), ("fail_once", 2)]


def test_handlers_of_both_kinds_in_the_worker(sync_site, durable_hooks, wait_for, stored):
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
    wait_for(lambda: stored.entries() == [("evt_1", "processed")])
    assert stored.locks() == ["lic_1", "lic_1 noted"]
    assert threads["def"].startswith("licensechain_hooks.worker-")
    assert not threads["async def"].startswith("licensechain_hooks.worker-")
    assert threads["atomic"] is False


def test_a_coroutines_orm_calls_share_one_connection(no_worker, sync_site, stored):
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
    stored.drain()
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
        await asyncio.Event().wait()

    durable_hooks.on("*")(hang if kind == "def" else ahang)
    sync_site.deliver(make_event())
    wait_for(lambda: Entry.objects.filter(state="dead").exists())
    assert Entry.objects.get().error_code == "HandlerTimeLimitError"


def test_listeners_in_the_worker(sync_site, no_worker, stored):
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
    stored.drain()
    assert stored.entries() == [("evt_1", "dead"), ("evt_2", "failed")]
    assert stored.locks() == ["LookupError evt_2", "dead evt_1", "dead, too: evt_1"]


def test_connections_of_the_worker_are_closed(durable_hooks, sync_site, wait_for, stored):
    """After each entry a worker's thread closes what Django would close after a request."""
    from django.db import connection
    from django_project.shop.models import Lock

    used = []

    @durable_hooks.on("*")
    def look(event):
        Lock.objects.count()
        used.append(connection.connection)

    sync_site.deliver(make_event(event_id="evt_1"))
    wait_for(lambda: stored.entries() == [("evt_1", "processed")])
    with pytest.raises(Exception, match="closed"):
        used[0].total_changes  # noqa: B018
