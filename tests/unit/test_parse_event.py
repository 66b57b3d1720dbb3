"""From verified bytes to an event: what JSON is, what an envelope is, and what is never lost."""

import json

import pytest

from licensechain_hooks import EVENT_CLASSES, LicenseRevoked, PayloadError, UnknownEvent
from licensechain_hooks.events import parse_event
from licensechain_hooks.testing import event_body, make_event

PROFILES = [False, True]


@pytest.fixture(params=PROFILES, ids=["guide", "compat"])
def lenient(request):
    """Both profiles; every rule of this file holds in both."""
    return request.param


@pytest.fixture
def refusal(lenient):
    """Why a body is refused."""

    def refuse(body: bytes) -> str:
        with pytest.raises(PayloadError) as caught:
            parse_event(body, lenient=lenient)
        return caught.value.reason

    return refuse


@pytest.mark.parametrize(
    "junk", [b"", b" ", b"{", b"[1,", b"nul", b"'a'", b"{}{}", b"{} x", b"{'id': 1}", b'{"id":1,}', b"\x00"]
)
def test_what_is_no_json(refusal, junk):
    """Row 18 and plain nonsense: 400."""
    assert refusal(junk) == "json_invalid"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-8-sig"])
def test_other_encodings(refusal, make_body, encoding):
    """Row 22: JSON is UTF-8 without a byte order mark; json.loads would take all of these."""
    assert refusal(make_body().decode().encode(encoding)) == "json_invalid"


@pytest.mark.parametrize(
    "raw", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xe2\x82", b"\xed\xa0\xbd\xed\xb8\x80"]
)
def test_invalid_utf8(refusal, make_body, raw):
    """Row 22: stray, overlong and cut bytes, and surrogates encoded as CESU-8, wherever they stand."""
    body = make_body(data={"id": "lic_1", "note": "PLACE"}, more="PLACE")
    for place in (b'"note":"PLACE"', b'"more":"PLACE"'):
        assert refusal(body.replace(place, place.replace(b"PLACE", raw))) == "json_invalid"


@pytest.mark.parametrize("escape", [rb"\ud800", rb"\udc00", rb"\ud800\u0041", rb"\udfff\ud800"])
def test_lone_surrogates(refusal, make_body, escape):
    """Row 23: an escape that no text has; drivers would fail to encode it later."""
    assert refusal(make_body(data={"id": "lic_1", "note": "PLACE"}).replace(b"PLACE", escape)) == "json_invalid"


def test_surrogate_pairs_are_text(make_body, lenient):
    """A pair of escapes is one character."""
    body = make_body(data={"id": "lic_1", "note": "PLACE"}).replace(b"PLACE", rb"\ud83d\ude00")
    assert parse_event(body, lenient=lenient).data.model_extra == {"note": "\U0001f600"}


def test_the_null_character(refusal, make_body, lenient):
    """Row 24: in data it is text like any other; in an id or a type it is refused."""
    body = make_body(data={"id": "lic\x001", "note": "\x00"})
    assert parse_event(body, lenient=lenient).data.id == "lic\x001"
    assert refusal(make_body(id="evt\x00")) == "envelope_invalid"
    assert refusal(make_body(type="license.\x00")) == "envelope_invalid"


def test_the_last_of_two_keys_wins(make_body, lenient):
    """Row 25: parsers differ; one rule for the envelope and the data, known types and unknown."""
    body = make_body().replace(b'"id":"evt_1"', b'"id":"evt_0","id":"evt_1"')
    body = body.replace(b'"id":"lic_1"', b'"id":"lic_0","id":"lic_1"')
    assert (parse_event(body, lenient=lenient).id, parse_event(body, lenient=lenient).data.id) == ("evt_1", "lic_1")
    unknown = parse_event(body.replace(b"license.revoked", b"license.moved"), lenient=lenient)
    assert (unknown.id, unknown.data["id"]) == ("evt_1", "lic_1")


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
@pytest.mark.parametrize(
    "place",
    [
        {"data": {"id": "lic_1", "note": "PLACE"}},
        {"data": {"id": "lic_1", "note": [{"deep": "PLACE"}]}},
        {"data": {"id": "lic_1", "expiresAt": "PLACE"}},
        {"type": "payment.failed", "data": {"id": "pay_1", "amount": "PLACE"}},
        {"type": "license.moved", "data": {"id": "lic_1", "note": "PLACE"}},
        {"more": "PLACE"},
        {"signature": "PLACE"},
        {"id": "PLACE"},
    ],
)
def test_constants_that_are_not_json(refusal, make_body, number, place):
    """Row 26: NaN and Infinity are refused wherever they stand, in typed places and in untyped ones."""
    assert refusal(make_body(**place).replace(b'"PLACE"', number)) in {"number_invalid", "envelope_invalid"}


