"""Whatever arrives, a verdict: near-valid deliveries, mutated, and noise."""

import asyncio
import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from licensechain_hooks import (
    OUTCOMES,
    Endpoint,
    Event,
    HookRequest,
    Hooks,
    PayloadError,
    Receiver,
    VerificationError,
    sign,
)
from licensechain_hooks.events import parse_event, same_content
from licensechain_hooks.testing import FrozenClock

SECRET = "a-signing-secret-of-these-tests"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SENT = str(int(NOW.timestamp()))
FIELDS = {
    "id": "evt_1",
    "type": "license.revoked",
    "data": {"id": "lic_1", "licenseKey": "LC-1", "expiresAt": "2027-01-01T00:00:00Z", "note": {"a": [1, 2.5, None]}},
    "timestamp": "2026-03-01T11:59:30Z",
    "signature": "0",
}
BODY = json.dumps(FIELDS).encode()
ENDPOINTS = {
    profile: Endpoint(secrets=[SECRET, "another-one"], profile=profile, clock=FrozenClock(NOW))
    for profile in ("guide", "compat")
}

profiles = st.sampled_from(["guide", "compat"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["NaN", "lic_1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from([*FIELDS, "event", "created_at", "raw_type", "model_extra"])
data_names = st.sampled_from(["id", "licenseKey", "license_key", "status", "expiresAt", "expires_at", "note", "x"])
mutations = st.one_of(
    st.tuples(st.just("set"), names, json_values),
    st.tuples(st.just("data"), data_names, json_values),
    st.tuples(st.just("drop"), names, st.none()),
    st.tuples(
        st.just("type"), st.sampled_from(["payment.completed", "app.created", "a.b", "license.", "x"]), st.none()
    ),
)
splices = st.tuples(
    st.integers(0, len(BODY)),
    st.integers(0, 12),
    st.binary(max_size=4)
    | st.sampled_from(
        [b"NaN", b"-Infinity", b"1e999", b"\\ud800", b"\\u0000", b"\xff", b"[" * 300, b"9" * 5000, b'"', b"}"]
    ),
)


@st.composite
def bodies(draw) -> bytes:
    """A valid body; some fields changed; some bytes changed; or noise."""
    fields = {**FIELDS, "data": dict(FIELDS["data"])}
    for kind, name, value in draw(st.lists(mutations, max_size=3)):
        if kind == "set":
            fields[name] = value
        elif kind == "drop":
            fields.pop(name, None)
        elif kind == "type":
            fields["type"] = name
        elif isinstance(fields.get("data"), dict):
            fields["data"] = {**fields["data"], name: value}
    body = json.dumps(fields, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    for start, length, new in draw(st.lists(splices, max_size=2)):
        body = body[:start] + new + body[start + length :]
    return draw(st.sampled_from([body, body, body, b"\xef\xbb\xbf" + body, body.decode("latin-1").encode("utf-16")]))


any_body = bodies() | st.binary(max_size=200)
header_texts = st.text(max_size=80) | st.sampled_from(["", SENT, "0" * 64, f"{SENT},{SENT}", "nan", "\u0661"])
header_names = st.sampled_from(
    [
        "X-Webhook-Signature",
        "X-Webhook-Timestamp",
        "x-licensechain-signature",
        "X-LicenseChain-Timestamp",
        "X_Webhook_Signature",
        "Content-Length",
        "Content-Encoding",
        "Content-Type",
    ]
)


@st.composite
def header_pairs(draw, body: bytes) -> list[tuple[str, str]]:
    """The headers of a valid delivery of ``body``, some dropped, some added, in any order."""
    pairs = [("X-Webhook-Signature", sign(SECRET, body)), ("X-Webhook-Timestamp", SENT)]
    pairs = [pair for pair in pairs if draw(st.integers(0, 7)) > 0]
    return draw(st.permutations(pairs + draw(st.lists(st.tuples(header_names, header_texts), max_size=2))))


@given(body=any_body, lenient=st.booleans())
@example(body=b"", lenient=True)
@example(body=b"[" * 100_000, lenient=True)
@example(body=b'{"id":' * 100_000, lenient=False)
def test_parsing_is_total(body, lenient):
    """Any bytes are an event or a PayloadError, and nothing else."""
    try:
        event = parse_event(body, lenient=lenient)
    except PayloadError as error:
        assert error.detail  # noqa: PT017 - what a refusal must have
    else:
        assert isinstance(event, Event)
        assert 0 < len(event.id) <= 255
        assert event.id.isascii()
        assert event.id.isprintable()
        assert repr(event) == f"{type(event).__name__}(id={event.id!r}, type={event.type!r})"


@given(body=any_body, lenient=st.booleans())
def test_parsing_depends_on_the_bytes_alone(body, lenient):
    """The same bytes always have the same verdict, and an event equals itself."""
    verdicts = []
    for _ in range(2):
        try:
            verdicts.append(repr(parse_event(body, lenient=lenient)))
        except PayloadError as error:
            verdicts.append((error.reason, error.detail))
    assert verdicts[0] == verdicts[1]


@given(body=any_body, lenient=st.booleans())
def test_an_event_has_the_same_content_as_itself(body, lenient):
    """Comparing two bodies works for every body that was taken."""
    try:
        parse_event(body, lenient=lenient)
    except PayloadError:
        return
    assert same_content(body, body)


@given(data=st.data(), body=any_body, profile=profiles)
def test_opening_is_total(data, body, profile):
    """For any bytes and any header strings `Endpoint.open` gives an event or one of two errors."""
    headers = data.draw(header_pairs(body))
    endpoint = ENDPOINTS[profile]
    try:
        event = endpoint.open(headers, body)
    except (VerificationError, PayloadError):
        return
    assert ("X-Webhook-Signature", sign(SECRET, body)) in headers
    assert event.timestamp.tzinfo is not None


@given(
    data=st.data(),
    body=any_body,
    headers=st.lists(st.tuples(st.text(), st.text())) | st.dictionaries(st.text(), st.binary()),
)
def test_opening_noise_is_total(data, body, headers):
    """Headers of any text and bytes are refused, not tripped over."""
    with pytest.raises(VerificationError):
        ENDPOINTS[data.draw(profiles)].open(headers, body)


def outcome_of(receiver: Receiver, request_of, *, in_loop: bool):
    request = request_of()
    return asyncio.run(receiver.areceive(request)) if in_loop else receiver.receive(request)


@given(
    data=st.data(),
    body=any_body,
    profile=profiles,
    method=st.sampled_from(["POST"] * 5 + ["GET", "", "post", "\x00", "PO ST"]),
    max_body=st.sampled_from([1_048_576] * 4 + [10]),
    streamed=st.booleans(),
)
def test_receiving_is_total(data, body, profile, method, max_body, streamed):
    """Any method, headers and body become an outcome of the vocabulary, alike in both hosts, and never a 5xx."""
    pairs = data.draw(header_pairs(body))
    endpoint = Endpoint(secrets=SECRET, profile=profile, clock=FrozenClock(NOW), max_body=max_body)
    seen = []
    for in_loop in (False, True):
        hooks = Hooks()
        hooks.on("*")(lambda _event: None)
        receiver = Receiver(endpoint, hooks)
        outcome = outcome_of(
            receiver,
            lambda: HookRequest(io.BytesIO(body).read if streamed else body, pairs, method=method),
            in_loop=in_loop,
        )
        seen.append((outcome.name, outcome.status, outcome.reason, outcome.reply))
        assert outcome.name in OUTCOMES
        assert outcome.status < 500
        assert (outcome.status == 200) is (outcome.event is not None)
        assert json.loads(outcome.reply.body) == {"status": outcome.name}
    assert seen[0] == seen[1]
