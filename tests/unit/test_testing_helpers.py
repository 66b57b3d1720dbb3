"""What the package gives to tests: events, signed requests, a clock."""

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from licensechain_hooks import ALIASES, EVENT_CLASSES, Endpoint, PayloadError, UnknownEvent, VerificationError
from licensechain_hooks.testing import FrozenClock, event_body, make_delivery, make_event, sign_request

SECRET = "a-signing-secret-of-these-tests"
SEEDED = (
    '{"id":"dc9d5a15-7b31-46ef-9b59-4721a3ffc916","type":"license.revoked","timestamp":"2026-01-21T13:19:'
    '14Z","data":{"id":"lic_t47wtv6yw81ttctja5q9g1xi","licenseKey":"LC-PRBA-PL2H-EGCE-WDQX","userId":"use'
    'r_e6xzh5wcja1rn5emoilgwumq","productId":"prod_6espw2zj14lumfsc22e1eaud","status":"revoked","expiresA'
    't":"2027-11-14T16:46:34Z","createdAt":"2025-07-13T02:12:06Z"}}'
)


@pytest.mark.parametrize("event_type", [*EVENT_CLASSES, "never.heard_of"])
def test_a_made_event_passes_an_endpoint(event_type):
    """An event, its body and its headers make a delivery that any endpoint takes."""
    event = make_event(event_type)
    opened = Endpoint(secrets=SECRET).open(sign_request(event, SECRET), event_body(event))
    assert event == opened
    assert type(event) is type(opened)


def test_each_event_is_another_one():
    """Ids are new, so that tests do not see duplicates by accident."""
    assert make_event().id != make_event().id
    assert make_event(event_id="evt_1").id == "evt_1"


