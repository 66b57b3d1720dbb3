"""Threads and event loops under Django: each handler runs where its database connection is looked after."""

import asyncio
import sys
import threading
from asyncio import CancelledError
from pathlib import Path

import pytest

from licensechain_hooks import Retry, VerificationError
from licensechain_hooks.testing import event_body, make_event

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]


def test_handlers_of_both_kinds_run_in_order(site, django_hooks):
    """``def`` and ``async def`` handlers mix under either view, in the order of registration."""
    ran = []

    @django_hooks.on("license.revoked")
    def first(event):
        ran.append("def")

    @django_hooks.on("license.revoked")
    async def second(event):
        await asyncio.sleep(0)
        ran.append("async def")

    @django_hooks.on("license.*")
    def third(event, context):
        ran.append(context.attempt)

    assert site.deliver(make_event("license.revoked")).json() == {"status": "processed"}
    assert ran == ["def", "async def", 1]


async def test_async_handlers_run_on_the_loop_of_the_server(asgi_post, django_hooks):
    """Under ASGI a coroutine runs on the server's own loop, a function in another thread; by either view."""
    places = []

    @django_hooks.on("*")
    async def on_loop(event):
        places.append(asyncio.get_running_loop())

    @django_hooks.on("*")
    def in_thread(event):
        places.append(threading.get_ident())

    for path in ("/async/", "/sync/"):
        assert (await asgi_post(path, event_body(make_event()))).status_code == 200
    assert [places[0], places[2]] == [asyncio.get_running_loop()] * 2
    assert threading.get_ident() not in {places[1], places[3]}


@pytest.mark.django_db
def test_async_handlers_share_the_connection_of_the_request(sync_site, django_hooks):
    """Under WSGI the ORM calls of a coroutine use the request's own connection, and so see its transaction."""
    from django.db import transaction
    from django_project.shop.models import Lock

    @django_hooks.on("license.revoked")
    async def lock(event):
        await Lock.objects.acreate(license=event.data.id)

    with transaction.atomic():
        assert sync_site.deliver(make_event("license.revoked", data={"id": "lic_1"})).status_code == 200
        assert list(Lock.objects.values_list("license", flat=True)) == ["lic_1"]
        transaction.set_rollback(True)
    assert not Lock.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("path", ["/async/", "/sync/"])
async def test_no_connection_outlives_its_request(asgi_post, django_hooks, path):
    """Under ASGI, handlers of both kinds use one connection a request, which Django closes with it."""
    from django.db import connection
    from django_project.shop.models import Lock

    opened = []

    @django_hooks.on("license.revoked")
    def lock(event):
        Lock.objects.create(license=event.data.id)
        opened.append(connection.connection)

    @django_hooks.on("license.revoked")
    async def note(event):
        await Lock.objects.acreate(license=f"{event.data.id} noted")

    bodies = [event_body(make_event("license.revoked", data={"id": f"lic_{number}"})) for number in range(3)]
    answers = [await asgi_post(path, body) for body in bodies]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert await Lock.objects.acount() == 6
    assert len(opened) == 3
    assert [_is_closed(raw) for raw in opened] == [True, True, True]


def _is_closed(raw):
    import sqlite3

    try:
        raw.total_changes  # noqa: B018 - which a closed connection does not know
    except sqlite3.ProgrammingError as error:
        return "closed" in str(error)
    return False


@pytest.mark.parametrize("error", [RuntimeError, SystemExit, CancelledError, RecursionError, GeneratorExit])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_whatever_a_handler_raises(sync_site, django_hooks, kind, error):
    """Row 34: a handler's failure of any class is a 500 under WSGI; the other handlers run, the event is freed."""
    ran = []

    async def fail_async(event):
        raise error

    def fail(event):
        raise error

    django_hooks.on("*")(fail_async if kind == "async def" else fail)
    django_hooks.on("*")(ran.append)
    event = make_event()
    assert [sync_site.deliver(event).status_code for _ in range(2)] == [500, 500]
    assert ran == [event, event]


