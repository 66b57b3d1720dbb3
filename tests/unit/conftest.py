"""One endpoint, one clock, one secret; a delivery is valid unless a test makes it otherwise."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from licensechain_hooks import Endpoint, HookRequest, Hooks, MemoryDeduplicator, Outcome, Receiver, default_hooks, sign
from licensechain_hooks.testing import FrozenClock

SECRET = "a-signing-secret-of-these-tests"
NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
FIELDS: dict[str, Any] = {
    "id": "evt_1",
    "type": "license.revoked",
    "data": {"id": "lic_1", "licenseKey": "LC-KEY-NEVER-IN-A-LOG", "status": "revoked"},
    "timestamp": "2026-03-01T11:59:30Z",
}


@pytest.fixture
def secret() -> str:
    """The signing secret of the endpoint."""
    return SECRET


@pytest.fixture
def clock() -> FrozenClock:
    """Noon of the first of March 2026, until a test moves it."""
    return FrozenClock(NOW)


@pytest.fixture
def make_endpoint(clock: FrozenClock) -> Callable[..., Endpoint]:
    """An endpoint of the tests' secret and clock, with other settings on top."""

    def make(**settings: Any) -> Endpoint:
        return Endpoint(**{"secrets": [SECRET], "clock": clock, **settings})

    return make


@pytest.fixture
def endpoint(make_endpoint: Callable[..., Endpoint]) -> Endpoint:
    """The endpoint with its defaults."""
    return make_endpoint()


@pytest.fixture
def hooks() -> Hooks:
    """No handlers yet."""
    return Hooks()


@pytest.fixture
def make_body() -> Callable[..., bytes]:
    """The JSON of a valid event, with other fields on top; ``...`` leaves a field out."""

    def make(**fields: Any) -> bytes:
        wanted = {name: value for name, value in {**FIELDS, **fields}.items() if value is not ...}
        return json.dumps(wanted, separators=(",", ":")).encode()

    return make


@pytest.fixture
def signed() -> Callable[..., dict[str, str]]:
    """The headers of a delivery of ``body``, with other headers on top; ``None`` leaves a header out."""

    def make(body: bytes, *, secret: str = SECRET, **headers: str | None) -> dict[str, str]:
        wanted: dict[str, str | None] = {
            "X-Webhook-Signature": sign(secret, body),
            "X-Webhook-Timestamp": str(int(NOW.timestamp())),
        }
        wanted |= {name.replace("_", "-"): value for name, value in headers.items()}
        return {name: value for name, value in wanted.items() if value is not None}

    return make


@pytest.fixture
def delivery(make_body: Callable[..., bytes], signed: Callable[..., dict[str, str]]) -> Callable[..., HookRequest]:
    """A valid delivery of an event with these fields."""

    def make(**fields: Any) -> HookRequest:
        body = make_body(**fields)
        return HookRequest(body, signed(body))

    return make


@pytest.fixture
def receiver(endpoint: Endpoint, hooks: Hooks) -> Receiver:
    """A receiver of the endpoint and the hooks, with a memory of its own."""
    return Receiver(endpoint, hooks, deduplicator=MemoryDeduplicator())


@pytest.fixture(params=["sync", "async"])
def host(request: pytest.FixtureRequest) -> str:
    """The kind of host a test runs under; every rule holds in both."""
    return str(request.param)


@pytest.fixture
def receive(host: str) -> Callable[[Receiver, HookRequest], Outcome]:
    """How this host hands a delivery to a receiver."""
    if host == "sync":
        return lambda receiver, request: receiver.receive(request)
    return lambda receiver, request: asyncio.run(receiver.areceive(request))


@pytest.fixture
def clean_default_hooks() -> Iterator[Hooks]:
    """The default hooks, given back as they were."""
    parts = (
        "_parts",
        "_fallbacks",
        "_before",
        "_on_error",
        "_on_conflict",
        "_on_processed",
        "_on_failed",
        "_on_dead",
        "_around",
    )
    before = {part: list(getattr(default_hooks, part)) for part in parts}
    yield default_hooks
    for part, handlers in before.items():
        getattr(default_hooks, part)[:] = handlers
    Hooks._generation += 1
