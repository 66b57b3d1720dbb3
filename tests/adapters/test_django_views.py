"""Django's views: what stands between the server and a handler must not get in the way."""

import logging
import sys
from pathlib import Path

import pytest
from django.test import Client

from licensechain_hooks.testing import event_body, make_event

if (here := str(Path(__file__).parent)) not in sys.path:
    sys.path.append(here)
pytest_plugins = ["django_project.support"]

_LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"


def test_an_event_reaches_its_handler(site, django_hooks):
    """A signed delivery runs the handler with the bytes that were signed, and is answered 200."""
    taken = []
    event = make_event("license.revoked")
    body = event_body(event) + b"\n"

    @django_hooks.on("license.revoked")
    def lock(event, context):
        taken.append((event.id, context.raw_body))

    response = site.deliver(body)
    assert (response.status_code, response.json()) == (200, {"status": "processed"})
    assert taken == [(event.id, body)]


def test_a_duplicate_runs_once(site, django_hooks):
    """The second delivery of an event is answered 200 and runs nothing."""
    runs = []
    django_hooks.on("*")(runs.append)
    event = make_event()
    assert [site.deliver(event).json()["status"] for _ in range(2)] == ["processed", "duplicate"]
    assert len(runs) == 1


def test_a_failed_event_runs_again(site, django_hooks):
    """A handler's failure answers 500 and frees the event, so that its redelivery runs."""
    runs = []

    @django_hooks.on("*")
    def fail_once(event):
        runs.append(event.id)
        if len(runs) == 1:
            msg = "not yet"
            raise RuntimeError(msg)

    event = make_event()
    assert [site.deliver(event).status_code for _ in range(2)] == [500, 200]
    assert runs == [event.id, event.id]


def test_a_forged_delivery_is_refused(site, django_hooks):
    """Another secret's signature is answered 401 and runs nothing."""
    runs = []
    django_hooks.on("*")(runs.append)
    response = site.deliver(make_event(), secret="another-secret")
    assert (response.status_code, response.json()) == (401, {"status": "rejected"})
    assert runs == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods(site, method):
    """Row 21: every method but POST is answered 405 in the receiver's words; HEAD without a body."""
    response = site.request(method, f"/{site.host}/")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert response.headers["Content-Type"] == "application/json"
    assert response.content == (b"" if method == "HEAD" else b'{"status": "rejected"}')


def test_the_view_itself_gives_head_no_body(rf, django_hooks):
    """The view does not rely on a server to drop the body of a reply to HEAD."""
    from licensechain_hooks.contrib.django.views import webhook

    assert webhook(rf.head("/")).content == b""
    assert webhook(rf.get("/")).content == b'{"status": "rejected"}'


def test_csrf_protection(site, django_hooks):
    """Row 41: deliveries carry no CSRF token and need none, where an ordinary view asks for it."""
    django_hooks.on("*")(lambda _event: None)
    assert site.deliver(make_event()).json() == {"status": "processed"}
    assert site.deliver(make_event(), path="/plain/").status_code == 403


