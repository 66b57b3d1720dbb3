"""Endpoint.open: verify, then parse; which check wins; what each profile takes."""

import asyncio
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta

import pytest

from licensechain_hooks import (
    BodyTooLargeError,
    Headers,
    HookRequest,
    LicenseRevoked,
    MethodNotAllowedError,
    PayloadError,
    UnknownEvent,
    VerificationError,
    sign,
)

GUIDE_TIME = "X-Webhook-Timestamp"
NOW = "1772366400"  # the clock of these tests


@pytest.fixture
def compat(make_endpoint):
    """An endpoint of profile compat."""
    return make_endpoint(profile="compat")


def refusal(endpoint, headers, body, error=VerificationError) -> str:
    with pytest.raises(error) as caught:
        endpoint.open(headers, body)
    return caught.value.reason


def test_a_valid_delivery(endpoint, make_body, signed):
    """A delivery of the guide is opened to its event."""
    body = make_body()
    event = endpoint.open(signed(body), body)
    assert type(event) is LicenseRevoked
    assert (event.id, event.type, event.data.id) == ("evt_1", "license.revoked", "lic_1")
    assert event.timestamp == datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)


def test_every_way_to_open(endpoint, make_body, signed):
    """Prepared headers, other bytes, an async host and a request whose body is still to be read: one verdict."""
    body = make_body()
    headers = signed(body)
    expected = endpoint.open(headers, body)
    assert expected == endpoint.open(Headers(headers), body)
    assert expected == endpoint.open(list(headers.items()), body)
    assert expected == asyncio.run(endpoint.aopen(headers, body))
    assert expected == endpoint.open_request(HookRequest(io.BytesIO(body).read, headers))
    assert expected == asyncio.run(endpoint.aopen_request(HookRequest(io.BytesIO(body).read, headers)))


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_bytes_of_any_kind(endpoint, make_body, signed, kind):
    """What `HookRequest` takes as raw bytes, `Endpoint.open` takes too."""
    body = make_body()
    assert endpoint.open(signed(body), kind(body)).id == "evt_1"
    assert endpoint.open(Headers(signed(body)), kind(body)).id == "evt_1"
    assert asyncio.run(endpoint.aopen(signed(body), kind(body))).id == "evt_1"


def test_open_request_keeps_the_body(endpoint, make_body, signed):
    """What was read stays with the request, so that it can be stored."""
    body = make_body()
    for open_it in (endpoint.open_request, lambda request: asyncio.run(endpoint.aopen_request(request))):
        request = HookRequest(io.BytesIO(body).read, signed(body))
        open_it(request)
        assert body == request.raw_body


def test_open_request_screens_first(endpoint, make_endpoint, make_body, signed):
    """Method and size are looked at before the signature."""
    body = make_body()
    for run in (lambda call: call, asyncio.run):
        open_it = "open_request" if run is not asyncio.run else "aopen_request"
        with pytest.raises(MethodNotAllowedError):
            run(getattr(endpoint, open_it)(HookRequest(body, {}, method="GET")))
        with pytest.raises(BodyTooLargeError):
            run(getattr(make_endpoint(max_body=10), open_it)(HookRequest(body, {})))


def test_a_text_body_is_refused(endpoint, make_body, signed):
    """A decoded body is a mistake of the caller, named as such."""
    body = make_body()
    with pytest.raises(TypeError, match="raw bytes"):
        endpoint.open(signed(body), body.decode())
    with pytest.raises(TypeError, match="raw bytes"):
        endpoint.open(Headers(signed(body)), json.loads(body))


def test_rotation(make_endpoint, make_body, signed):
    """Deliveries of every listed secret verify, of no other."""
    body = make_body()
    rotated = make_endpoint(secrets=["the-newest-one", "the-older-one"])
    for secret in ("the-newest-one", "the-older-one"):
        assert rotated.open(signed(body, secret=secret), body).id == "evt_1"
    assert refusal(rotated, signed(body), body) == "signature_mismatch"


