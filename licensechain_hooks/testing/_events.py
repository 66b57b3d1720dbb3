"""Events for tests: every known type, with data as LicenseChain documents it."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic.alias_generators import to_camel

from licensechain_hooks.events import Event, canonical_type, parse_event
from licensechain_hooks.testing._drawing import drawn_moment, drawn_uuid, varied

__all__ = ["as_json", "as_written", "event_body", "example_data", "make_event"]

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
    seed: int | str | None = None,
    data: Mapping[str, Any] | None = None,
    event_id: str | None = None,
    timestamp: datetime | None = None,
) -> Event:
    """An event of any type, as it would arrive.

    Args:
        event_type: a known type in any of its spellings, or an unknown one.
        seed: the same seed makes the same event, time included; and of every type one about the same license, user,
            product and so on. Without it each event is another one, about the license ``lic_1``.
        data: fields of ``data`` that differ from the example's, in the wire's camelCase or in snake_case; ``...``
            leaves a field out.
        event_id: by default a new one.
        timestamp: when it happened, aware. By default now; of a seeded event a moment in January 2026, which endpoints
            with a real clock find too old: give a time as well to deliver one.

    Raises:
        PayloadError: no event could look like that.
    """
    moment = _moment(event_type, seed) if timestamp is None else timestamp.astimezone(UTC)
    fields = {
        "id": event_id or _new_id(event_type, seed),
        "type": event_type,
        "data": _changed(example_data(event_type, moment, seed), data or {}),
        "timestamp": as_written(moment),
    }
    return parse_event(as_json(fields))


def event_body(event: Event) -> bytes:
    """The body that brings ``event``: compact JSON, the same bytes at every call."""
    return as_json(event.model_dump(mode="json", by_alias=True, exclude_unset=True))


def example_data(event_type: str, moment: datetime, seed: int | str | None) -> dict[str, Any]:
    """The ``data`` of an event of this type that happened then."""
    canonical = canonical_type(event_type)
    example = dict(_DATA.get(canonical.partition(".")[0], {"id": "obj_1"}))
    if seed is not None:
        example = {name: varied(name, value, seed) for name, value in example.items()}
    if canonical in _STATUS:
        example["status"] = _STATUS[canonical]
    if canonical == "license.expired":
        example["expiresAt"] = as_written(moment)
    return example


def _changed(example: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The example with other fields: one that is given in snake_case takes the place of the camelCase one."""
    replaced = {to_camel(name) for name in given}
    kept = {name: value for name, value in example.items() if name not in replaced}
    return kept | {name: value for name, value in given.items() if value is not ...}


def _new_id(event_type: str, seed: int | str | None) -> str:
    return str(uuid.uuid4() if seed is None else drawn_uuid(seed, event_type))


def _moment(event_type: str, seed: int | str | None) -> datetime:
    return datetime.now(UTC) if seed is None else drawn_moment(seed, event_type)


def as_written(moment: datetime) -> str:
    """A moment in UTC, as LicenseChain writes it."""
    return moment.isoformat().replace("+00:00", "Z")


def as_json(value: object) -> bytes:
    """Compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_plain).encode()


def _plain(value: object) -> str:
    """Times and amounts, as LicenseChain writes them."""
    if isinstance(value, datetime | Decimal):
        return value.isoformat() if isinstance(value, datetime) else str(value)
    msg = f"an event's data is JSON, which knows no {type(value).__name__}"
    raise TypeError(msg)