def test_login_required_middleware(site, django_hooks, settings):
    """Row 41: deliveries need no login, where an ordinary view redirects to it."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, _LOGIN_REQUIRED]
    django_hooks.on("*")(lambda _event: None)
    assert site.deliver(make_event()).json() == {"status": "processed"}
    assert site.request("GET", "/plain/").status_code == 302


@pytest.mark.parametrize("debug", [False, True])
def test_append_slash_never_redirects(site, debug, settings):
    """Row 41: a delivery to the path without its slash is not found; a redirect would lose it in silence."""
    settings.DEBUG = debug
    assert settings.APPEND_SLASH
    assert site.deliver(make_event(), path=f"/{site.host}").status_code == 404
    assert site.request("GET", "/plain").status_code == 301


@pytest.mark.django_db(transaction=True)
def test_atomic_requests(site, django_hooks, monkeypatch):
    """Row 41: the view is in no transaction; what a handler wrote stays, though another one fails."""
    from django.db import connection, connections
    from django_project.shop.models import Lock

    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    in_transaction = []

    @django_hooks.on("license.revoked")
    def lock(event):
        in_transaction.append(connection.in_atomic_block)
        Lock.objects.create(license=event.data.id)

    @django_hooks.on("license.revoked")
    def fail(event):
        Lock.objects.create(license=event.data.id)  # a second one: refused by the database

    @django_hooks.on("license.revoked")
    def note(event):
        Lock.objects.create(license=f"{event.data.id} noted")

    response = site.deliver(make_event("license.revoked", data={"id": "lic_1"}))
    assert (response.status_code, in_transaction) == (500, [False])
    assert sorted(Lock.objects.values_list("license", flat=True)) == ["lic_1", "lic_1 noted"]


def test_every_database_is_exempt_from_atomic_requests():
    """Row 41: the exemption names every alias, not the default one alone."""
    from django.db import connections

    from licensechain_hooks.contrib.django.views import async_webhook, webhook

    assert [view._non_atomic_requests for view in (webhook, async_webhook)] == [set(connections)] * 2


def test_data_upload_max_memory_size(site, django_hooks, settings):
    """The limit of forms is not the limit of deliveries: Django would answer 400 to ``request.body``."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    django_hooks.on("*")(lambda _event: None)
    assert site.deliver(make_event()).json() == {"status": "processed"}


def test_max_body(site, django_hooks, settings):
    """Row 14: a body over MAX_BODY is answered 413, one at MAX_BODY is taken."""
    django_hooks.on("*")(lambda _event: None)
    body = event_body(make_event())
    settings.LICENSECHAIN_HOOKS |= {"MAX_BODY": len(body)}
    assert [site.deliver(body).status_code, site.deliver(body + b" ").status_code] == [200, 413]


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])
def test_content_type_does_not_matter(site, django_hooks, content_type):
    """Row 17: JSON decides, whatever the header calls it, and no form is parsed."""
    django_hooks.on("*")(lambda _event: None)
    response = site.deliver(make_event(), **{"Content-Type": content_type})
    assert (response.status_code, response.json()) == (200, {"status": "processed"})


@pytest.mark.parametrize("name", ["ReadsBody", "ReadsForm"])
def test_a_middleware_that_keeps_the_body(site, django_hooks, settings, name):
    """A body that ``request.body`` has kept is used, also where a form was made of it."""
    settings.MIDDLEWARE = [f"django_project.middleware.{name}", *settings.MIDDLEWARE]
    django_hooks.on("*")(lambda _event: None)
    response = site.deliver(make_event(), **{"Content-Type": "application/x-www-form-urlencoded"})
    assert response.json() == {"status": "processed"}


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("ReadsForm", "multipart/form-data; boundary=x"), ("ReadsStream", "application/json")],
)
def test_a_middleware_that_consumes_the_body(site, django_hooks, settings, caplog, name, content_type):
    """Row 42: a body that is gone is a 500 whose log names the cause, never a silent empty body."""
    settings.MIDDLEWARE = [f"django_project.middleware.{name}", *settings.MIDDLEWARE]
    with caplog.at_level(logging.ERROR, "licensechain_hooks"):
        response = site.deliver(make_event(), **{"Content-Type": content_type})
    assert (response.status_code, response.json()) == (500, {"status": "failed"})
    assert [record.reason for record in caplog.records if record.name == "licensechain_hooks"] == ["body_consumed"]


def test_rest_framework(sync_site, django_hooks):
    """Row 41: installed, REST framework is not in the way, and a view of its own may hand its requests over."""
    django_hooks.on("*")(lambda _event: None)
    assert sync_site.deliver(make_event(), path="/rest/").json() == {"status": "processed"}


