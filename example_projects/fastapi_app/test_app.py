"""The example, tested as one tests such a project: the application lives, and its worker runs the coroutines."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from app import app
from fastapi.testclient import TestClient

from licensechain_hooks.testing import deliver, make_event


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """The application's client, while it lives."""
    with TestClient(app) as client:
        yield client


def tell(client: TestClient, event_type: str, license_id: str, **event: object) -> str:
    """Deliver an event; what is answered."""
    told = deliver(client, make_event(event_type, data={"id": license_id}, **event))
    return str(told.json()["status"])


def wait_for(client: TestClient, license_id: str, *, locked: bool) -> None:
    """Wait until a seat is so."""
    end = time.monotonic() + 60
    while client.get(f"/seats/{license_id}").json() != {"license": license_id, "locked": locked}:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_license_and_its_seat(client: TestClient) -> None:
    """A license gives a seat; once it is revoked, the seat is locked."""
    assert client.get("/seats/lic_1").status_code == 404
    assert tell(client, "license.created", "lic_1") == "accepted"
    wait_for(client, "lic_1", locked=False)
    assert tell(client, "license.revoked", "lic_1") == "accepted"
    wait_for(client, "lic_1", locked=True)


def test_an_event_that_comes_late(client: TestClient) -> None:
    """What is older than what is known of a seat changes nothing."""
    earlier = datetime.now(UTC) - timedelta(minutes=5)
    tell(client, "license.revoked", "lic_2")
    wait_for(client, "lic_2", locked=True)
    tell(client, "license.created", "lic_2", timestamp=earlier)
    tell(client, "license.created", "lic_3")
    wait_for(client, "lic_3", locked=False)
    assert client.get("/seats/lic_2").json()["locked"] is True


def test_redeliveries_and_forgeries(client: TestClient) -> None:
    """The same event again is a duplicate; what LicenseChain has not signed is refused."""
    event = make_event("license.created", data={"id": "lic_4"})
    assert [deliver(client, event).json()["status"] for _ in range(2)] == ["accepted", "duplicate"]
    assert deliver(client, event, tamper="body").status_code == 401


def test_openapi(client: TestClient) -> None:
    """The document has the webhook's body, and each event that the shop listens for."""
    document = client.get("/openapi.json").json()
    assert "requestBody" in document["paths"]["/webhooks/licensechain"]["post"]
    assert sorted(document["webhooks"]) == ["license.created", "license.revoked"]


def test_probes(client: TestClient) -> None:
    """Whoever runs the shop may ask how it does."""
    assert [client.get(path).json() for path in ("/healthz", "/healthz/live")] == [
        {"status": "ready"},
        {"status": "live"},
    ]
