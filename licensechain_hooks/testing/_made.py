"""Deliveries as LicenseChain would send them, and as an enemy would."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from licensechain_hooks._request import HookRequest
from licensechain_hooks.events import Event
from licensechain_hooks.testing._events import event_body
from licensechain_hooks.testing._requests import sign_request

__all__ = ["Delivery", "Tamper", "make_delivery"]

Tamper = Literal["body", "signature", "timestamp"]

_STALE = 3600  # seconds, beyond every sensible tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request, ready to send.

    Attributes:
        body: its raw bytes.
        headers: each once.
    """

    body: bytes
    headers: Mapping[str, str] = field(repr=False)  # they sign

    def request(self, path: str = "") -> HookRequest:
        """The same for `Receiver.receive`; a new one each time, for a receiver reads it."""
        return HookRequest(self.body, self.headers, path=path)


def make_delivery(
    event: Event | bytes, secret: str, *, tamper: Tamper | None = None, timestamp: float | None = None
) -> Delivery:
    """The delivery of an event.

    Args:
        event: what it brings; or any raw body.
        secret: the signing secret.
        tamper: what is wrong with it: the ``body`` was changed after it was signed, the ``signature`` is of something
            else, or the ``timestamp`` is an hour old.
        timestamp: Unix time in seconds at which it is sent; by default now.
    """
    body = event if isinstance(event, bytes) else event_body(event)
    sent_at = (time.time() if timestamp is None else timestamp) - (_STALE if tamper == "timestamp" else 0)
    headers = sign_request(body, secret, timestamp=sent_at)
    if tamper == "signature":
        headers["X-Webhook-Signature"] = headers["X-Webhook-Signature"][::-1]
    if tamper == "body":
        body = body[:-1] + b',"tampered":true}'
    return Delivery(body=body, headers=headers)
