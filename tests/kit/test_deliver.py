"""`deliver`: one function for every framework's test client, and errors that say what to do."""

import asyncio
from collections.abc import Callable
from typing import Any

import flask
import httpx2
import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from licensechain_hooks import ConfigurationError, Endpoint, Event, Hooks, Receiver
from licensechain_hooks.contrib.fastapi import webhook_router
from licensechain_hooks.contrib.flask import LicenseChainHooks, webhook_blueprint
from licensechain_hooks.contrib.starlette import webhook_route
from licensechain_hooks.testing import FrozenClock, deliver, make_delivery, make_event

SECRET = "the-secret-of-these-deliveries"
CLIENTS: dict[str, Callable[[Hooks, str], Any]] = {}


def client(make: Callable[[Hooks, str], Any]) -> Callable[[Hooks, str], Any]:
    CLIENTS[make.__name__] = make
    return make


def receiver(hooks: Hooks) -> Receiver:
    return Receiver(Endpoint(secrets=[SECRET, "an-older-secret"]), hooks)


@client
def flask_client(hooks: Hooks, path: str) -> Any:
    app = flask.Flask(__name__)
    app.config.update(LICENSECHAIN_WEBHOOK_SECRET=SECRET, LICENSECHAIN_PATH=path)
    LicenseChainHooks(hooks).init_app(app)
    return app.test_client()


@client
def starlette_client(hooks: Hooks, path: str) -> Any:
    return TestClient(Starlette(routes=[webhook_route(path, receiver(hooks))]))


@client
def mounted_client(hooks: Hooks, path: str) -> Any:
    prefix, _, last = path.rpartition("/")
    inner = Starlette(routes=[webhook_route(f"/{last}", receiver(hooks))])
    return TestClient(GZipMiddleware(Starlette(routes=[Mount(prefix, inner)])))


@client
def fastapi_client(hooks: Hooks, path: str) -> Any:
    app = FastAPI()
    app.include_router(webhook_router(receiver(hooks), path=path))
    return TestClient(app)


@client
def httpx2_client(hooks: Hooks, path: str) -> Any:
    app = flask.Flask(__name__)
    app.config.update(LICENSECHAIN_WEBHOOK_SECRET=SECRET, LICENSECHAIN_PATH=path)
    LicenseChainHooks(hooks).init_app(app)
    return httpx2.Client(transport=httpx2.WSGITransport(app=app), base_url="http://testserver")


@client
def httpx2_async_client(hooks: Hooks, path: str) -> Any:
    app = Starlette(routes=[webhook_route(path, receiver(hooks))])
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://testserver")


def waited(response: Any) -> Any:
    """The response, of an asynchronous client too."""

    async def wait() -> Any:
        return await response

    return asyncio.run(wait()) if hasattr(response, "__await__") else response


@pytest.fixture(params=CLIENTS)
def make_client(request: pytest.FixtureRequest) -> Callable[[Hooks, str], Any]:
    """Makes a client whose application has these hooks, and receives at this path."""
    return CLIENTS[request.param]


def test_every_client(make_client: Callable[[Hooks, str], Any]) -> None:
    """Without a word about path or secret the event arrives, for the application shows both; a second time too."""
    seen: list[Event] = []
    hooks = Hooks()
    hooks.on("*")(seen.append)
    client, event = (
        make_client(hooks, "/deep/down/licensechain"),
        make_event("license.revoked", seed=1, timestamp=NOW()),
    )
    responses = [waited(deliver(client, event)) for _ in range(2)]
    told = [(response.status_code, getattr(response, "content", None) or response.data) for response in responses]
    assert told == [(200, b'{"status": "processed"}'), (200, b'{"status": "duplicate"}')]
    assert seen == [event]


def NOW() -> Any:  # noqa: N802
    return FrozenClock().now


@pytest.mark.parametrize("tamper", ["body", "signature", "timestamp"])
def test_with_a_fault(make_client: Callable[[Hooks, str], Any], tamper: Any) -> None:
    """A tampered delivery is a 401 under every framework."""
    client = make_client(Hooks(), "/webhooks/licensechain")
    assert waited(deliver(client, make_event(), tamper=tamper)).status_code == 401