def test_the_time_of_an_event():
    """By default now; else the given moment, written in UTC."""
    assert abs(make_event().timestamp - datetime.now(UTC)) < timedelta(minutes=1)
    moment = datetime(2026, 3, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    assert make_event(timestamp=moment).raw_timestamp == "2026-03-01T12:00:00Z"


def test_data_on_top_of_the_example():
    """Given fields replace the example's, the rest stays."""
    event = make_event("license.revoked", data={"id": "lic_9", "seatCount": 3})
    assert (event.data.id, event.data.status, event.data.user_id) == ("lic_9", "revoked", "user_1")
    assert event.data.model_extra == {"seatCount": 3}


@pytest.mark.parametrize(
    ("event_type", "status"),
    [
        ("license.created", "active"),
        ("license.expired", "expired"),
        ("payment.completed", "succeeded"),
        ("payment.refunded", "refunded"),
        ("subscription.cancelled", "canceled"),
    ],
)
def test_the_status_fits_the_type(event_type, status):
    """A revoked license says so, in every spelling of the type."""
    assert status == make_event(event_type).data.status


def test_unknown_types():
    """A type that is not known makes an UnknownEvent; one that cannot be, an error."""
    assert type(make_event("never.heard_of")) is UnknownEvent
    assert make_event("never.heard_of").data == {"id": "obj_1"}
    with pytest.raises(PayloadError):
        make_event("No Type")
    with pytest.raises(PayloadError):
        make_event(event_id="not an id")


def test_bodies_are_compact_json_in_the_wire_s_names():
    """The body has camelCase names, no white space, and text as UTF-8."""
    event = make_event("license.revoked", data={"note": "\u2603"}, event_id="evt_1")
    body = event_body(event)
    assert "\u2603".encode() in body
    assert b'"licenseKey":"LC-7F3K-9QWX-2MDA-H5TB"' in body
    assert set(json.loads(body)) == {"id", "type", "timestamp", "data"}
    assert body == event_body(event)


def test_signed_headers():
    """The headers of the guide, for an event or for any bytes, now or at a given time."""
    headers = sign_request(b"raw", SECRET, timestamp=1_700_000_000.9)
    assert list(headers) == ["Content-Type", "X-Webhook-Signature", "X-Webhook-Timestamp"]
    assert headers["X-Webhook-Timestamp"] == "1700000000"
    assert abs(int(sign_request(b"raw", SECRET)["X-Webhook-Timestamp"]) - time.time()) < 60
    event = make_event()
    assert sign_request(event, SECRET, timestamp=1) == sign_request(event_body(event), SECRET, timestamp=1)


def test_a_frozen_clock():
    """It stands still, moves when told, and starts now."""
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    clock = FrozenClock(moment)
    assert clock() == clock() == moment.timestamp()
    clock.advance(timedelta(hours=1))
    clock.advance(timedelta(minutes=-30))
    assert clock() == moment.timestamp() + 1800
    assert abs(FrozenClock()() - time.time()) < 60


@pytest.mark.parametrize("event_type", [*EVENT_CLASSES, *ALIASES, "never.heard_of"])
def test_the_same_seed_makes_the_same_event(event_type):
    """With a seed an event is the same whenever it is made, to the byte; with another seed it is another one."""
    event = make_event(event_type, seed=7)
    assert event_body(event) == event_body(make_event(event_type, seed=7))
    assert event.id not in {make_event(event_type, seed=seed).id for seed in (8, "7")}
    assert event.is_known is (event_type != "never.heard_of")
    assert type(event) is EVENT_CLASSES.get(event.type, UnknownEvent)
    assert event.timestamp.year == 2026


def test_a_seed_is_the_same_under_every_python():
    """What a seed decides is written down here: it may not change with Python, pydantic, or this package."""
    event = make_event("license.revoked", seed="ada")
    assert event_body(event).decode() == SEEDED


def test_a_seed_tells_a_story():
    """Events of one seed are about one license, user and product, whatever their type; and are different events."""
    created, revoked, paid = (
        make_event(each, seed=1) for each in ("license.created", "license.revoked", "payment.succeeded")
    )
    assert (created.data.id, created.data.license_key) == (revoked.data.id, revoked.data.license_key)
    assert (created.data.id, created.data.user_id) == (paid.data.license_id, paid.data.user_id)
    assert len({created.id, revoked.id, paid.id}) == 3
    assert created.data.id != make_event("license.created", seed=2).data.id


def test_an_endpoint_takes_a_seeded_event_of_now():
    """A seeded event is as good as any, once it is of today."""
    event = make_event("license.revoked", seed=1, timestamp=datetime.now(UTC))
    assert Endpoint(secrets=SECRET).open(sign_request(event, SECRET), event_body(event)) == event


def test_fields_by_their_names_in_python():
    """A field given in snake_case replaces the example's camelCase one, which would win where both are sent."""
    event = make_event("license.revoked", data={"license_key": "LC-MINE", "user_id": ...})
    assert (event.data.license_key, event.data.user_id) == ("LC-MINE", None)
    assert "user_id" not in event.data.model_fields_set
    assert event.data.model_extra == {}


def test_times_and_amounts_in_data():
    """What Python calls a datetime or a Decimal is written as LicenseChain does; what is no JSON is an error."""
    moment = datetime(2027, 5, 1, tzinfo=UTC)
    assert make_event("license.extended", data={"expiresAt": moment}).data.expires_at == moment
    assert make_event("payment.succeeded", data={"amount": Decimal("1.50")}).data.amount == Decimal("1.50")
    with pytest.raises(TypeError, match="knows no set"):
        make_event(data={"tags": {"a"}})


def test_a_license_expires_when_it_says():
    """An expired license has an end in the past."""
    event = make_event("license.expired")
    assert event.data.expires_at == event.timestamp


@pytest.mark.parametrize(("tamper", "reason"), [("body", "signature_mismatch"), ("signature", "signature_mismatch")])
def test_tampered_deliveries(tamper, reason):
    """A delivery with one thing wrong is refused for that reason."""
    delivery = make_delivery(make_event(), SECRET, tamper=tamper)
    with pytest.raises(VerificationError) as caught:
        Endpoint(secrets=SECRET).open(delivery.headers, delivery.body)
    assert caught.value.reason == reason


def test_a_late_delivery():
    """Tampering with the time makes a delivery an hour old; a time of one's own is kept."""
    delivery = make_delivery(make_event(), SECRET, tamper="timestamp")
    with pytest.raises(VerificationError) as caught:
        Endpoint(secrets=SECRET).open(delivery.headers, delivery.body)
    assert caught.value.reason == "timestamp_outside_tolerance"
    assert make_delivery(b"raw", SECRET, timestamp=1).headers["X-Webhook-Timestamp"] == "1"


def test_a_delivery_shows_no_signature():
    """Its repr, which ends up in a test's report, has no headers."""
    delivery = make_delivery(make_event(), SECRET)
    assert delivery.headers["X-Webhook-Signature"] not in repr(delivery)
