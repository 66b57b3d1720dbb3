"""Deliveries: whatever arrives, one answer of the vocabulary, the same everywhere, and never a 5xx or a forgery taken.

The first line of an input is a method and a profile. ``{sig}`` in a header stands for the signature of the body, so that
the fuzzer gets beyond it; ``{SIG}`` for the same in capitals.
"""

import asyncio
import hmac
import io
import json
import re
from datetime import UTC, datetime
from hashlib import sha256

from licensechain_hooks import OUTCOMES, Endpoint, Event, HookRequest, Hooks, PayloadError, Receiver
from licensechain_hooks.events import parse_envelope, parse_event, same_content
from licensechain_hooks.testing import FrozenClock
from licensechain_hooks.testing._delivery import aasgi_exchange
from licensechain_hooks.testing.conformance import RawDelivery, wsgi_exchange
from tests.fuzz._text import read_message

__all__ = ["DICTIONARY", "SEEDS", "answers_to", "mac_of", "read_message", "run"]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "the-secret-of-the-fuzzer"
MAX_BODY = 2048
_SENT = str(int(NOW.timestamp())).encode()
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING = {b"content-length", b"transfer-encoding", b"host"}

_loop = asyncio.new_event_loop()


def _receiver(profile: str) -> Receiver:
    hooks = Hooks()

    @hooks.on("*")
    def look(event: Event) -> None:
        """What handlers do with an event: none of it may fail."""
        assert event.timestamp.tzinfo is not None
        assert repr(event) == f"{type(event).__name__}(id={event.id!r}, type={event.type!r})"

    endpoint = Endpoint(secrets=["another-secret", SECRET], profile=profile, clock=FrozenClock(NOW), max_body=MAX_BODY)
    return Receiver(endpoint, hooks)


_WAYS = ("bytes", "stream", "awaited", "wsgi", "asgi")
_receivers = {(profile, way): _receiver(profile) for profile in ("guide", "compat") for way in _WAYS}


def run(data: bytes) -> None:
    """One input.

    Raises:
        AssertionError: a promise is broken.
    """
    message = read_message(data)
    profile = "compat" if message.word(1) == b"compat" else "guide"
    method = message.word(0).decode("latin-1") or "POST"
    mac = mac_of(message.body)
    headers = [(name, value.replace(b"{sig}", mac).replace(b"{SIG}", mac.upper())) for name, value in message.headers]
    answers = answers_to(profile, method, headers, message.body)
    assert len(set(answers.values())) == 1, answers
    status, _ = answers["bytes"]
    if status == 200:
        assert any(_is_signature(value, mac) for _, value in headers), "a forgery was taken"
    if status in {200, 400} and len(message.body) <= MAX_BODY:
        _check_parsing(message.body, lenient=profile == "compat", is_event=status == 200)


def mac_of(body: bytes) -> bytes:
    """The signature of a body."""
    return hmac.new(SECRET.encode(), body, sha256).hexdigest().encode()


def answers_to(
    profile: str, method: str, headers: list[tuple[bytes, bytes]], body: bytes
) -> dict[str, tuple[int, str]]:
    """The status and the outcome that a request gets in each way of receiving it."""
    texts = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
    pairs = {
        "bytes": _receivers[profile, "bytes"].receive(HookRequest(body, texts, method=method)),
        "stream": _receivers[profile, "stream"].receive(HookRequest(io.BytesIO(body).read, texts, method=method)),
        "awaited": _loop.run_until_complete(
            _receivers[profile, "awaited"].areceive(HookRequest(body, texts, method=method))
        ),
    }
    for outcome in pairs.values():
        assert outcome.name in OUTCOMES
        assert outcome.status < 500
        assert json.loads(outcome.reply.body) == {"status": outcome.name}
    answers = {way: (outcome.status, _kind_of(outcome.name)) for way, outcome in pairs.items()}
    if all(_is_sendable(name, value) for name, value in headers):
        delivery = RawDelivery(method=method, headers=tuple(headers), body=body)
        over_wsgi = wsgi_exchange(_receivers[profile, "wsgi"].wsgi, delivery, "/")
        over_asgi = _loop.run_until_complete(aasgi_exchange(_receivers[profile, "asgi"].asgi, delivery, "/"))
        for way, one in (("wsgi", over_wsgi), ("asgi", over_asgi)):
            answers[way] = (one.status, "rejected" if method == "HEAD" and not one.body else _kind_of(one.outcome))
    return answers


def _kind_of(outcome: str) -> str:
    """An outcome, whatever came before: an input that finds something has to find it alone as well."""
    return "taken" if outcome in {"processed", "duplicate", "conflict"} else outcome


def _is_sendable(name: bytes, value: bytes) -> bool:
    """Whether servers hand a header on, alike under WSGI and ASGI."""
    is_text = not re.search(rb"[\r\n\0]", value) and value == value.strip(b" \t")
    return _TOKEN.fullmatch(name) is not None and b"_" not in name and name.lower() not in _FRAMING and is_text


