"""The example, tested as one tests such a project: the fixture is of licensechain_hooks' own pytest plugin."""

import pytest
from app import add_seat, app, lock_seat
from starlette.testclient import TestClient

from licensechain_hooks.testing import Rehearsal

client = TestClient(app)


def seat(license_id: str) -> tuple[int, object]:
    """What the shop's software is told."""
    response = client.get(f"/seats/{license_id}")
    return response.status_code, response.json().get("locked")


def tell(licensechain: Rehearsal, event_type: str, license_id: str) -> None:
    """Deliver an event, and let its handlers run."""
    event = licensechain.make_event(event_type, data={"id": license_id})
    assert licensechain.deliver(client, event).json() == {"status": "accepted"}
    licensechain.drain()


def test_a_license_and_its_seat(licensechain: Rehearsal) -> None:
    """A license gives a seat; once it is revoked, the seat is locked."""
    assert seat("lic_1") == (404, None)
    tell(licensechain, "license.created", "lic_1")
    assert seat("lic_1") == (200, False)
    tell(licensechain, "license.revoked", "lic_1")
    assert seat("lic_1") == (200, True)


def test_in_whatever_order(licensechain: Rehearsal) -> None:
    """A "created" that comes late does not unlock what "revoked" has locked."""
    tell(licensechain, "license.revoked", "lic_2")
    tell(licensechain, "license.created", "lic_2")
    assert seat("lic_2") == (200, True)


def test_a_redelivery_runs_nothing(licensechain: Rehearsal) -> None:
    """The same event again is a duplicate."""
    event = licensechain.make_event("license.created", data={"id": "lic_3"})
    told = [licensechain.deliver(client, event).json()["status"] for _ in range(2)]
    licensechain.drain()
    assert (told, len(licensechain.runs_of(add_seat)), licensechain.runs_of(lock_seat)) == (
        ["accepted", "duplicate"],
        1,
        [],
    )


@pytest.mark.parametrize("tamper", ["body", "signature", "timestamp"])
def test_forgeries(licensechain: Rehearsal, tamper: str) -> None:
    """What LicenseChain has not signed changes nothing."""
    event = licensechain.make_event("license.created", data={"id": "lic_4"})
    assert licensechain.deliver(client, event, tamper=tamper).status_code == 401
    licensechain.drain()
    assert seat("lic_4") == (404, None)


def test_probes() -> None:
    """Whoever runs the application may ask how it does."""
    assert [client.get(path).json() for path in ("/healthz", "/healthz/live")] == [
        {"status": "ready"},
        {"status": "live"},
    ]
