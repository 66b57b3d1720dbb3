"""Requests: the catalogue of bad input, and mutations of it that are still HTTP, so that every server hands them on."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from random import Random

from licensechain_hooks.testing._catalogue import CATALOGUE
from licensechain_hooks.testing._forge import Forge
from licensechain_hooks.testing.conformance import RawDelivery
from tests.fuzz._receive import DICTIONARY

__all__ = ["as_text", "requests"]

_SIGNATURE = b"X-Webhook-Signature"
_NAMES = (
    *(_SIGNATURE, b"X-Webhook-Timestamp", b"X-LicenseChain-Signature", b"X-LicenseChain-Timestamp"),
    *(
        b"x-webhook-signature",
        b"X_Webhook_Signature",
        b"Content-Type",
        b"Content-Encoding",
        b"X-Forwarded-For",
        b"Accept",
    ),
)
_LONGEST = 7000  # bytes of a value; some servers refuse more than 8190 themselves (gunicorn)
_METHODS = ("POST",) * 30 + ("GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")
# RFC 9110, section 5.5; neither a tab nor DEL, which servers disagree on by themselves.
_VALUE_BYTES = bytes([*range(0x20, 0x7F), *range(0x80, 0x100)])


def requests(forge: Forge, number: int, *, seed: int) -> Iterator[RawDelivery]:
    """The catalogue, and then mutations of it: so many in all."""
    chance = Random(seed)
    small = [case for case in CATALOGUE if case.status != 413]
    yield from islice((case.make(forge) for case in CATALOGUE), number)
    for _ in range(number - len(CATALOGUE)):
        yield _mutated(chance.choice(small).make(forge), forge, chance)


def as_text(delivery: RawDelivery) -> str:
    """A request for people; a body in full."""
    lines = [delivery.method + f" ({delivery.framing})", *(f"{name!r}: {value!r}" for name, value in delivery.headers)]
    return "\n".join([*lines, repr(delivery.body)])


def _mutated(delivery: RawDelivery, forge: Forge, chance: Random) -> RawDelivery:
    """Some bytes of the body changed, mostly signed anew; some headers changed; perhaps another method or framing."""
    body, headers = delivery.body, list(delivery.headers)
    if chance.random() < 0.7:
        for _ in range(chance.randint(1, 4)):
            body = _spliced(body, chance)
        if chance.random() < 0.8:
            headers = [header for header in headers if header[0] != _SIGNATURE] + [(_SIGNATURE, forge.sign(body))]
    if chance.random() < 0.5:
        for _ in range(chance.randint(1, 3)):
            headers = _with_odd_headers(headers, chance)
    headers = _with_one_content_type(headers)
    framing = "chunked" if chance.random() < 0.1 else "length"
    method = chance.choice(_METHODS)
    return replace(delivery, method=method, headers=tuple(headers), body=body, framing=framing)


def _spliced(body: bytes, chance: Random) -> bytes:
    at = chance.randint(0, len(body))
    until = at + chance.choice((0, 0, 1, 1, 2, 8, 40))
    new = chance.choice((chance.choice(DICTIONARY), chance.randbytes(chance.randint(0, 4)), body[at : at + 20], b""))
    return body[:at] + new + body[until:]


def _with_odd_headers(headers: list[tuple[bytes, bytes]], chance: Random) -> list[tuple[bytes, bytes]]:
    """One header changed, dropped, repeated, renamed or moved."""
    if not headers or chance.random() < 0.2:
        return [
            *headers,
            (chance.choice(_NAMES), _value(chance.randbytes(chance.randint(0, 70)).hex().encode(), chance)),
        ]
    at = chance.randrange(len(headers))
    name, value = headers[at]
    changed = {
        "drop": [],
        "change": [(name, _value(value, chance))],
        "repeat": [(name, value), (name, chance.choice((value, _value(value, chance))))],
        "rename": [(chance.choice(_NAMES), value)],
        "respell": [(name.lower() if chance.random() < 0.5 else name.upper(), value.swapcase())],
        "list": [(name, value + chance.choice((b",", b", ", b" , ")) + chance.choice((value, b"", b"0")))],
    }
    before, after = headers[:at], headers[at + 1 :]
    made = changed[chance.choice(list(changed))]
    return [*before, *((name, value[:_LONGEST].strip(b" \t")) for name, value in made), *after]


def _with_one_content_type(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Without the second one and those after it, for which some servers refuse a request themselves (gunicorn)."""
    first = next((header for header in headers if header[0].lower() == b"content-type"), None)
    return [header for header in headers if header is first or header[0].lower() != b"content-type"]


def _value(value: bytes, chance: Random) -> bytes:
    """A header's value with one byte changed, put in or taken out; still one that HTTP allows."""
    at = chance.randint(0, len(value))
    new = bytes([chance.choice(_VALUE_BYTES)]) if chance.random() < 0.8 else b""
    return (value[:at] + new + value[at + chance.randint(0, 1) :]).strip(b" \t")
