"""The envelope of an event: what an inbox needs to know, from the same bodies and the same fields as the event."""

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from licensechain_hooks import EVENT_CLASSES, PayloadError, UnknownEvent
from licensechain_hooks.events import Envelope, license_id_of, parse_envelope, parse_event, reparse
from licensechain_hooks.testing import event_body, make_event
from licensechain_hooks.testing._catalogue import CATALOGUE
from licensechain_hooks.testing._forge import Forge

TIME = "2026-03-01T11:59:30Z"
BODY = json.dumps(
    {"id": "evt_1", "type": "license.revoked", "data": {"id": "lic_1", "note": {"a": [1]}}, "timestamp": TIME}
).encode()


def facts(parse, body: bytes, *, lenient: bool):
    """What a parser finds in a body: its verdict in every detail."""
    try:
        found = parse(body, lenient=lenient)
    except PayloadError as error:
        return error.reason, error.detail
    return found.id, found.raw_type, found.type, found.raw_timestamp, license_id_of(found)


def body_of(event_type: str, data: dict[str, object]) -> bytes:
    return json.dumps({"id": "evt_1", "type": event_type, "data": data, "timestamp": TIME}).encode()


# Bodies as text, for `json.dumps` knows no double keys, no NaN beside a string and no broken numbers.

texts = st.sampled_from(
    ['"evt_1"', '""', '"lic_1"', '"NaN"', '"Infinity"', '"a\\u0000b"', '"\\ud800"', f'"{"x" * 256}"', '"é"', '" "']
)
numbers = st.sampled_from(["0", "-1", "1.5", "1e999", "NaN", "Infinity", "-Infinity", "9" * 4301, "01", "1" * 30])
scalars = texts | numbers | st.sampled_from(["null", "true", "false", "nul"])


def objects(names, values):
    """Objects in which a key may come twice."""
    return st.lists(st.tuples(names, values), max_size=4).map(
        lambda pairs: "{" + ",".join(f'"{name}":{value}' for name, value in pairs) + "}"
    )


values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[" + ",".join(items) + "]")
        | objects(st.sampled_from(["id", "x", "licenseId"]), inner)
    ),
    max_leaves=6,
)
data = objects(
    st.sampled_from(["id", "licenseId", "license_id", "licenseKey", "status", "amount", "expiresAt", "x"]), values
)
types = st.sampled_from([*EVENT_CLASSES, "payment.completed", "license.moved", "a.b", "license", "License.Created"])
times = st.sampled_from([TIME, "2026-02-30T00:00:00Z", "2026-03-01T11:59:60+01:00", "2026-03-01", "x"])
named = st.one_of(
    st.tuples(st.just("id"), st.sampled_from(['"evt_1"', '"evt_2"']) | scalars),
    st.tuples(st.just("type"), types.map(json.dumps) | scalars),
    st.tuples(st.just("timestamp"), times.map(json.dumps) | scalars),
    st.tuples(st.just("data"), data | values),
    st.tuples(st.just("event"), types.map(json.dumps) | scalars),
    st.tuples(st.sampled_from(["signature", "created_at", "x", "raw_type"]), values),
)
REGULAR = [("id", '"evt_1"'), ("type", '"license.revoked"'), ("timestamp", f'"{TIME}"'), ("data", '{"id":"lic_1"}')]


@st.composite
def bodies(draw) -> bytes:
    """A regular event, some of it left out, some of it there again and different; perhaps broken bytes."""
    pairs = [pair for pair in REGULAR if draw(st.integers(0, 5))] + draw(st.lists(named, max_size=5))
    text = "{" + ",".join(f'"{name}":{value}' for name, value in draw(st.permutations(pairs))) + "}"
    body = text.encode()
    if draw(st.integers(0, 4)) == 0:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=3)) + body[at + draw(st.integers(0, 3)) :]
    return body


@given(body=bodies() | st.binary(max_size=60), lenient=st.booleans())
@example(body=b"[" * 100_000, lenient=True)
@example(body=BODY.replace(b"[1]", b"[" * 201 + b"]" * 201), lenient=False)
@example(body=BODY.replace(b"[1]", b"[" * 190 + b"]" * 190), lenient=False)
@example(body=BODY.replace(b"1]", b"NaN]"), lenient=False)
@example(body=BODY.replace(b'"lic_1"', b'"lic_1", "status": NaN, "status": "active"'), lenient=False)
@example(body=BODY.replace(b'"lic_1"', b'"lic_1", "note": "Infinity"'), lenient=False)
@example(body=BODY.replace(b'"type"', b'"event": "license.moved", "type"'), lenient=True)
@example(body=BODY.replace(b'"type"', b'"event": "license.revoked", "type"'), lenient=True)
@example(body=BODY.replace(b'"type"', b'"event"'), lenient=True)
@example(body=BODY.replace(b'"id": "evt_1", ', b""), lenient=True)
def test_the_envelope_is_the_events(body, lenient):
    """Any bytes give an envelope where they give an event, with the same facts, and else the same refusal."""
    assert facts(parse_event, body, lenient=lenient) == facts(parse_envelope, body, lenient=lenient)


@pytest.mark.parametrize("lenient", [False, True], ids=["guide", "compat"])
@pytest.mark.parametrize("case", CATALOGUE, ids=str)
def test_bad_input(case, lenient):
    """Every body of the catalogue of bad input has one verdict."""
    body = case.make(Forge(secret="a-signing-secret")).body
    assert facts(parse_event, body, lenient=lenient) == facts(parse_envelope, body, lenient=lenient)


