"""Signed requests for tests."""

import time

from licensechain_hooks._signing import sign
from licensechain_hooks.events import Event
from licensechain_hooks.testing._events import event_body

__all__ = ["sign_request"]


def sign_request(body: bytes | Event, secret: str, *, timestamp: float | None = None) -> dict[str, str]:
    """The headers LicenseChain would send with a body.

    Args:
        body: the raw body, or an event whose `event_body` it is.
        secret: the signing secret.
        timestamp: Unix time in seconds at which it is sent; by default now.
    """
    raw = event_body(body) if isinstance(body, Event) else body
    return {
        "Content-Type": "application/json",
        "X-Webhook-Signature": sign(secret, raw),
        "X-Webhook-Timestamp": str(int(time.time() if timestamp is None else timestamp)),
    }
