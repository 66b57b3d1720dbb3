"""What an emulator keeps: webhooks, licenses, deliveries."""

import json
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Delivery", "License", "State", "Webhook"]

State = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """LicenseChain's registration object."""

    id: str
    url: str
    events: tuple[str, ...]
    secret: str
    active: bool
    created_at: str
    updated_at: str

    def fields(self) -> dict[str, Any]:
        """What the API shows of it: all but the secret."""
        return {
            "id": self.id,
            "url": self.url,
            "events": list(self.events),
            "active": self.active,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """A license; changes of it are what events tell of."""

    id: str
    license_key: str
    name: str | None
    user_id: str
    product_id: str
    status: str
    expires_at: str
    created_at: str
    updated_at: str

    def event_data(self) -> dict[str, Any]:
        """The ``data`` of its events, as the guide has it."""
        return {
            "id": self.id,
            "licenseKey": self.license_key,
            "userId": self.user_id,
            "productId": self.product_id,
            "status": self.status,
            "expiresAt": self.expires_at,
            "createdAt": self.created_at,
        }

    def fields(self) -> dict[str, Any]:
        """What the API shows of it."""
        return {**self.event_data(), "updatedAt": self.updated_at, "name": self.name}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One HTTP request that brings an event, before and after it was sent.

    Attributes:
        event: the JSON text of the event.
        attempt: 1 for the first delivery of the event, then one more for each redelivery.
        due_at: Unix time before which it is not sent.
        rank: deliveries of one webhook go out in this order.
        is_copy: whether it goes out beside another of the same event, which is delivered again where it fails.
        held: whether it waits for the next one to overtake it.
        stamp: Unix time that the first delivery's header told.
        fault: what was wrong with it on purpose.
    """

    id: str
    webhook_id: str
    url: str
    event_id: str
    event_type: str
    event: str
    attempt: int
    created_at: str
    due_at: float
    rank: int
    is_copy: bool = False
    held: bool = False
    stamp: float | None = None
    fault: str | None = None
    state: State = "pending"
    sent_at: str | None = None
    status_code: int | None = None
    outcome: str | None = None
    error: str | None = None
    duration_ms: float | None = None
    request_headers: str | None = None
    request_body: bytes | None = None
    response_body: str | None = None

    def fields(self) -> dict[str, Any]:
        """What lists of deliveries show of it."""
        return {
            "id": self.id,
            "webhookId": self.webhook_id,
            "url": self.url,
            "eventId": self.event_id,
            "eventType": self.event_type,
            "attempt": self.attempt,
            "state": self.state,
            "statusCode": self.status_code,
            "outcome": self.outcome,
            "error": self.error,
            "durationMs": self.duration_ms,
            "createdAt": self.created_at,
            "sentAt": self.sent_at,
            "fault": self.fault,
        }

    def details(self) -> dict[str, Any]:
        """All of it."""
        body = None if self.request_body is None else self.request_body.decode("utf-8", "replace")
        return {
            **self.fields(),
            "requestHeaders": None if self.request_headers is None else json.loads(self.request_headers),
            "requestBody": body,
            "responseBody": self.response_body,
        }

    def log(self) -> dict[str, Any]:
        """Its line in the webhook's log."""
        return {
            "id": self.id,
            "webhookId": self.webhook_id,
            "eventId": self.event_id,
            "eventType": self.event_type,
            "statusCode": self.status_code,
            "responseBody": self.response_body,
            "success": self.state == "delivered",
            "error": self.error,
            "attempt": self.attempt,
            "createdAt": self.sent_at or self.created_at,
        }
