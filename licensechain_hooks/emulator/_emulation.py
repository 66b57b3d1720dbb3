"""What LicenseChain does: keep webhooks and licenses, and tell webhooks of what happens to licenses."""

import json
import logging
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from licensechain_hooks.emulator._bus import Bus
from licensechain_hooks.emulator._faults import Faults
from licensechain_hooks.emulator._records import Delivery, License, Webhook
from licensechain_hooks.emulator._sending import Parcel, Reply
from licensechain_hooks.emulator._settings import EmulatorSettings
from licensechain_hooks.emulator._store import Store
from licensechain_hooks.emulator._values import from_wire, new_id, new_license_key, to_wire

__all__ = ["ConflictError", "Emulation", "MissingError"]

logger = logging.getLogger("licensechain_hooks")

_HOLD = 2.0  # seconds that a delivery waits for another to overtake it
_TERM = timedelta(days=365)
_LAST_YEAR = 9000


class MissingError(Exception):
    """There is no such webhook, license or delivery."""


class ConflictError(Exception):
    """What is asked for does not fit the state of things; the message says why."""


class Emulation:
    """The state of an emulator, and everything that changes it; used in one event loop.

    Args:
        settings: of the emulator.

    Attributes:
        faults: what is wrong at the moment.
        bus: tells of every change.
        wake: called whenever something may be due.
    """

    def __init__(self, settings: EmulatorSettings) -> None:
        self.settings = settings
        self.faults = Faults()
        self.bus = Bus()
        self.wake: Callable[[], None] = lambda: None
        self._store: Store | None = None
        self._news: list[tuple[str, Mapping[str, Any]]] = []

    def open(self) -> None:
        """Open the state, unless it is.

        Raises:
            ConfigurationError: it cannot be used.
        """
        if self._store is None:
            self._store = Store(self.settings.state)

    def close(self) -> None:
        """End every stream, and close the state."""
        self.bus.close()
        if self._store is not None:
            self._store.close()
            self._store = None

    @property
    def store(self) -> Store:
        """The state.

        Raises:
            RuntimeError: the application's lifespan does not run.
        """
        if self._store is None:
            msg = "the emulator's state is open only while the application's lifespan runs"
            raise RuntimeError(msg)
        return self._store

    def now(self) -> datetime:
        """The time by this LicenseChain's clock."""
        return datetime.now(UTC) + timedelta(seconds=self.faults.clock_skew_seconds)

    def set_faults(self, faults: Faults) -> None:
        """Do these things wrong from now on."""
        self.faults = faults
        self.bus.publish("fault", faults.fields())
        self.wake()

    def webhook(self, webhook_id: str) -> Webhook:
        """The webhook of this id.

        Raises:
            MissingError: there is none.
        """
        webhook = self.store.webhook(webhook_id)
        if webhook is None:
            raise MissingError
        return webhook

    def create_webhook(self, *, url: str, events: Sequence[str], secret: str | None) -> Webhook:
        """Register a webhook; without a secret it gets one."""
        now = to_wire(self.now())
        webhook = Webhook(
            id=new_id(),
            url=url,
            events=tuple(events),
            secret=secret or secrets.token_hex(32),
            active=True,
            created_at=now,
            updated_at=now,
        )
        with self._change():
            self.store.save_webhook(webhook)
            self._tell("webhook", webhook.fields())
        return webhook

    def update_webhook(self, webhook_id: str, **changes: Any) -> Webhook:
        """Change a webhook."""
        webhook = replace(self.webhook(webhook_id), **changes, updated_at=to_wire(self.now()))
        with self._change():
            self.store.save_webhook(webhook)
            self._tell("webhook", webhook.fields())
        return webhook

    def delete_webhook(self, webhook_id: str) -> None:
        """Delete a webhook, and give up what is still to be delivered to it."""
        webhook = self.webhook(webhook_id)
        with self._change():
            for delivery in self.store.pending(webhook_id):
                self._save_delivery(replace(delivery, state="failed", error="the webhook was deleted"))
            self.store.delete_webhook(webhook_id)
            self._tell("webhook", webhook.fields() | {"deleted": True})

    def test_webhook(self, webhook_id: str) -> str:
        """Deliver a sample event to a webhook; the event's id."""
        webhook = self.webhook(webhook_id)
        event = self._event(webhook.events[0], _sample(webhook.events[0], self.now()))
        with self._change():
            self._enqueue(webhook, event)
        event_id: str = event["id"]
        return event_id

    def license(self, license_id: str) -> License:
        """The license of this id.

        Raises:
            MissingError: there is none.
        """
        found = self.store.license(license_id)
        if found is None:
            raise MissingError
        return found

    def create_license(
        self,
        *,
        license_key: str | None = None,
        name: str | None = None,
        user_id: str | None = None,
        product_id: str | None = None,
        expires_at: str | None = None,
    ) -> License:
        """Create a license; what is not given is made up."""
        now = self.now()
        created = License(
            id=new_id(),
            license_key=license_key or new_license_key(),
            name=name,
            user_id=user_id or new_id(),
            product_id=product_id or new_id(),
            status="active",
            expires_at=expires_at or to_wire(now + _TERM),
            created_at=to_wire(now),
            updated_at=to_wire(now),
        )
        return self._save_license(created, "license.created")

    def update_license(self, license_id: str, **changes: Any) -> License:
        """Change a license."""
        return self._save_license(replace(self.license(license_id), **changes), "license.updated")

    def revoke_license(self, license_id: str) -> License:
        """Take a license back, for good."""
        return self._save_license(replace(self._unrevoked(license_id), status="revoked"), "license.revoked")

    def expire_license(self, license_id: str) -> License:
        """Let a license reach its end, now."""
        found = self._unrevoked(license_id)
        if found.status == "expired":
            msg = "the license has expired already"
            raise ConflictError(msg)
        changed = replace(found, status="expired", expires_at=to_wire(self.now()))
        return self._save_license(changed, "license.expired")

    def extend_license(self, license_id: str, *, days: int, expires_at: str | None = None) -> License:
        """Give a license a later end: that one, or so many days after its end or after now, whichever is later."""
        found = self._unrevoked(license_id)
        end = from_wire(found.expires_at)
        later = from_wire(expires_at) if expires_at else max(end, self.now()) + timedelta(days=days)
        if later <= end or later.year > _LAST_YEAR:
            msg = "the license would not end later" if later <= end else "the license would not end in this calendar"
            raise ConflictError(msg)
        return self._save_license(replace(found, status="active", expires_at=to_wire(later)), "license.extended")

    def delete_license(self, license_id: str) -> None:
        """Delete a license."""
        deleted = replace(self.license(license_id), status="deleted")
        with self._change():
            self.store.delete_license(license_id)
            self._tell("license", deleted.fields() | {"deleted": True})
            self._emit("license.deleted", deleted.event_data())

    def pay(self, license_id: str, *, status: str, amount: str, currency: str) -> dict[str, Any]:
        """Let a payment for a license succeed or fail; the payment."""
        paid_for = self.license(license_id)
        payment = {
            "id": new_id(),
            "licenseId": paid_for.id,
            "userId": paid_for.user_id,
            "productId": paid_for.product_id,
            "amount": amount,
            "currency": currency,
            "status": status,
            "createdAt": to_wire(self.now()),
        }
        with self._change():
            self._emit(f"payment.{status}", payment)
        return payment

    def delivery(self, delivery_id: str) -> Delivery:
        """The delivery of this id.

        Raises:
            MissingError: there is none.
        """
        delivery = self.store.delivery(delivery_id)
        if delivery is None:
            raise MissingError
        return delivery

    def redeliver(self, delivery_id: str) -> Delivery:
        """Deliver the event of a delivery again; the new delivery."""
        last = self.delivery(delivery_id)
        with self._change():
            return self._redeliver(last, timedelta(0))

    def begin(self, delivery: Delivery, parcel: Parcel) -> Delivery:
        """A delivery goes out."""
        fault = ", ".join(filter(None, [delivery.fault, *parcel.faults])) or None
        return replace(
            delivery,
            sent_at=to_wire(datetime.now(UTC)),
            stamp=parcel.stamp if delivery.stamp is None else delivery.stamp,
            fault=fault,
            request_headers=json.dumps(parcel.headers),
            request_body=parcel.body,
        )

    def finish(self, delivery: Delivery, reply: Reply) -> None:
        """Keep what became of a delivery, and deliver the event again later where it failed."""
        ended = replace(
            delivery,
            state="delivered" if reply.is_success else "failed",
            status_code=reply.status,
            outcome=reply.outcome,
            error=reply.error,
            duration_ms=reply.milliseconds,
            response_body=reply.text,
        )
        with self._change():
            self._save_delivery(ended)
            again = self.settings.redeliver[ended.attempt - 1 : ended.attempt]
            if again and ended.state == "failed" and not ended.is_copy and self.store.webhook(ended.webhook_id):
                self._redeliver(ended, again[0])
        if self.settings.on_delivery is not None:
            self.settings.on_delivery(ended.fields())

    def _redeliver(self, last: Delivery, wait: timedelta) -> Delivery:
        webhook = self.store.webhook(last.webhook_id)
        if webhook is None:
            msg = "the webhook was deleted"
            raise ConflictError(msg)
        return self._add_delivery(
            webhook, json.loads(last.event), attempt=last.attempt + 1, stamp=last.stamp, wait=wait.total_seconds()
        )

    def _unrevoked(self, license_id: str) -> License:
        found = self.license(license_id)
        if found.status == "revoked":
            msg = "the license is revoked"
            raise ConflictError(msg)
        return found

    def _save_license(self, changed: License, event_type: str) -> License:
        saved = replace(changed, updated_at=to_wire(self.now()))
        with self._change():
            self.store.save_license(saved)
            self._tell("license", saved.fields())
            self._emit(event_type, saved.event_data())
        return saved

    def _event(self, event_type: str, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"id": str(uuid.uuid4()), "type": event_type, "data": data, "timestamp": to_wire(self.now())}

    def _emit(self, event_type: str, data: Mapping[str, Any]) -> None:
        """An event comes to pass: every active webhook that asks for its type is to be told."""
        event = self._event(event_type, data)
        for webhook in self.store.webhooks():
            if webhook.active and event_type in webhook.events:
                self._enqueue(webhook, event)

    def _enqueue(self, webhook: Webhook, event: Mapping[str, Any]) -> None:
        """An event's first delivery, with its extra copies, before or after the one that waits to be overtaken."""
        overtaken = [delivery for delivery in self.store.pending(webhook.id) if delivery.held]
        held = self.faults.reorder and not overtaken
        first = self._add_delivery(webhook, event, attempt=1, held=held)
        for _ in range(self.faults.duplicate):
            self._add_delivery(webhook, event, attempt=1, held=held, is_copy=True)
        for delivery in overtaken:
            self._save_delivery(
                replace(delivery, held=False, due_at=first.due_at, rank=first.rank + self.faults.duplicate)
            )

    def _add_delivery(
        self,
        webhook: Webhook,
        event: Mapping[str, Any],
        *,
        attempt: int,
        stamp: float | None = None,
        wait: float = 0.0,
        held: bool = False,
        is_copy: bool = False,
    ) -> Delivery:
        delay = self.faults.delay_ms / 1000
        names = {"duplicate": is_copy, "reorder": held, "delay": delay > 0}
        delivery = Delivery(
            id=new_id(),
            webhook_id=webhook.id,
            url=webhook.url,
            event_id=event["id"],
            event_type=event["type"],
            event=json.dumps(event, separators=(",", ":"), ensure_ascii=False),
            attempt=attempt,
            created_at=to_wire(datetime.now(UTC)),
            due_at=datetime.now(UTC).timestamp() + wait + delay + (_HOLD if held else 0),
            rank=0,
            held=held,
            is_copy=is_copy,
            stamp=stamp,
            fault=", ".join(name for name, is_so in names.items() if is_so) or None,
        )
        placed = self.store.add_delivery(delivery)
        self._tell("delivery", placed.fields())
        return placed

    def _save_delivery(self, delivery: Delivery) -> None:
        self.store.save_delivery(delivery)
        self._tell("delivery", delivery.fields())

    def _tell(self, name: str, value: Mapping[str, Any]) -> None:
        self._news.append((name, value))

    @contextmanager
    def _change(self) -> Iterator[None]:
        """All that is written inside or nothing; those who watch are told afterwards."""
        self._news.clear()
        with self.store.transaction():
            yield
        for name, value in self._news:
            self.bus.publish(name, value)
        self._news.clear()
        self.wake()


def _sample(event_type: str, now: datetime) -> dict[str, Any]:
    """What a test delivery tells of."""
    family, _, action = event_type.partition(".")
    moment = to_wire(now)
    sample: dict[str, Any] = {"id": new_id(), "userId": new_id(), "productId": new_id()}
    if family == "license":
        status = action if action in {"expired", "revoked", "suspended", "deleted"} else "active"
        end = to_wire(now + _TERM)
        sample |= {"licenseKey": new_license_key(), "status": status, "expiresAt": end}
    elif family == "payment":
        sample |= {"licenseId": new_id(), "amount": "49.90", "currency": "EUR", "status": action}
    return sample | {"createdAt": moment}
