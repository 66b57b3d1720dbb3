"""Deliveries as they arrive: no two are alike, as in life, where every event has ids of its own.

That matters: a parser that remembers strings looks a third faster on a body it has seen before.
"""

import json
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from licensechain_hooks import sign

SECRET = "whsec_7b1e64f0c2a94d0b"
OTHER_SECRET = "whsec_0d5f3e9a771c48e2"
PATH = "/webhooks/licensechain"
SMALL, MEDIUM, LARGE = 325, 16 * 1024, 256 * 1024  # bytes: the guide's example, and what an application may add to it

_random = random.Random(20240101)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery: its body and the two headers, as bytes."""

    body: bytes
    signature: bytes
    timestamp: bytes

    @property
    def mac(self) -> bytes:
        """The signature's 32 bytes."""
        return bytes.fromhex(self.signature.decode())

    def asgi_headers(self) -> list[tuple[bytes, bytes]]:
        """What a server hands over, with the headers any client sends."""
        return [
            (b"host", b"shop.example.com"),
            (b"user-agent", b"LicenseChain-Webhooks/1.0"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(self.body)).encode()),
            (b"x-webhook-signature", self.signature),
            (b"x-webhook-timestamp", self.timestamp),
        ]

    def http_request(self) -> bytes:
        """The same as HTTP/1.1."""
        lines = [b"POST %s HTTP/1.1" % PATH.encode(), *(b"%s: %s" % header for header in self.asgi_headers())]
        return b"\r\n".join([*lines, b"", self.body])


def delivery(size: int = SMALL) -> Delivery:
    """A new delivery with a body of ``size`` bytes, or a few more where it is large."""
    body = event_body(size)
    return Delivery(body=body, signature=sign(SECRET, body).encode(), timestamp=str(int(time.time())).encode())


def event_body(size: int = SMALL, **fields: str) -> bytes:
    """The guide's documented event, padded to ``size`` by its signature field or by more data."""
    event = _event() | fields
    missing = size - len(_compact(event))
    if size > SMALL:
        event["data"] |= _more_data(missing)
    else:
        event["signature"] = _hex(max(missing, 0))
    return _compact(event)


def _event() -> dict[str, Any]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": "-".join(map(_hex, (8, 4, 4, 4, 12))),
        "type": "license.created",
        "data": {
            "id": f"lic_{_hex(8)}",
            "licenseKey": "-".join(_hex(4).upper() for _ in range(4)),
            "userId": f"user_{_hex(6)}",
            "productId": "prod_1",
            "status": "active",
            "expiresAt": _time(2030),
            "createdAt": _time(2024),
        },
        "timestamp": now,
        "signature": "",
    }


def _more_data(size: int) -> dict[str, Any]:
    """Fields that no model knows, of every kind JSON has."""
    more: dict[str, Any] = {"seats": 25, "trial": False, "discount": 0.15, "features": ["export", "api", "offline"]}
    activations: list[dict[str, Any]] = []
    left = size - len(_compact(more))
    while left > 0:
        activations.append(_activation())
        left -= len(_compact(activations[-1])) + 1
    return {**more, "activations": activations}


def _activation() -> dict[str, Any]:
    return {
        "machineId": _hex(32),
        "hostname": f"ws-{_hex(6)}.example.com",
        "cores": _random.randrange(2, 64),
        "load": round(_random.random(), 4),
        "tags": ["office", "managed"],
        "lastSeenAt": _time(2025),
        "note": None,
    }


def _hex(digits: int) -> str:
    return f"{_random.getrandbits(4 * digits):0{digits}x}" if digits else ""


def _time(year: int) -> str:
    month, day = _random.randrange(1, 13), _random.randrange(1, 29)
    hour, minute, second = _random.randrange(24), _random.randrange(60), _random.randrange(60)
    return f"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"


def _compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
