"""What a receiver must survive, and what it answers: the same for every framework and every server."""

import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from licensechain_hooks.testing._delivery import RawDelivery
from licensechain_hooks.testing._forge import (
    Forge,
    Maker,
    at_limit,
    data,
    envelope,
    header,
    method,
    moment,
    signature,
    signatures,
    signed,
    timestamp,
    too_large,
)

__all__ = ["CATALOGUE", "Case"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One hostile or unusual delivery.

    Attributes:
        row: its number in the catalogue of bad input.
        name: what is wrong with it.
        status: the HTTP status it must be answered with.
        outcome: the outcome's name in the reply.
        make: makes the delivery.
    """

    row: int
    name: str
    status: int
    outcome: str
    make: Maker

    def __str__(self) -> str:
        return f"{self.row:02d}-{self.name.replace(' ', '-')}"


def _accepted(row: int, makers: dict[str, Maker]) -> Iterator[Case]:
    for name, make in makers.items():
        yield Case(row=row, name=name, status=200, outcome="processed", make=make)


def _refused(row: int, status: int, makers: dict[str, Maker]) -> Iterator[Case]:
    for name, make in makers.items():
        yield Case(row=row, name=name, status=status, outcome="rejected", make=make)


_NOT_TIMES = {
    "nan": b"nan",
    "infinity": b"inf",
    "exponent": b"1e9",
    "hexadecimal": b"0x10",
    "underscores": b"1_700_000_000",
    "plus": b"+1700000000",
    "minus": b"-1",
    "fraction": b"1700000000.0",
    "Arabic digits": "\u0661\u0667".encode(),
    "5000 digits": b"1" * 5000,
    "13 digits": b"1700000000000",
    "inner space": b"17000 00000",
    "ISO 8601": b"2026-01-01T00:00:00Z",
    "empty": b"",
}
_NOT_EVENT_TIMES: dict[str, Any] = {
    "absent": ...,
    "null": None,
    "number": 1767225600,
    "number in a string": "1767225600",
    "naive": "2026-01-01T00:00:00",
    "date only": "2026-01-01",
    "no seconds": "2026-01-01T00:00Z",
    "no such day": "2026-02-30T00:00:00Z",
    "hour 24": "2026-01-01T24:00:00Z",
    "offset without colon": "2026-01-01T00:00:00+0000",
    "line break": "2026-01-01T00:00:00Z\n",
    "Unicode minus": "2026-01-01T00:00:00\u221201:00",
}
_NOT_IDS: dict[str, Any] = {
    "absent": ...,
    "null": None,
    "number": 1,
    "true": True,
    "empty": "",
    "blank": " ",
    "inner space": "a b",
    "256 characters": "x" * 256,
    "line break": "a\nb",
    "escape sequence": "a\x1b[31mb",
    "NUL": "a\x00b",
    "look alike": "\u0430bc",
}
_NOT_TYPES: dict[str, Any] = {
    "absent": ...,
    "null": None,
    "number": 1,
    "list": ["license.created"],
    "empty": "",
    "no dot": "license",
    "upper case": "License.Created",
    "trailing dot": "license.",
    "inner space": "license. created",
    "line break": "license.created\n",
    "NUL": "license.created\x00",
    "101 characters": "license." + "x" * 93,
}
_NOT_DATA: dict[str, Any] = {
    "absent": ...,
    "null": None,
    "number": 1,
    "text": "x",
    "list": [],
    "true": True,
}
_CONTENT_TYPES = {
    "text": b"text/plain",
    "form": b"application/x-www-form-urlencoded",
    "multipart": b"multipart/form-data; boundary=x",
    "nonsense": b"\xff;;;",
    "UTF-16": b"application/json; charset=utf-16",
}
_CODECS = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
_NOT_UTF_8 = {
    "invalid UTF-8": b"\xff",
    "overlong UTF-8": b"\xc0\xaf",
    "CESU surrogates": b"\xed\xa0\xbd\xed\xb8\x80",
}
_NOT_ENVELOPES = {
    "list": b"[]",
    "text": b'"x"',
    "number": b"1",
    "null": b"null",
    "true": b"true",
    "empty object": b"{}",
    "not JSON": b"{",
    "form": b"a=b",
    "single quotes": b"{'id': 'x'}",
}


def _headers() -> Iterator[Case]:
    """Rows 0 to 21: the headers, the method, the framing of the body."""
    unsigned: dict[str, Maker] = {
        "signature missing": lambda forge: forge.delivery().without(b"X-Webhook-Signature"),
        "signature empty": signature(lambda _: b""),
        "no headers at all": lambda forge: RawDelivery(body=forge.body()),
    }
    yield from _accepted(0, {"good": Forge.delivery})
    yield from _refused(1, 401, unsigned)
    yield from _refused(
        2,
        401,
        {
            "signature in Latin-1": signature(lambda value: b"\xe9" + value[1:]),
            "signature in UTF-8": signature(lambda value: b"\xc3\xa9" + value[2:]),
        },
    )
    yield from _accepted(
        3,
        {
            "upper case": signature(bytes.upper),
            "mixed case": signature(lambda value: value[:32].upper() + value[32:]),
            "prefix": signature(lambda value: b"sha256=" + value),
            "prefix and upper case": signature(lambda value: b"sha256=" + value.upper()),
        },
    )
    yield from _refused(
        4,
        401,
        {
            "63 digits": signature(lambda value: value[:63]),
            "65 digits": signature(lambda value: value + b"0"),
            "66 digits": signature(lambda value: value + b"00"),
            "trailing junk": signature(lambda value: value + b"zz"),
            "inner space": signature(lambda value: value[:32] + b" " + value[32:]),
            "0x": signature(lambda value: b"0x" + value),
            "zeros": signature(lambda _: b"0" * 64),
            "of another body": lambda forge: replace(forge.delivery(), body=forge.body()),
            "of another secret": lambda forge: forge.forged(replace(forge, secret="not-" + forge.secret).sign),
        },
    )
    yield from _refused(
        5,
        401,
        {
            "truncated": signature(lambda value: value[:32]),
            "base64": signature(lambda value: b64encode(bytes.fromhex(value.decode()))),
            "prefix alone": signature(lambda _: b"sha256="),
            "HMAC of data alone": lambda forge: forge.forged(lambda body: forge.sign(_compact_data(body))),
            "hash of body and secret": lambda forge: forge.forged(lambda body: _hash(body + forge.secret.encode())),
            "SHA-1": lambda forge: forge.forged(lambda body: b"sha1=" + _hmac(forge.secret, body, "sha1")),
            "SHA-512": lambda forge: forge.forged(lambda body: b"sha512=" + _hmac(forge.secret, body, "sha512")),
        }
        | {
            f"prefix {prefix.decode()}": signature(lambda value, prefix=prefix: prefix + b"=" + value)  # type: ignore[misc]
            for prefix in (b"sha1", b"md5", b"sha512", b"SHA256", b"sha256=sha256")
        },
    )
    yield from _refused(
        6,
        401,
        {
            "good then bad": signatures(lambda value: (value, b"0" * 64)),
            "bad then good": signatures(lambda value: (b"0" * 64, value)),
            "good then empty": signatures(lambda value: (value, b"")),
            "comma list": signature(lambda value: value + b"," + b"0" * 64),
            "comma and space": signature(lambda value: b"0" * 64 + b", " + value),
            "two timestamps": lambda forge: forge.delivery().with_headers(
                (b"X-Webhook-Timestamp", forge.timestamp()), (b"X-Webhook-Timestamp", forge.timestamp(1))
            ),
        },
    )
    yield from _accepted(6, {"the same twice": signatures(lambda value: (value, value))})
    yield from _refused(7, 401, {"underscores": _underscores})
    yield from _refused(8, 401, {"signed with an empty key": lambda forge: forge.forged(lambda body: _hmac("", body))})
    yield from _refused(9, 401, {"timestamp missing": lambda forge: forge.delivery().without(b"X-Webhook-Timestamp")})
    yield from _refused(
        10,
        401,
        {
            "too old": timestamp(-330),
            "too new": timestamp(330),
            "1970": timestamp(b"0"),
            "far future": timestamp(b"999999999999"),
        },
    )
    yield from _accepted(10, {"just old enough": timestamp(-270), "just new enough": timestamp(270)})
    yield from _refused(11, 401, {name: timestamp(value) for name, value in _NOT_TIMES.items()})
    yield from _refused(
        14,
        413,
        {
            "too large": too_large("length"),
            "too large in chunks": too_large("chunked"),
            "too large and unsigned": lambda forge: RawDelivery(body=b"x" * (forge.max_body + 1)),
        },
    )
    yield from _accepted(14, {"at the limit": at_limit})
    yield from _accepted(15, {"chunked": lambda forge: replace(forge.delivery(), framing="chunked")})
    yield from _refused(15, 401, {"chunked and empty": lambda _: RawDelivery(framing="chunked")})
    encodings = (b"gzip", b"br", b"deflate", b"GZIP", b"zstd")
    yield from _refused(16, 415, {value.decode(): header(b"Content-Encoding", value) for value in encodings})
    yield from _accepted(16, {"identity": header(b"Content-Encoding", b"identity")})
    yield from _accepted(17, {"no content type": lambda forge: forge.delivery().without(b"Content-Type")})
    yield from _accepted(17, {name: header(b"Content-Type", value) for name, value in _CONTENT_TYPES.items()})
    yield from _refused(18, 401, {"empty and unsigned": lambda _: RawDelivery()})
    methods = ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
    yield from _refused(21, 405, {value: method(value) for value in methods})


def _bodies() -> Iterator[Case]:
    """Rows 12, 13, 18 and 22 to 30: the body, well signed."""
    yield from _refused(12, 401, {"event too old": signed(_old_event)})
    yield from _refused(13, 400, {name: envelope(timestamp=value) for name, value in _NOT_EVENT_TIMES.items()})
    yield from _accepted(
        13,
        {
            "leap second": moment("%Y-%m-%dT%H:%M:60Z"),
            "nine digits": moment("%Y-%m-%dT%H:%M:%S.123456789Z"),
            "offset": moment("%Y-%m-%dT%H:%M:%S+00:00"),
            "lower case": moment("%Y-%m-%dt%H:%M:%Sz"),
        },
    )
    yield from _refused(18, 400, {"empty and signed": signed(b""), "blank and signed": signed(b" ")})
    yield from _refused(22, 400, {name: signed(_replaced(value)) for name, value in _NOT_UTF_8.items()})
    yield from _refused(22, 400, {"BOM": signed(lambda forge: b"\xef\xbb\xbf" + forge.body())})
    yield from _refused(22, 400, {codec: signed(_recoded(codec)) for codec in _CODECS})
    yield from _refused(
        23,
        400,
        {
            "lone high surrogate": data(r'"\ud800"'),
            "lone low surrogate": data(r'"\udc00"'),
            "lone surrogate in a key": data(r'{"\ud800": 1}'),
        },
    )
    yield from _accepted(23, {"surrogate pair": data(r'"\ud83d\ude00"')})
    yield from _accepted(24, {"NUL in data": data(r'"a\u0000b"'), "NUL in a key": data(r'{"a\u0000": 1}')})
    yield from _accepted(
        25,
        {
            "key twice in data": data('1, "x": 2'),
            "type twice": signed(lambda forge: forge.body().replace(b'"type"', b'"type": "x.y", "type"')),
        },
    )
    yield from _refused(
        25, 400, {"type twice, last one bad": signed(lambda forge: forge.body()[:-1] + b', "type": 1}')}
    )
    yield from _refused(26, 400, {value: data(value) for value in ("NaN", "Infinity", "-Infinity")})
    yield from _refused(
        26,
        400,
        {
            "NaN in a typed field": data('1, "status": NaN'),
            "NaN in a list": data("[[1, NaN]]"),
            "NaN beside data": _constant(x="@"),
            "NaN as id": _constant(id="@"),
            "NaN as signature": _constant(signature="@"),
            "NaN in an unknown event": _constant(type="a.b", x="@"),
            "4301 digits": data("1" * 4301),
        },
    )
    yield from _accepted(
        26,
        {
            "NaN in a string": data('"NaN Infinity"'),
            "NaN in a string beside a number": data('["NaN", 1.5]'),
            "too large for a float": data("1e999"),
            "4300 digits": data("1" * 4300),
        },
    )
    yield from _refused(
        27,
        400,
        {
            "201 lists": data("[" * 201 + "]" * 201),
            "201 objects": data('{"x":' * 201 + "1" + "}" * 201),
            "10000 lists": data("[" * 10_000 + "]" * 10_000),
            "60000 lists left open": signed(b"[" * 60_000),
        },
    )
    yield from _accepted(27, {"100 lists": data("[" * 100 + "]" * 100)})
    yield from _refused(28, 400, {name: signed(value) for name, value in _NOT_ENVELOPES.items()})
    yield from _refused(
        28,
        400,
        {
            "trailing junk": signed(lambda forge: forge.body() + b"x"),
            "two documents": signed(lambda forge: forge.body() * 2),
            "comment": signed(lambda forge: b"/**/" + forge.body()),
        },
    )
    yield from _refused(28, 400, {f"data {name}": envelope(data=value) for name, value in _NOT_DATA.items()})
    yield from _refused(29, 400, {f"id {name}": envelope(id=value) for name, value in _NOT_IDS.items()})
    yield from _refused(29, 400, {f"type {name}": envelope(type=value) for name, value in _NOT_TYPES.items()})
    yield from _accepted(
        29,
        {
            "id of 255 characters": signed(lambda forge: forge.body(id=f"{forge.clock():.6f}".ljust(255, "x"))),
            "type of 100 characters": envelope(type="license." + "x" * 92),
        },
    )
    yield from _accepted(
        30,
        {
            "unknown type": envelope(type="brand.new.type"),
            "unknown fields": envelope(new={"a": [1, 2.5, None, True]}),
            "data of another shape": envelope(data={"id": {"not": "text"}}),
            "data empty": envelope(data={}),
            "alias": envelope(type="payment.completed"),
        },
    )


def _underscores(forge: Forge) -> RawDelivery:
    delivery = forge.delivery()
    named = delivery.without(b"X-Webhook-Signature")
    return named.with_headers((b"X_Webhook_Signature", forge.sign(delivery.body)))


def _hmac(secret: str, body: bytes, algorithm: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), body, algorithm).hexdigest().encode()


def _hash(text: bytes) -> bytes:
    return sha256(text).hexdigest().encode()


def _compact_data(body: bytes) -> bytes:
    return json.dumps(json.loads(body)["data"], separators=(",", ":")).encode()


def _old_event(forge: Forge) -> bytes:
    return forge.body(timestamp=(datetime.fromtimestamp(forge.clock(), UTC) - timedelta(days=31)).isoformat())


def _replaced(value: bytes) -> Callable[[Forge], bytes]:
    return lambda forge: forge.body(x="@").replace(b"@", value)


def _recoded(codec: str) -> Callable[[Forge], bytes]:
    return lambda forge: forge.body().decode().encode(codec)


def _constant(**fields: str) -> Maker:
    return signed(lambda forge: forge.body(**fields).replace(b'"@"', b"NaN"))


CATALOGUE: tuple[Case, ...] = tuple(sorted([*_headers(), *_bodies()], key=lambda case: case.row))
"""Every case that one request can show. What takes several requests, or a handler, is in the conformance suite."""
