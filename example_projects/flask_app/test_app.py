"""The example, tested as one tests such a project: the fixture is of licensechain_hooks' own pytest plugin."""

from datetime import timedelta

import pytest
from app import app
from webhooks import follow_license

from licensechain_hooks.testing import Rehearsal

client = app.test_client()


def seats(license_id: str) -> tuple[int, list[bool]]:
    """What the shop's software is told: which seats are locked."""
    response = client.get(f"/licenses/{license_id}/seats")
    return response.status_code, [seat["locked"] for seat in (response.json or {}).get("seats", ())]


def tell(licensechain: Rehearsal, event_type: str, license_id: str, status: str = "active", **event: object) -> None:
    """Deliver an event, and let its handlers run."""
    made = licensechain.make_event(event_type, data={"id": license_id, "status": status}, **event)
    assert licensechain.deliver(client, made).json == {"status": "accepted"}
    licensechain.drain()
    licensechain.advance(timedelta(seconds=1))


def test_a_license_and_its_seat(licensechain: Rehearsal) -> None:
    """A license gives a seat; it is locked while the license does not count."""
    assert seats("lic_1") == (404, [])
    tell(licensechain, "license.created", "lic_1")
    assert seats("lic_1") == (200, [False])
    tell(licensechain, "license.suspended", "lic_1", "suspended")
    assert seats("lic_1") == (200, [True])
    tell(licensechain, "license.updated", "lic_1")
    assert seats("lic_1") == (200, [False])
    tell(licensechain, "license.revoked", "lic_1", "revoked")
    assert seats("lic_1") == (200, [True])


def test_an_event_that_comes_late(licensechain: Rehearsal) -> None:
    """What is older than the newest that was seen of a license changes nothing."""
    earlier = licensechain.clock.now - timedelta(minutes=5)
    tell(licensechain, "license.revoked", "lic_2", "revoked")
    tell(licensechain, "license.created", "lic_2", timestamp=earlier)
    assert seats("lic_2") == (200, [True])


def test_a_redelivery_runs_nothing(licensechain: Rehearsal) -> None:
    """The same event again is a duplicate."""
    event = licensechain.make_event("license.created", data={"id": "lic_3"})
    assert [licensechain.deliver(client, event).json["status"] for _ in range(2)] == ["accepted", "duplicate"]
    licensechain.drain()
    assert len(licensechain.runs_of(follow_license)) == 1


@pytest.mark.parametrize("tamper", ["body", "signature", "timestamp"])
def test_forgeries(licensechain: Rehearsal, tamper: str) -> None:
    """What LicenseChain has not signed changes nothing."""
    event = licensechain.make_event("license.created", data={"id": "lic_4"})
    assert licensechain.deliver(client, event, tamper=tamper).status_code == 401
    licensechain.drain()
    assert seats("lic_4") == (404, [])


def test_metrics(licensechain: Rehearsal) -> None:
    """What becomes of deliveries is counted; nothing of an event is told."""
    licensechain.deliver(client, licensechain.make_event("license.created", data={"id": "lic_5"}), tamper="body")
    text = client.get("/metrics").text
    assert 'licensechain_hooks_deliveries_total{endpoint="default",outcome="rejected"}' in text
    assert "lic_5" not in text


def test_probes() -> None:
    """Whoever runs the shop may ask how it does."""
    assert [client.get(path).json for path in ("/healthz", "/healthz/live")] == [
        {"status": "ready"},
        {"status": "live"},
    ]
