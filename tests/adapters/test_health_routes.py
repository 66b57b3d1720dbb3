"""Every adapter answers probes: whether deliveries can be accepted, and whether the process works."""

import json

import fastapi
import flask
import pytest
from starlette.applications import Starlette

from licensechain_hooks import Endpoint, Hooks, Receiver, StoreUnavailableError, WorkerSettings
from licensechain_hooks.contrib.fastapi import health_router, webhook_router
from licensechain_hooks.contrib.flask import LicenseChainHooks, health_blueprint
from licensechain_hooks.contrib.starlette import health_routes
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.testing.conformance import RawDelivery, asgi_exchange, wsgi_exchange

pytestmark = pytest.mark.usefixtures("patient_health")


class Inbox(MemoryInbox):
    """An inbox that can be down."""

    is_down = False

    def stats(self):
        if self.is_down:
            msg = "host=db.internal"
            raise StoreUnavailableError(msg)
        return super().stats()


@pytest.fixture
def inbox():
    return Inbox()


@pytest.fixture
def receiver(inbox):
    settings = WorkerSettings(embedded=False)
    return Receiver(Endpoint(secrets=["the-secret-of-these-tests"]), Hooks(), inbox=inbox, worker=settings)


def starlette_app(receiver, **options):
    return Starlette(routes=health_routes("/healthz", receiver, **options))


def fastapi_app(receiver, **options):
    app = fastapi.FastAPI()
    app.include_router(health_router(receiver, **options))
    return app


def flask_app(receiver, **options):
    app = flask.Flask("health")
    app.register_blueprint(health_blueprint(receiver, **options))
    return app


@pytest.fixture(params=[starlette_app, fastapi_app, flask_app], ids=["starlette", "fastapi", "flask"])
def make_ask(request, receiver):
    """An application with the routes, as a function from a path and a method to a status and what is told."""

    def make(**options):
        app = request.param(receiver, **options)
        exchange = wsgi_exchange if request.param is flask_app else asgi_exchange

        def ask(path, method="GET"):
            answer = exchange(app, RawDelivery(method=method), path)
            return answer.status, json.loads(answer.body) if answer.body.startswith(b"{") else None

        return ask

    return make


def test_all_is_well(make_ask):
    """Both probes are answered 200 and told nothing but that."""
    ask = make_ask()
    assert ask("/healthz") == (200, {"status": "ready"})
    assert ask("/healthz/live") == (200, {"status": "live"})


def test_the_inbox_is_down(make_ask, inbox):
    """Without its inbox the application is not ready, but live; why is nobody's business."""
    inbox.is_down = True
    ask = make_ask()
    assert ask("/healthz") == (503, {"status": "not ready"})
    assert ask("/healthz/live") == (200, {"status": "live"})


def test_details(make_ask):
    """Who asks for details on the route gets the figures there."""
    ask = make_ask(details=True)
    expected = {"status": "ready", "inbox": "ok", "backlog": 0, "oldest_seconds": 0.0, "dead": 0}
    assert ask("/healthz") == (200, expected)


@pytest.mark.parametrize(("method", "expected"), [("HEAD", 200), ("POST", 405)])
def test_methods(make_ask, method, expected):
    """A probe reads; nothing else is accepted."""
    ask = make_ask()
    assert [ask(path, method)[0] for path in ("/healthz", "/healthz/live")] == [expected, expected]


def test_openapi_does_not_mention_them(receiver):
    """Probes are no part of an API."""
    app = fastapi_app(receiver)
    app.include_router(webhook_router(receiver))
    assert list(app.openapi()["paths"]) == ["/webhooks/licensechain"]


def test_the_flask_extension(inbox):
    """With LICENSECHAIN_HEALTH_PATH the extension answers probes; without it there is no such route."""
    config = {"LICENSECHAIN_WEBHOOK_SECRET": "the-secret-of-these-tests", "LICENSECHAIN_INBOX": inbox}
    for path, expected in ((None, 404), ("/health/", 200)):
        app = flask.Flask("extension")
        app.config.update(config, LICENSECHAIN_HEALTH_PATH=path)
        LicenseChainHooks(Hooks()).init_app(app)
        client = app.test_client()
        assert [client.get(f"/health/{probe}").status_code for probe in ("", "live")] == [expected, expected]