def _is_signature(value: bytes, mac: bytes) -> bool:
    """Whether a header, or one of a list in it, is the body's MAC, as only who has the secret can make it."""
    return any(part.strip(b" \t").removeprefix(b"sha256=").lower() == mac for part in value.split(b","))


def _check_parsing(body: bytes, *, lenient: bool, is_event: bool) -> None:
    """The envelope, by which an inbox takes a delivery, is the event's; and a body has the same content as itself."""
    verdicts = []
    for parse in (parse_event, parse_envelope):
        try:
            opened = parse(body, lenient=lenient)
        except PayloadError as error:
            verdicts.append((error.reason,))
        else:
            verdicts.append((opened.id, opened.type, opened.raw_type, opened.raw_timestamp))
    assert verdicts[0] == verdicts[1], verdicts
    if is_event:
        assert same_content(body, body)


_BODY = (
    b'{"id":"evt_1","type":"license.revoked","data":{"id":"lic_1","licenseKey":"LC-1","status":"revoked",'
    b'"expiresAt":"2027-01-01T00:00:00Z"},"timestamp":"2026-03-01T11:59:30Z","signature":"0"}'
)
_SIGNED = b"X-Webhook-Signature: {sig}\nX-Webhook-Timestamp: " + _SENT + b"\n\n"
_THEIRS = b"X-LicenseChain-Signature: sha256={SIG}\nX-LicenseChain-Timestamp: 2026-03-01T12:00:00Z\n\n"

SEEDS = [
    b"POST guide\n" + _SIGNED + _BODY,
    b"POST guide\n" + _SIGNED + _BODY.replace(b"license.revoked", b"payment.completed"),
    b"POST guide\n" + _SIGNED + _BODY.replace(b"license.revoked", b"brand.new.type"),
    b"POST guide\n" + _SIGNED + _BODY.replace(b'"LC-1"', b'"a\\u0000\\ud83d\\ude00",  "n":[1,-2.5e3,true,null,{}]'),
    b"POST guide\n" + _SIGNED + _BODY.replace(b"11:59:30Z", b"12:59:60.123456789+01:00"),
    b"POST guide\n" + _SIGNED + _BODY.replace(b'"LC-1"', b"NaN"),
    b"POST guide\n" + _SIGNED + _BODY.replace(b'"LC-1"', b"[" * 40 + b"]" * 40),
    b"POST guide\n" + _SIGNED + b"[]",
    b"POST guide\n" + _SIGNED,
    b"GET guide\n" + _SIGNED + _BODY,
    b"POST guide\nContent-Encoding: gzip\n" + _SIGNED + _BODY,
    b"POST guide\nX-Webhook-Signature: {sig}, {sig}\n" + _SIGNED + _BODY,
    b"POST guide\nX-Webhook-Signature: 0\nX-Webhook-Timestamp: nan\n\n" + _BODY,
    b"POST compat\n" + _THEIRS + _BODY.replace(b'"type"', b'"event"'),
    b"POST compat\n" + _THEIRS + _BODY.replace(b'"id":"evt_1",', b""),
    b"POST compat\nX-LicenseChain-Timestamp: 1772366400000\n" + _SIGNED + _BODY.replace(b"timestamp", b"created_at"),
    b"POST compat\nX-LicenseChain-Signature: {sig}\n" + _SIGNED + _BODY.replace(b'"type"', b'"event":"a.b","type"'),
]

DICTIONARY = [
    *(b"X-Webhook-Signature: ", b"X-Webhook-Timestamp: ", b"X-LicenseChain-Signature: ", b"X-LicenseChain-Timestamp: "),
    *(
        b"Content-Length: ",
        b"Content-Encoding: ",
        b"Content-Type: ",
        b"identity",
        b"{sig}",
        b"{SIG}",
        b"sha256=",
        b"compat",
    ),
    *(b'"id":', b'"type":', b'"event":', b'"data":', b'"timestamp":', b'"created_at":', b'"signature":', b'"evt_1"'),
    *(b"license.revoked", b"license.created", b"payment.completed", b"subscription.cancelled", b"user.registered"),
    *(b'"licenseId":', b'"license_id":', b'"licenseKey":', b'"status":', b'"expiresAt":', b'"amount":', b'"currency":'),
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0", b"null", b"true", b"[[", b"]]", b'{"x":', b"}}", b"1E400"),
    *(
        b"\\u0000",
        b"\\ud800",
        b"\\udc00",
        b"\\ud83d\\ude00",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\xc0\xaf",
        b"\xff\xfe",
    ),
    *(
        b"2026-03-01T11:59:30Z",
        b"2026-02-30T00:00:00Z",
        b":60Z",
        b"+00:00",
        b"-23:59",
        b".123456789",
        _SENT,
        _SENT + b"000",
    ),
]
