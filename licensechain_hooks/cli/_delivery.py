"""Deliveries as LicenseChain would send them, and as an enemy would."""

import time
from dataclasses import dataclass
from typing import Literal

from licensechain_hooks import Event
from licensechain_hooks.testing import event_body, sign_request

__all__ = ["Delivery", "Tamper", "make_delivery"]

Tamper = Literal["body", "signature", "timestamp"]

_STALE = 3600  # seconds, beyond every sensible tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request, ready to send."""

    body: bytes
    headers: dict[str, str]


def make_delivery(event: Event, secret: str, *, tamper: Tamper | None = None) -> Delivery:
    """The delivery of an event, signed now.

    Args:
        event: what it brings.
        secret: the signing secret.
        tamper: what is wrong with it: the ``body`` was changed after it was signed, the ``signature`` is of something
            else, or the ``timestamp`` is an hour old.
    """
    body = event_body(event)
    sent_at = time.time() - (_STALE if tamper == "timestamp" else 0)
    headers = sign_request(body, secret, timestamp=sent_at)
    if tamper == "signature":
        headers["X-Webhook-Signature"] = headers["X-Webhook-Signature"][::-1]
    if tamper == "body":
        body = body[:-1] + b',"tampered":true}'
    return Delivery(body=body, headers=headers)
