"""Webhooks and the logs of their deliveries, as rows for people and as facts for programs."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from licensechain_hooks.cli._api import spell_url
from licensechain_hooks.cli._output import columns, echo, echo_json, paint, printable, show_table
from licensechain_hooks.operations.words import spell_moment

if TYPE_CHECKING:
    from licensechain_hooks.client import DeliveryLog, Webhook

__all__ = [
    "DeliveryState",
    "delivery_state",
    "log_facts",
    "show_difference",
    "show_logs",
    "show_webhook",
    "show_webhooks",
    "webhook_facts",
]

DeliveryState = Literal["delivered", "failed", "pending"]

_WEBHOOKS = ("id", "url", "events", "created", "state")
_LOGS = ("when", "type", "event id", "attempt", "answer", "state")
_SHOWN = 3  # event types in a row


def webhook_facts(webhook: "Webhook") -> dict[str, Any]:
    """A webhook without its secret."""
    return {
        "id": webhook.id,
        "url": spell_url(webhook.url),
        "events": list(webhook.events),
        "active": webhook.active,
        "app_id": webhook.app_id,
        "created_at": _iso(webhook.created_at),
        "updated_at": _iso(webhook.updated_at),
    }


def show_webhook(webhook: "Webhook", form: str, **more: Any) -> None:
    """Print a webhook, and ``more`` facts of it that are not ``None``, in a format."""
    extra = {name: value for name, value in more.items() if value is not None}
    if form != "text":
        echo_json(webhook_facts(webhook) | extra, indent=2 if form == "json" else None)
        return
    fields = [
        ("id", webhook.id),
        ("url", spell_url(webhook.url)),
        ("events", ", ".join(webhook.events) or "-"),
        ("state", _state(webhook)),
        ("application", webhook.app_id or "-"),
        ("created", spell_moment(webhook.created_at)),
        ("updated", spell_moment(webhook.updated_at)),
        *((name.replace("_", " "), str(value)) for name, value in extra.items()),
    ]
    for line in columns(fields):
        echo(printable(line))


def show_webhooks(listed: Sequence["Webhook"]) -> None:
    """Print a table of webhooks."""
    rows = [
        (*map(printable, (webhook.id, spell_url(webhook.url), _few(webhook.events))), *_end(webhook))
        for webhook in listed
    ]
    show_table(_WEBHOOKS, rows, good=[webhook.active for webhook in listed])


def delivery_state(log: "DeliveryLog") -> DeliveryState:
    """What the sender's log says became of a delivery: where it says nothing yet, it is under way."""
    if log.success is None:
        return "failed" if log.error else "pending"
    return "delivered" if log.success else "failed"


def log_facts(log: "DeliveryLog") -> dict[str, Any]:
    """All that a log says."""
    return {
        "id": log.id,
        "event_id": log.event_id,
        "event_type": log.event_type,
        "state": delivery_state(log),
        "status_code": log.status_code,
        "error": log.error,
        "response_body": log.response_body,
        "attempt": log.attempt,
        "created_at": _iso(log.created_at),
    }


def show_logs(listed: Iterable["DeliveryLog"]) -> None:
    """Print a table of logs."""
    rows, good = [], []
    for log in listed:
        state = delivery_state(log)
        answer = " ".join(filter(None, (str(log.status_code or ""), log.error)))
        cells = (log.event_type or "-", log.event_id or "-", str(log.attempt or "-"), answer or "-")
        rows.append((spell_moment(log.created_at), *map(printable, cells), state))
        good.append(state != "failed")
    show_table(_LOGS, rows, good=good)


def show_difference(*, added: Iterable[str], removed: Iterable[str]) -> None:
    """Print what changes, a type on each line."""
    for name in added:
        echo(paint(f"+ {printable(name)}", good=True))
    for name in removed:
        echo(paint(f"- {printable(name)}", good=False))


def _end(webhook: "Webhook") -> tuple[str, str]:
    return spell_moment(webhook.created_at), _state(webhook)


def _state(webhook: "Webhook") -> str:
    return "active" if webhook.active else "inactive"


def _few(events: Sequence[str]) -> str:
    more = len(events) - _SHOWN
    return ", ".join(events[:_SHOWN]) + (f" and {more} more" if more > 0 else "") or "-"


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
