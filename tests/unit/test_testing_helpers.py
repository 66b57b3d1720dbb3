"""What the package gives to tests: events, signed requests, a clock."""

import json
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from licensechain_hooks import EVENT_CLASSES, Endpoint, PayloadError, UnknownEvent
from licensechain_hooks.testing import FrozenClock, event_body, make_event, sign_request

SECRET = "a-signing-secret-of-these-tests"


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