@pytest.mark.parametrize("event_type", sorted(EVENT_CLASSES))
def test_every_known_type(event_type):
    """The envelope of each type tells its class, its time and its license."""
    event = make_event(event_type)
    envelope = parse_envelope(event_body(event))
    assert envelope.event_class is type(event)
    assert envelope.timestamp == event.timestamp
    assert (envelope.id, envelope.type) == (event.id, event.type)
    assert envelope.license_id == license_id_of(event)


def test_other_spellings_are_canonical():
    """``type`` is the canonical name, ``raw_type`` what was sent."""
    envelope = parse_envelope(body_of("payment.completed", {"id": "pay_1"}))
    assert (envelope.raw_type, envelope.type) == ("payment.completed", "payment.succeeded")
    assert envelope.event_class is EVENT_CLASSES["payment.succeeded"]
    assert parse_envelope(body_of("a.b", {})).event_class is UnknownEvent


def test_the_time_keeps_its_offset():
    """``timestamp`` is aware, as an event's."""
    body = BODY.replace(TIME.encode(), b"2026-03-01T11:59:60.25+01:00")
    expected = datetime(2026, 3, 1, 11, 59, 59, 250_000, tzinfo=timezone(timedelta(hours=1)))
    assert parse_envelope(body).timestamp == expected == parse_event(body).timestamp


@pytest.mark.parametrize(
    ("event_type", "data", "expected"),
    [
        ("license.revoked", {"id": "lic_1"}, "lic_1"),
        ("license.revoked", {"id": "lic_1", "licenseId": "lic_2"}, "lic_1"),
        ("license.moved", {"id": "lic_1"}, "lic_1"),
        ("license.moved", {"licenseId": "lic_1"}, None),
        ("payment.failed", {"id": "pay_1", "licenseId": "lic_1"}, "lic_1"),
        ("payment.failed", {"id": "pay_1", "license_id": "lic_1"}, "lic_1"),
        ("payment.failed", {"id": "pay_1", "license_id": "lic_2", "licenseId": "lic_1"}, "lic_1"),
        ("payment.failed", {"id": "pay_1", "licenseId": None, "license_id": "lic_2"}, None),
        ("payment.failed", {"id": "pay_1"}, None),
        ("hardware.bound", {"id": "hw_1", "licenseId": "lic_1"}, "lic_1"),
        ("hardware.bound", {"id": "hw_1"}, None),
        ("user.created", {"id": "user_1", "licenseId": "lic_1"}, "lic_1"),
        ("a.b", {"licenseId": "lic_1"}, "lic_1"),
        ("a.b", {"license_id": "lic 1"}, "lic 1"),
        ("a.b", {"licenseId": "é" * 255}, "é" * 255),
        *(("a.b", {"licenseId": value}, None) for value in (1, True, None, [], {}, "", "a\nb", "\x00", "x" * 256)),
        *(("license.revoked", {"id": value}, None) for value in (1, None, {"id": "lic_1"}, "")),
    ],
)
def test_the_license(event_type, data, expected):
    """A license's own events name it ``data.id``, the others ``data.licenseId``; anything odd is no license."""
    body = body_of(event_type, data)
    assert parse_envelope(body).license_id == expected
    assert license_id_of(parse_event(body)) == expected


def test_it_is_a_value():
    """Envelopes of the same facts are equal, whatever else was sent."""
    same = parse_envelope(BODY.replace(b'"note"', b'"other"'))
    assert parse_envelope(BODY) == same
    assert hash(parse_envelope(BODY)) == hash(same)
    assert parse_envelope(BODY) != parse_envelope(BODY.replace(b"lic_1", b"lic_2"))
    assert parse_envelope(BODY) != parse_event(BODY)
    with pytest.raises(AttributeError):
        parse_envelope(BODY).id = "evt_2"


def test_its_repr_tells_ids_only():
    """A repr ends up in logs: id and type, nothing of ``data``."""
    envelope = parse_envelope(body_of("payment.completed", {"id": "SECRET", "licenseId": "SECRET"}))
    assert repr(envelope) == "Envelope(id='evt_1', type='payment.succeeded')" == str(envelope)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (BODY, ("evt_1", "license.revoked")),
        (BODY.replace(b'"type"', b'"event"'), ("evt_1", "license.revoked")),
        (BODY.replace(b'"type"', b'"event": "license.moved", "type"'), ("evt_1", "license.revoked")),
    ],
    ids=["guide", "compat", "guide only"],
)
def test_a_stored_body_is_read_again(body, expected):
    """Whichever profile took a body, it can be read later."""
    event = reparse(body)
    assert (event.id, event.type) == expected


@pytest.mark.parametrize("body", [b"", b"[]", BODY.replace(b'"data"', b'"date"')])
def test_a_stored_body_may_be_broken(body):
    """What is no event any more is refused, as a delivery would be."""
    with pytest.raises(PayloadError):
        reparse(body)


def test_it_can_be_asked_for_first():
    """An envelope needs no other part of the package to have been loaded before."""
    program = f"from licensechain_hooks.events import parse_envelope; print(parse_envelope({BODY!r}).license_id)"
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert finished.stdout.split() == ["lic_1"]
    assert Envelope.__module__ == "licensechain_hooks.events._envelope"
