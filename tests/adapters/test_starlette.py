"""What is Starlette's own: routes, lifespan, and routes of one's own."""

import logging

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.routing import Mount, Route

from licensechain_hooks import Endpoint, Hooks, Receiver
from licensechain_hooks.contrib.starlette import (
    hooks_lifespan,
    to_hook_request,
    to_starlette_response,
    webhook_route,
)
from licensechain_hooks.testing.conformance import Forge, asgi_exchange

PATH = "/webhooks/licensechain"


@pytest.fixture
def forge():
    """Makes deliveries."""
    return Forge(secret="the-secret-of-the-starlette-tests")


@pytest.fixture
def seen():
    """The events handled."""
    return []


@pytest.fixture
def receiver(forge, seen):
    """A receiver that writes down every event."""
    hooks = Hooks()
    hooks.on("*")(seen.append)
    return Receiver(Endpoint(secrets=[forge.secret], max_body=forge.max_body), hooks)


def own_route(receiver):
    async def endpoint(request):
        return to_starlette_response(await receiver.areceive(to_hook_request(request)))

    return Route(PATH, endpoint, methods=["POST"])


def test_a_route_of_ones_own(forge, receiver, seen):
    """`to_hook_request` and `to_starlette_response` are all a route needs."""
    app = Starlette(routes=[own_route(receiver)])
    assert asgi_exchange(app, forge.delivery(), PATH).outcome == "processed"
    assert len(seen) == 1


def test_a_body_that_was_kept(forge, receiver):
    """`await request.body()` keeps the bytes: they are used."""

    async def endpoint(request):
        await request.body()
        return to_starlette_response(await receiver.areceive(to_hook_request(request)))

    app = Starlette(routes=[Route(PATH, endpoint, methods=["POST"])])
    assert asgi_exchange(app, forge.delivery(), PATH).outcome == "processed"


def test_a_body_that_was_streamed_away(forge, receiver, caplog):
    """Row 42: whoever reads the stream before us leaves nothing to verify: a 500 whose log names the cause."""

    async def endpoint(request):
        async for _chunk in request.stream():
            pass
        return to_starlette_response(await receiver.areceive(to_hook_request(request)))

    app = Starlette(routes=[Route(PATH, endpoint, methods=["POST"])])
    answer = asgi_exchange(app, forge.delivery(), PATH)
    assert (answer.status, answer.outcome) == (500, "failed")
    assert "body_consumed" in caplog.text


def test_a_middleware_that_reads_the_body(forge, receiver):
    """A BaseHTTPMiddleware that reads the body hands it on: the bytes still verify."""

    async def reading(request, call_next):
        await request.body()
        return await call_next(request)

    app = Starlette(
        routes=[webhook_route(PATH, receiver)], middleware=[Middleware(BaseHTTPMiddleware, dispatch=reading)]
    )
    assert asgi_exchange(app, forge.delivery(), PATH).outcome == "processed"


def test_mounted(forge, receiver):
    """The bare application can be mounted."""
    app = Starlette(routes=[Mount("/webhooks", receiver.asgi)])
    assert asgi_exchange(app, forge.delivery(), PATH).outcome == "processed"


def test_the_route_has_a_name(receiver):
    """`url_path_for` finds the endpoint."""
    app = Starlette(routes=[webhook_route(PATH, receiver)])
    assert app.url_path_for("licensechain_webhook") == PATH


async def test_the_lifespan_says_what_listens(receiver, caplog):
    """At start the log says how many handlers there are; a receiver without any warns."""
    caplog.set_level(logging.INFO)
    async with hooks_lifespan(receiver)(None):
        pass
    async with hooks_lifespan(Receiver(receiver.endpoint, Hooks()))(None):
        pass
    assert [(record.levelname, record.handlers) for record in caplog.records] == [("INFO", 1), ("WARNING", 0)]