def test_the_words_are_only_words(make_body, lenient):
    """Row 26: a text that says NaN is a text, even beside untyped fields."""
    event = parse_event(make_body(data={"id": "lic_1", "note": ["NaN", 1], "Infinity": 2}), lenient=lenient)
    assert event.data.model_extra == {"note": ["NaN", 1], "Infinity": 2}


@pytest.mark.parametrize("number", [b"9" * 4301, b"-" + b"9" * 5000, b"9" * 100_000])
@pytest.mark.parametrize("event_type", ["license.revoked", "license.moved"])
def test_huge_integers(refusal, make_body, number, event_type):
    """Row 26: an integer that Python refuses to read is refused by us, before Python sees it."""
    body = make_body(type=event_type, data={"id": "lic_1", "note": "PLACE"}).replace(b'"PLACE"', number)
    assert refusal(body) == "json_invalid"


@pytest.mark.parametrize("words", ["", "NaN"])
@pytest.mark.parametrize("event_type", ["license.revoked", "license.moved"])
def test_numbers_beyond_floats(make_body, lenient, words, event_type):
    """Row 26: 1e999 is JSON (RFC 8259 sets no range) and becomes infinity; one verdict, whatever stands beside it."""
    data = {"id": "lic_1", "note": "PLACE", "words": [words]}
    body = make_body(type=event_type, data=data).replace(b'"PLACE"', b"1e999")
    data = parse_event(body, lenient=lenient).data
    assert (data["note"] if isinstance(data, dict) else data.model_extra["note"]) == float("inf")


@pytest.mark.parametrize("depth", [201, 1000, 100_000])
@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"a":', b"}")])
def test_deep_nesting(refusal, make_body, depth, brackets):
    """Row 27: nesting beyond 200 is refused, and no recursion error escapes."""
    opening, closing = brackets
    nested = opening * depth + b"1" + closing * depth
    assert refusal(make_body(data={"id": "lic_1", "note": "PLACE"}).replace(b'"PLACE"', nested)) == "json_invalid"
    assert refusal(make_body(more="PLACE").replace(b'"PLACE"', nested)) == "json_invalid"
    assert refusal(nested) == "json_invalid"


def test_nesting_that_is_fine(make_body, lenient):
    """Row 27: what real data could need is taken."""
    nested = b"[" * 150 + b"]" * 150
    body = make_body(data={"id": "lic_1", "note": "PLACE"}).replace(b'"PLACE"', nested)
    assert parse_event(body, lenient=lenient).id == "evt_1"


@pytest.mark.parametrize("top", [b"[]", b'"text"', b"7", b"null", b"true", b"[{}]"])
def test_what_is_no_object(refusal, top):
    """Row 28: an event is a JSON object."""
    assert refusal(top) == "envelope_invalid"


@pytest.mark.parametrize("event_type", ["license.revoked", "license.moved"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data", ...),
        ("timestamp", ...),
        *((name, value) for name in ("id", "type", "data", "timestamp") for value in (None, 1, 1.0, True, [])),
        *((name, {}) for name in ("id", "type", "timestamp")),
    ],
)
def test_fields_of_a_wrong_kind(refusal, make_body, event_type, name, value):
    """Row 28: missing, null or of another type: 400, and numbers are not read as texts."""
    assert refusal(make_body(**{"type": event_type, name: value})) == "envelope_invalid"


@pytest.mark.parametrize(("name", "value"), [("id", ...), ("type", ...)])
def test_id_and_type_are_needed(make_body, name, value):
    """Row 28: the guide's envelope has both."""
    with pytest.raises(PayloadError) as caught:
        parse_event(make_body(**{name: value}))
    assert caught.value.reason == "envelope_invalid"
    assert f"{name}: " in caught.value.detail


@pytest.mark.parametrize(
    "event_id",
    ["", " ", "a b", "a" * 256, "a\n", "\na", "a\tb", "\x7f", "\x1b[31m", "\u00e9vt", "\u0430bc", "evt\u200b"],
)
def test_ids_that_are_refused(refusal, make_body, event_id):
    """Row 29: empty, blank, too long, with control characters, spaces or look-alikes."""
    assert refusal(make_body(id=event_id)) == "envelope_invalid"
    assert refusal(make_body(id=event_id, type="license.moved")) == "envelope_invalid"