def test_rest_framework_that_parsed(sync_site, django_hooks):
    """Row 42: once ``request.data`` is read the body is kept or gone, by its version; never silently empty."""
    django_hooks.on("*")(lambda _event: None)
    response = sync_site.deliver(make_event(), path="/rest/?parse")
    assert (response.status_code, response.json()["status"]) in {(200, "processed"), (500, "failed")}


@pytest.mark.parametrize("name", ["", "ReadsBody", "ReadsForm", "ReadsStream"])
def test_chunked_under_wsgi(wsgi_post, django_hooks, settings, name):
    """Row 15: a chunked body is read from the server, though Django, and who asks it before, see an empty one."""
    if name:
        settings.MIDDLEWARE = [f"django_project.middleware.{name}", *settings.MIDDLEWARE]
    django_hooks.on("*")(lambda _event: None)
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    answer = wsgi_post("/sync/", event_body(make_event()), **chunked)
    assert (answer.status_code, answer.json()) == (200, {"status": "processed"})


def test_chunked_without_an_end(wsgi_post):
    """Row 15: where a server does not say that a chunked body ends, the sender is asked for a length."""
    answer = wsgi_post("/sync/", event_body(make_event()), HTTP_TRANSFER_ENCODING="chunked")
    assert (answer.status_code, answer.json()) == (411, {"status": "rejected"})


def test_a_body_shorter_than_declared(wsgi_post):
    """Row 14: fewer bytes than Content-Length says are answered 400."""
    body = event_body(make_event())
    answer = wsgi_post("/sync/", body, CONTENT_LENGTH=str(len(body) + 1))
    assert (answer.status_code, answer.json()) == (400, {"status": "rejected"})


@pytest.mark.parametrize("path", ["/sync/", "/async/"])
async def test_chunked_under_asgi(asgi_post, django_hooks, path):
    """Row 15: a body that arrives in pieces, without a length, is put together by Django and read from it."""
    django_hooks.on("*")(lambda _event: None)
    body = event_body(make_event())
    answer = await asgi_post(path, body, chunks=[body[:10], body[10:11], body[11:]])
    assert (answer.status_code, answer.json()) == (200, {"status": "processed"})


def test_a_view_of_its_own_for_each_receiver(rf, django_hooks):
    """A project with several endpoints makes a view for each; their secrets are their own."""
    from django_project.support import SECRET

    from licensechain_hooks.contrib.django.conf import HookSettings, Receivers
    from licensechain_hooks.contrib.django.views import webhook_view
    from licensechain_hooks.testing import sign_request

    taken = []
    django_hooks.on("*", endpoint="eu")(taken.append)
    eu = HookSettings(name="eu", secrets=["the-secret-of-eu-endpoint"], hooks=django_hooks, processing="inline")
    view = webhook_view(Receivers(eu).get())
    event = make_event()

    def answer(secret):
        body = event_body(event)
        return view(rf.generic("POST", "/", body, headers=sign_request(body, secret))).status_code

    assert [answer(SECRET), answer("the-secret-of-eu-endpoint")] == [401, 200]
    assert taken == [event]


def test_the_url_has_a_name():
    """The view is reversed as ``licensechain_hooks:webhook``."""
    from django.urls import reverse

    assert reverse("licensechain_hooks:webhook") == "/sync/"


def test_middleware_sees_an_ordinary_response(sync_site, settings):
    """A reply is Django's own response: middleware adds to it, and its length is the body's."""
    settings.MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", *settings.MIDDLEWARE]
    response = sync_site.deliver(make_event(), secret="another-secret")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Length"] == str(len(response.content))


def test_the_test_client_of_a_project_works(django_hooks):
    """A project's own test may post a signed body with a plain ``Client``."""
    from django_project.support import SECRET

    from licensechain_hooks.testing import sign_request

    django_hooks.on("*")(lambda _event: None)
    body = event_body(make_event())
    headers = sign_request(body, SECRET)
    response = Client().post("/sync/", body, content_type=headers.pop("Content-Type"), headers=headers)
    assert response.status_code == 200
