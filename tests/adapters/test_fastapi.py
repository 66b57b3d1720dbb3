"""What is FastAPI's own: the OpenAPI document, the dependency, routers in routers."""

from typing import Annotated

import fastapi
import pytest

from licensechain_hooks import EVENT_CLASSES, Endpoint, Event, Hooks, Receiver
from licensechain_hooks.contrib.fastapi import event_webhooks, verified_event, webhook_router
from licensechain_hooks.testing.conformance import CATALOGUE, Forge, asgi_exchange

PATH = "/webhooks/licensechain"


@pytest.fixture
def forge():
    """Makes deliveries."""
    return Forge(secret="the-secret-of-the-fastapi-tests")


@pytest.fixture
def endpoint(forge):
    """The endpoint they are for."""
    return Endpoint(secrets=[forge.secret], max_body=forge.max_body)


@pytest.fixture
def own(endpoint):
    """An app with a route of its own."""
    app = fastapi.FastAPI()
    dependency = fastapi.Depends(verified_event(endpoint))

    @app.post(PATH)
    async def mine(event: Annotated[Event, dependency]):
        return {"status": "processed", "id": event.id}

    return app


@pytest.fixture
def app(endpoint):
    """An app with the router."""
    fastapi_app = fastapi.FastAPI()
    fastapi_app.include_router(webhook_router(Receiver(endpoint, Hooks()), path=PATH))
    return fastapi_app


def test_the_document_has_the_request(app):
    """The operation documents the events as its body, the two headers and the answers."""
    document = app.openapi()
    operation = document["paths"][PATH]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    mapping = document["components"]["schemas"][schema]["discriminator"]["mapping"]
    assert {parameter["name"] for parameter in operation["parameters"]} == {
        "x-webhook-signature",
        "x-webhook-timestamp",
    }
    assert set(mapping) >= set(EVENT_CLASSES)
    assert {"200", "400", "401", "413", "503"} <= set(operation["responses"])


def test_the_document_has_the_webhooks():
    """`event_webhooks` gives each event type its schema, complete in itself."""
    app = fastapi.FastAPI()
    app.webhooks.include_router(event_webhooks())
    webhooks = app.openapi()["webhooks"]
    schema = webhooks["license.revoked"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(webhooks) == set(EVENT_CLASSES)
    assert "licenseKey" in schema["properties"]["data"]["properties"]
    assert "$ref" not in str(schema)


def test_the_webhooks_of_some_hooks():
    """What the handlers listen for is enough; a type without a model has no schema."""
    hooks = Hooks()
    hooks.on("license.revoked", "brand.new")(print)
    app = fastapi.FastAPI()
    app.webhooks.include_router(event_webhooks(*hooks.event_types()))
    assert list(app.openapi()["webhooks"]) == ["license.revoked"]


def test_below_a_prefix(forge, endpoint):
    """The router can be included below prefixes and in other routers."""
    outer = fastapi.APIRouter(prefix="/api")
    outer.include_router(webhook_router(Receiver(endpoint, Hooks()), path=PATH))
    app = fastapi.FastAPI()
    app.include_router(outer, prefix="/v1")
    assert asgi_exchange(app, forge.delivery(), f"/v1/api{PATH}").outcome == "ignored"


@pytest.mark.parametrize("case", [case for case in CATALOGUE if case.status != 405], ids=str)
def test_the_dependency(case, forge, own):
    """A route of one's own refuses what the receiver refuses, with the same status."""
    assert asgi_exchange(own, case.make(forge), PATH).status == case.status


def test_the_dependency_beside_a_body(forge, endpoint):
    """FastAPI may read the body for the route as well."""
    app = fastapi.FastAPI()
    dependency = fastapi.Depends(verified_event(endpoint))

    @app.post(PATH)
    async def mine(event: Annotated[Event, dependency], body: dict):
        return {"same": event.id == body["id"]}

    assert asgi_exchange(app, forge.delivery(), PATH).body == b'{"same":true}'


def test_the_dependency_logs_why(forge, own, caplog):
    """The sender is not told why; the log is."""
    assert asgi_exchange(own, forge.delivery().without(b"X-Webhook-Signature"), PATH).status == 401
    assert "signature_missing" in caplog.text