@pytest.mark.parametrize(
    "event_id", ["1", "a" * 255, "clx3s9p2b0000v8l4", "550e8400-e29b-41d4-a716-446655440000", "!~%/\\'\""]
)
def test_ids_that_are_fine(make_body, lenient, event_id):
    """Row 29: an id is opaque printable ASCII: cuid, UUID or anything else."""
    assert event_id == parse_event(make_body(id=event_id), lenient=lenient).id


@pytest.mark.parametrize(
    "event_type",
    [
        "",
        "license",
        "License.Revoked",
        "license.",
        ".revoked",
        "license..revoked",
        "license revoked",
        "license.revoked\n",
        "license-revoked",
        "license.re-voked",
        "lïcense.revoked",
        "license.*",
        "*",
        "a." + "b" * 99,
        "license.revoked\x1b[0m",
    ],
)
def test_types_that_are_malformed(refusal, make_body, event_type):
    """Row 29: types are dotted words of lower case, digits and underscores, at most 100 characters."""
    assert refusal(make_body(type=event_type)) == "envelope_invalid"


@pytest.mark.parametrize("event_type", ["license.moved", "a.b.c.d", "license_v2.re_voked", "1.2", "a." + "b" * 98])
def test_types_that_are_unknown(make_body, lenient, event_type):
    """Row 30: a well-formed type that this version does not know is an event like any other."""
    event = parse_event(make_body(type=event_type), lenient=lenient)
    assert type(event) is UnknownEvent
    assert (event.type, event.raw_type, event.is_known, event.validation_error) == (event_type, event_type, False, None)
    assert event.data["licenseKey"] == "LC-KEY-NEVER-IN-A-LOG"


def test_unknown_fields_are_kept(make_body, lenient):
    """Row 30: a new field never loses an event, and is there to be read."""
    event = parse_event(make_body(region="eu", data={"id": "lic_1", "seatCount": 3}), lenient=lenient)
    assert type(event) is LicenseRevoked
    assert event.model_extra == {"region": "eu"}
    assert event.data.model_extra == {"seatCount": 3}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({}, "license.revoked.data.id: missing"),
        ({"id": None}, "license.revoked.data.id: string_type"),
        ({"id": "lic_1", "expiresAt": "SECRET-VALUE"}, "expiresAt"),
        ({"id": "lic_1", "licenseKey": ["SECRET-VALUE"]}, "license.revoked.data.licenseKey: string_type"),
    ],
)
def test_known_types_with_other_data(make_body, lenient, data, error):
    """Row 30: data of another shape is an UnknownEvent that says which fields broke which rules, without values."""
    event = parse_event(make_body(data=data), lenient=lenient)
    assert type(event) is UnknownEvent
    assert (event.type, event.is_known, event.data) == ("license.revoked", True, data)
    assert error in event.validation_error
    assert "SECRET" not in event.validation_error


@pytest.mark.parametrize("event_type", sorted(EVENT_CLASSES))
def test_no_known_type_is_lost_for_its_data(make_body, lenient, event_type):
    """Row 30: for every known type, data of a foreign shape is taken as an UnknownEvent or as its class."""
    event = parse_event(make_body(type=event_type, data={"id": 7, "createdAt": "never"}), lenient=lenient)
    assert event.type == event_type
    assert event.is_known


@pytest.mark.parametrize(
    "text", ["2026-03-01", "2026-03-01T12:00:00", "1772366400", "now", "", "2026-03-01T12:00:00Z\n"]
)
def test_timestamps_of_another_shape(refusal, make_body, text):
    """Row 13: the body's time is RFC 3339 with an offset."""
    assert refusal(make_body(timestamp=text)) == "envelope_invalid"


def test_a_refusal_names_rules_and_no_values(make_body, lenient):
    """Row 43: the detail of a refusal goes into logs; no value of the body is in it."""
    body = json.dumps(
        {"id": "SECRET VALUE", "type": "SECRET.VALUE", "data": "SECRET", "timestamp": "SECRET", "x": "SECRET"}
    )
    with pytest.raises(PayloadError) as caught:
        parse_event(body.encode(), lenient=lenient)
    assert "SECRET" not in str(caught.value)
    assert "id: string_pattern_mismatch" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("count", [31, 32, 33, 100])
def test_a_constant_behind_many_capital_letters(count):
    """Row 26: NaN is found however many other N stand before it."""
    body = event_body(make_event(data={"note": "N" * count, "numbers": [1.5]}))
    assert parse_event(body).data.model_extra["numbers"] == [1.5]
    with pytest.raises(PayloadError):
        parse_event(body.replace(b"1.5", b"NaN"))