def test_retry_of_an_async_handler(site, django_hooks):
    """What a coroutine raises reaches the receiver as it was: `Retry` is 503 with Retry-After."""

    @django_hooks.on("*")
    async def later(event):
        raise Retry

    response = site.deliver(make_event())
    assert (response.status_code, response.headers["Retry-After"]) == (503, "10")


def test_the_functions_beside_handlers_may_be_async(site, django_hooks):
    """``before``, ``on_error`` and ``on_conflict`` take coroutines, under either view."""
    told = []

    @django_hooks.before
    async def first(event):
        told.append("before")

    @django_hooks.on_error
    async def alert(error, event, context):
        told.append(type(error))

    @django_hooks.on_conflict
    async def compare(event):
        told.append("conflict")

    @django_hooks.on("license.created")
    def fail(event):
        raise LookupError

    @django_hooks.on("license.revoked")
    def succeed(event):
        told.append("handler")

    site.deliver(make_event("license.created"))
    site.deliver(make_event("license.revoked", event_id="evt_1"))
    site.deliver(make_event("license.revoked", event_id="evt_1", data={"id": "lic_2"}))
    assert told == ["before", LookupError, "before", "handler", "conflict"]


@pytest.mark.django_db
def test_the_functions_beside_handlers_share_the_connection_of_the_request(sync_site, django_hooks):
    """Under WSGI the ORM calls of ``before``, ``on_error`` and ``on_conflict`` see the request's transaction too."""
    from django_project.shop.models import Lock

    @django_hooks.before
    async def first(event):
        await Lock.objects.acreate(license="before")

    @django_hooks.on_error
    async def alert(error, event, context):
        await Lock.objects.acreate(license="on_error")

    @django_hooks.on_conflict
    async def compare(event):
        await Lock.objects.acreate(license="on_conflict")

    @django_hooks.on("license.revoked")
    def succeed(event):
        pass

    @django_hooks.on("license.created")
    def fail(event):
        raise LookupError

    def written(event):
        sync_site.deliver(event)
        licenses = [row.license for row in Lock.objects.order_by("pk")]
        Lock.objects.all().delete()
        return licenses

    assert written(make_event("license.revoked", event_id="evt_1")) == ["before"]
    assert written(make_event("license.revoked", event_id="evt_1", data={"id": "lic_2"})) == ["on_conflict"]
    assert written(make_event("license.created")) == ["before", "on_error"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("host", ["sync", "async"])
async def test_secrets_out_of_the_database(asgi_post, django_hooks, settings, host, kind):
    """A secrets callable of either kind may use the ORM under either view, and choose by the tenant's path."""
    from django_project.shop.models import Tenant
    from django_project.support import SECRET

    await Tenant.objects.acreate(slug="one", secret=SECRET)
    await Tenant.objects.acreate(slug="two", secret="the-signing-secret-of-another")

    def wanted(request):
        return Tenant.objects.filter(slug=request.path.split("/")[2])

    def secrets(request):
        return [tenant.secret for tenant in wanted(request)] or _unknown()

    async def asecrets(request):
        return [tenant.secret async for tenant in wanted(request)] or _unknown()

    settings.LICENSECHAIN_HOOKS |= {"SECRETS": secrets if kind == "def" else asecrets}
    django_hooks.on("*")(lambda _event: None)
    paths = [f"/{host}/{slug}/" for slug in ("one", "two", "three")]
    answers = [await asgi_post(path, event_body(make_event())) for path in paths]
    assert [answer.status_code for answer in answers] == [200, 401, 401]


def _unknown():
    raise VerificationError("unknown_tenant")


@pytest.mark.django_db
def test_secrets_out_of_the_database_under_wsgi(sync_site, django_hooks, settings):
    """Under WSGI too, and there in the request's own transaction."""
    from django_project.shop.models import Tenant
    from django_project.support import SECRET

    Tenant.objects.create(slug="one", secret=SECRET)

    async def secrets(request):
        return [tenant.secret async for tenant in Tenant.objects.filter(slug="one")]

    settings.LICENSECHAIN_HOOKS |= {"SECRETS": secrets}
    django_hooks.on("*")(lambda _event: None)
    assert sync_site.deliver(make_event(), path="/sync/one/").status_code == 200