def test_the_signature_decides_before_all_else(endpoint, signed):
    """Order of checks: what is not signed is neither dated nor parsed."""
    body = b"\xff not json"
    stale = {GUIDE_TIME: "1"}
    assert refusal(endpoint, {**signed(body), **stale, "X-Webhook-Signature": "0" * 64}, body) == "signature_mismatch"
    assert refusal(endpoint, {**signed(body), **stale}, body) == "timestamp_outside_tolerance"
    assert refusal(endpoint, signed(body), body, PayloadError) == "json_invalid"


def test_the_age_is_looked_at_last(endpoint, make_body, signed):
    """Order of checks: shape 400 wins over the body's age 401."""
    old = make_body(timestamp="2020-01-01T00:00:00Z")
    assert refusal(endpoint, signed(old), old) == "event_too_old"
    malformed = make_body(timestamp="2020-01-01T00:00:00Z", data=None)
    assert refusal(endpoint, signed(malformed), malformed, PayloadError) == "envelope_invalid"


def test_an_empty_body(endpoint, signed):
    """Row 18: empty is 400 when it is signed, else 401."""
    assert refusal(endpoint, signed(b""), b"", PayloadError) == "json_invalid"
    assert refusal(endpoint, {}, b"") == "signature_missing"


def test_missing_headers(endpoint, make_body, signed):
    """Rows 1 and 9."""
    body = make_body()
    assert refusal(endpoint, signed(body, X_Webhook_Signature=None), body) == "signature_missing"
    assert refusal(endpoint, signed(body, X_Webhook_Timestamp=None), body) == "timestamp_missing"


def test_content_type_does_not_matter(endpoint, make_body, signed):
    """Row 17: JSON decides, not the header."""
    body = make_body()
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        assert endpoint.open(signed(body, Content_Type=content_type), body).id == "evt_1"


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        (timedelta(0), True),
        (timedelta(days=30), True),
        (timedelta(days=30, seconds=1), False),
        (timedelta(days=-3), True),
    ],
)
def test_the_age_of_the_signed_timestamp(endpoint, clock, make_body, signed, age, fresh):
    """Row 12: the header is not signed, so the age of the signed body is what ends a replay attack."""
    body = make_body(timestamp=(clock.now - age).isoformat())
    if fresh:
        assert endpoint.open(signed(body), body).id == "evt_1"
    else:
        assert refusal(endpoint, signed(body), body) == "event_too_old"


def test_any_age(make_endpoint, make_body, signed):
    """Without max_event_age an old event is taken."""
    body = make_body(timestamp="1999-01-01T00:00:00Z")
    assert make_endpoint(max_event_age=None).open(signed(body), body).timestamp.year == 1999


