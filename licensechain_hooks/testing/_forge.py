"""Making deliveries: good ones, and ones with one thing wrong."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from licensechain_hooks._signing import sign
from licensechain_hooks.testing._delivery import Framing, RawDelivery
from licensechain_hooks.testing._events import event_body, make_event

__all__ = [
    "Forge",
    "Maker",
    "at_limit",
    "data",
    "envelope",
    "header",
    "method",
    "moment",
    "signature",
    "signatures",
    "signed",
    "timestamp",
    "too_large",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forge:
    """Makes deliveries for an endpoint: good ones, and ones with one thing wrong.

    Attributes:
        secret: the endpoint's signing secret.
        max_body: the endpoint's limit in bytes.
        clock: Unix time in seconds.
    """

    secret: str
    max_body: int = 64 * 1024
    clock: Callable[[], float] = field(default=time.time)

    def body(self, **fields: Any) -> bytes:
        """The body of a new ``license.created``; fields of the envelope replaced, ``...`` for none at all."""
        now = datetime.fromtimestamp(self.clock(), UTC)
        envelope = json.loads(event_body(make_event("license.created", timestamp=now))) | fields
        return json.dumps({name: value for name, value in envelope.items() if value is not ...}).encode()

    def sign(self, body: bytes) -> bytes:
        """The signature of a body."""
        return sign(self.secret, body).encode()

    def timestamp(self, offset: float = 0) -> bytes:
        """The clock's time, ``offset`` seconds later, as the header has it."""
        return str(int(self.clock() + offset)).encode()

    def delivery(self, body: bytes | None = None) -> RawDelivery:
        """A good delivery, or a signed one of this body."""
        raw = self.body() if body is None else body
        headers = (
            (b"Content-Type", b"application/json"),
            (b"X-Webhook-Signature", self.sign(raw)),
            (b"X-Webhook-Timestamp", self.timestamp()),
        )
        return RawDelivery(headers=headers, body=raw)

    def forged(self, sign_otherwise: Callable[[bytes], bytes]) -> RawDelivery:
        """A delivery that somebody without the secret, or with another idea of signing, could make."""
        delivery = self.delivery()
        return delivery.with_headers((b"X-Webhook-Signature", sign_otherwise(delivery.body)))


Maker = Callable[[Forge], RawDelivery]


def signature(change: Callable[[bytes], bytes]) -> Maker:
    """A delivery whose signature header was changed."""
    return signatures(lambda value: (change(value),))


def signatures(change: Callable[[bytes], tuple[bytes, ...]]) -> Maker:
    """A delivery with several signature headers."""

    def make(forge: Forge) -> RawDelivery:
        delivery = forge.delivery()
        values = change(forge.sign(delivery.body))
        return delivery.with_headers(*((b"X-Webhook-Signature", value) for value in values))

    return make


def timestamp(value: bytes | float) -> Maker:
    """A delivery whose timestamp header says this, or is so many seconds off the clock."""

    def make(forge: Forge) -> RawDelivery:
        text = value if isinstance(value, bytes) else forge.timestamp(value)
        return forge.delivery().with_headers((b"X-Webhook-Timestamp", text))

    return make


def header(name: bytes, value: bytes) -> Maker:
    """A good delivery with this header."""
    return lambda forge: forge.delivery().with_headers((name, value))


def method(value: str) -> Maker:
    """A good delivery by another method."""
    return lambda forge: replace(forge.delivery(), method=value)


def signed(body: bytes | Callable[[Forge], bytes]) -> Maker:
    """A delivery of this body, signed."""
    return lambda forge: forge.delivery(body if isinstance(body, bytes) else body(forge))


def envelope(**fields: Any) -> Maker:
    """A signed delivery of an event with these fields replaced."""
    return lambda forge: forge.delivery(forge.body(**fields))


def data(json_text: str) -> Maker:
    """A signed delivery of an event whose ``data`` also holds this JSON, as it stands."""
    return signed(lambda forge: forge.body(data={"id": "lic_1", "x": "@"}).replace(b'"@"', json_text.encode()))


def too_large(framing: Framing) -> Maker:
    """A signed delivery whose body is larger than the endpoint takes."""

    def make(forge: Forge) -> RawDelivery:
        return replace(forge.delivery(forge.body(padding="x" * forge.max_body)), framing=framing)

    return make


def at_limit(forge: Forge) -> RawDelivery:
    """A signed delivery whose body is just as large as the endpoint takes."""
    room = forge.max_body - len(forge.body(padding=""))
    return forge.delivery(forge.body(padding="x" * room))


def moment(form: str) -> Maker:
    """A signed delivery of an event that happened now, its timestamp in this form of ``strftime``."""
    return signed(lambda forge: forge.body(timestamp=datetime.fromtimestamp(forge.clock(), UTC).strftime(form)))
