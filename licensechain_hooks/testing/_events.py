"""Events for tests: every known type, with data as LicenseChain documents it."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from licensechain_hooks.events import Event, canonical_type, parse_event

__all__ = ["event_body", "make_event"]

_CREATED = "2026-01-01T00:00:00Z"
_OWNERS = {"userId": "user_1", "productId": "prod_1"}
_DATA: dict[str, dict[str, Any]] = {
    "license": {
        "id": "lic_1",
        "licenseKey": "LC-7F3K-9QWX-2MDA-H5TB",
        **_OWNERS,
        "status": "active",
        "expiresAt": "2027-01-01T00:00:00Z",
        "createdAt": _CREATED,
    },
    "payment": {
        "id": "pay_1",
        "licenseId": "lic_1",
        **_OWNERS,
        "amount": "49.90",
        "currency": "EUR",
        "status": "succeeded",
        "createdAt": _CREATED,
    },
    "subscription": {
        "id": "sub_1",
        "licenseId": "lic_1",
        **_OWNERS,
        "status": "active",
        "currentPeriodEnd": "2027-01-01T00:00:00Z",
        "createdAt": _CREATED,
    },
    "invoice": {
        "id": "inv_1",
        "subscriptionId": "sub_1",
        "userId": "user_1",
        "amount": "49.90",
        "currency": "EUR",
        "status": "paid",
        "createdAt": _CREATED,
    },
    "user": {"id": "user_1", "email": "ada@example.com", "name": "Ada Example", "createdAt": _CREATED},
    "app": {"id": "app_1", "name": "Example", "status": "active", "createdAt": _CREATED},
    "product": {"id": "prod_1", "name": "Example Pro", "status": "active", "createdAt": _CREATED},
    "hardware": {"id": "hw_1", "licenseId": "lic_1", "hardwareId": "4C4C4544-0042", "createdAt": _CREATED},
    "system": {"message": "Scheduled work", "startsAt": "2026-02-01T00:00:00Z", "endsAt": "2026-02-01T01:00:00Z"},
    "webhook": {
        "id": "wh_1",
        "url": "https://example.com/webhooks/licensechain",
        "events": ["license.revoked"],
        "status": "active",
        "createdAt": _CREATED,
    },
}
_STATUS = {
    "license.expired": "expired",
    "license.revoked": "revoked",
    "license.suspended": "suspended",
    "payment.failed": "failed",
    "payment.refunded": "refunded",
    "subscription.canceled": "canceled",
}


def make_event(
    event_type: str = "license.created",
    *,
    data: Mapping[str, Any] | None = None,
    event_id: str | None = None,
    timestamp: datetime | None = None,
) -> Event:
    """An event of any type, as it would arrive.

    Args:
        event_type: a known type in any of its spellings, or an unknown one.
        data: fields of ``data`` that differ from the example's, in the wire's camelCase.
        event_id: by default a new one.
        timestamp: when it happened, aware; by default now.

    Raises:
        PayloadError: no event could look like that.
    """
    example = dict(_DATA.get(event_type.partition(".")[0].replace("application", "app"), {"id": "obj_1"}))
    if canonical_type(event_type) in _STATUS:
        example["status"] = _STATUS[canonical_type(event_type)]
    moment = (timestamp or datetime.now(UTC)).astimezone(UTC)
    fields = {
        "id": event_id or str(uuid.uuid4()),
        "type": event_type,
        "data": {**example, **(data or {})},
        "timestamp": moment.isoformat().replace("+00:00", "Z"),
    }
    return parse_event(_json(fields))


def event_body(event: Event) -> bytes:
    """The body that brings ``event``: compact JSON, the same bytes at every call."""
    return _json(event.model_dump(mode="json", by_alias=True, exclude_unset=True))


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