@pytest.mark.parametrize(
    "text", ["2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "0000-01-01T00:00:00Z", "2026-03-01T25:00:00Z"]
)
def test_times_that_do_not_exist(endpoint, compat, make_body, signed, text):
    """Row 13: a body time of the right shape that no calendar has is a malformed body."""
    body = make_body(timestamp=text)
    for each in (endpoint, compat):
        assert refusal(each, signed(body), body, PayloadError) == "timestamp_invalid"


def test_the_guide_profile_is_strict(endpoint, make_body, signed, secret):
    """Section 3: other header names, header times and keys are for profile compat alone."""
    body = make_body()
    renamed = {"X-LicenseChain-Signature": sign(secret, body), "X-LicenseChain-Timestamp": NOW}
    assert refusal(endpoint, renamed, body) == "signature_missing"
    assert refusal(endpoint, {**signed(body), GUIDE_TIME: "2026-03-01T12:00:00Z"}, body) == "timestamp_malformed"
    assert refusal(endpoint, {**signed(body), GUIDE_TIME: NOW + "000"}, body) == "timestamp_malformed"
    for fields in ({"type": ..., "event": "license.revoked"}, {"id": ...}):
        body = make_body(**fields)
        assert refusal(endpoint, signed(body), body, PayloadError) == "envelope_invalid"


@pytest.mark.parametrize("time", [NOW, NOW + "000", "2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", None])
@pytest.mark.parametrize("family", ["X-Webhook-{}", "X-LicenseChain-{}"])
@pytest.mark.parametrize("prefix", ["", "sha256="])
def test_the_compat_profile_takes_their_dialects(compat, make_body, secret, time, family, prefix):
    """Section 3: both families of header names, times in three spellings or none, the digest with or without prefix."""
    body = make_body()
    headers = {family.format("Signature"): prefix + sign(secret, body)}
    if time is not None:
        headers[family.format("Timestamp")] = time
    assert compat.open(headers, body).id == "evt_1"


def test_compat_is_no_weaker(compat, make_body, secret):
    """Section 3: signatures over data alone, unkeyed digests and other algorithms stay refused."""
    body = make_body()
    data = json.dumps(json.loads(body)["data"], separators=(",", ":")).encode()
    unkeyed = hashlib.sha256(body + secret.encode()).hexdigest()
    for forged in (sign(secret, data), unkeyed, f"sha256={unkeyed}"):
        assert refusal(compat, {"X-LicenseChain-Signature": forged}, body) == "signature_mismatch"
    assert refusal(compat, {}, body) == "signature_missing"
    stale = {"X-LicenseChain-Signature": sign(secret, body), "X-LicenseChain-Timestamp": "1"}
    assert refusal(compat, stale, body) == "timestamp_outside_tolerance"


def test_both_header_families(compat, make_body, signed, secret):
    """Section 3: equal values are one, different ones are refused."""
    body = make_body()
    both = {**signed(body), "X-LicenseChain-Signature": f"sha256={sign(secret, body).upper()}"}
    assert compat.open({**both, "X-LicenseChain-Timestamp": NOW}, body).id == "evt_1"
    assert refusal(compat, {**both, "X-LicenseChain-Signature": "0" * 64}, body) == "signature_conflict"
    assert refusal(compat, {**both, "X-LicenseChain-Signature": ""}, body) == "signature_conflict"
    assert refusal(compat, {**both, "X-LicenseChain-Timestamp": "1772366401"}, body) == "timestamp_conflict"


def test_compat_bodies(compat, make_body, signed):
    """Section 3: ``event`` for ``type``, and an id made of the body where there is none."""
    body = make_body(type=..., event="license.revoked", id=...)
    event = compat.open(signed(body), body)
    assert type(event) is LicenseRevoked
    assert f"sha256:{hashlib.sha256(body).hexdigest()}" == event.id
    both = make_body(event="license.revoked")
    assert compat.open(signed(both), both).id == "evt_1"
    different = make_body(event="license.created")
    assert refusal(compat, signed(different), different, PayloadError) == "type_conflict"


@pytest.mark.parametrize(
    ("fields", "is_known"),
    [({"event": "license.moved"}, False), ({"event": "license.revoked", "data": {"id": 7}}, True)],
)
def test_compat_loses_no_event(compat, make_body, signed, fields, is_known):
    """Row 30 holds for dialects: an unknown type, and data of another shape, are an UnknownEvent."""
    body = make_body(type=..., id=..., **fields)
    event = compat.open(signed(body), body)
    assert (type(event), event.is_known, event.type) == (UnknownEvent, is_known, fields["event"])
    assert (event.validation_error is not None) is is_known


@pytest.mark.parametrize(
    "fields", [{"event": 7}, {"event": "No Type"}, {"event": "a.b", "data": []}, {"type": None, "event": "a.b"}]
)
def test_compat_refuses_what_is_no_event(compat, make_body, signed, fields):
    """Row 28 holds for dialects: ``event`` must be a type, and a null ``type`` is not an absent one."""
    body = make_body(**{"type": ..., **fields})
    assert refusal(compat, signed(body), body, PayloadError) == "envelope_invalid"