def test_with_a_secret_of_ones_own(make_client: Callable[[Hooks, str], Any]) -> None:
    """A given secret signs, a given time is sent, raw bytes are signed, and a made delivery goes as it is."""
    client = make_client(Hooks(), "/webhooks/licensechain")
    assert waited(deliver(client, make_event(), secret="another-secret")).status_code == 401
    assert waited(deliver(client, make_event(), timestamp=1)).status_code == 401
    assert waited(deliver(client, b"[]")).status_code == 400
    assert waited(deliver(client, make_delivery(make_event(), SECRET))).status_code == 200


def test_a_wrong_path(make_client: Callable[[Hooks, str], Any]) -> None:
    """Where nothing receives, the error names the path and the argument."""
    client = make_client(Hooks(), "/webhooks/licensechain")
    with pytest.raises(LookupError, match=r"nothing receives deliveries at /nowhere: give deliver\(\) the path="):
        waited(deliver(client, make_event(), path="/nowhere"))


def test_a_redirect() -> None:
    """A redirect is no answer: LicenseChain does not follow."""
    app = Starlette(routes=[Route("/old", lambda _request: RedirectResponse("/new"), methods=["POST"])])
    with pytest.raises(LookupError, match="/old redirects to /new"):
        deliver(TestClient(app, follow_redirects=False), make_event(), path="/old", secret=SECRET)


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the application does not show its receiver, the environment has the secret; the blueprint shows its path."""
    app = flask.Flask(__name__)
    app.register_blueprint(webhook_blueprint(receiver(Hooks())), url_prefix="/hooks")
    for name in ("LICENSECHAIN_WEBHOOK_SECRET", "LICENSECHAIN_WEBHOOK_SECRET_FILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigurationError, match="give it secret=…, or: no signing secret: set LICENSECHAIN_WEBHOOK"):
        deliver(app.test_client(), make_event())
    monkeypatch.setenv("LICENSECHAIN_WEBHOOK_SECRET", f"{SECRET},older")
    assert deliver(app.test_client(), make_event()).status_code == 200


def test_over_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of a server elsewhere delivers to the usual path, with the environment's secret."""
    sent: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200)

    monkeypatch.setenv("LICENSECHAIN_WEBHOOK_SECRET", SECRET)
    with httpx2.Client(transport=httpx2.MockTransport(answer), base_url="http://127.0.0.1:1") as client:
        deliver(client, make_event(seed=1))
    assert sent[0].url.path == "/webhooks/licensechain"
    assert Endpoint(secrets=[SECRET], max_event_age=None).open(sent[0].headers, sent[0].content) == make_event(seed=1)


def test_tenants() -> None:
    """Secrets that depend on the request cannot be guessed: the test says which."""
    of_tenants = Receiver(Endpoint(secrets=lambda _request: [SECRET]), Hooks())
    client = TestClient(Starlette(routes=[webhook_route("/licensechain", of_tenants)]))
    with pytest.raises(ConfigurationError, match="depend on the request: say which by secret="):
        deliver(client, make_event())
    assert deliver(client, make_event(), secret=SECRET).status_code == 200


def test_the_receivers_clock() -> None:
    """A delivery is sent when it is by the receiver's clock, so that a frozen one takes it."""
    clock = FrozenClock(make_event(seed=1).timestamp)
    frozen = Receiver(Endpoint(secrets=[SECRET], clock=clock), Hooks())
    client = TestClient(Starlette(routes=[webhook_route("/licensechain", frozen)]))
    assert deliver(client, make_event(seed=1)).status_code == 200


@pytest.mark.parametrize("thing", [object(), None, "http://127.0.0.1", dict])
def test_what_is_no_client(thing: Any) -> None:
    """Whatever else is given, the error says what it takes and how to do without."""
    with pytest.raises(TypeError, match="takes a test client of Django, Flask or Starlette, or a client of httpx2"):
        deliver(thing, make_event())
