"""The calls of the management API as values: what to send, and how to read the reply. No I/O.

Source: LicenseChain's webhooks guide, "Management API".
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

from pydantic import SecretStr

from licensechain_hooks.client import _replies
from licensechain_hooks.client._replies import Reply
from licensechain_hooks.client.exceptions import ApiError, ClientError, ConnectionFailedError, RateLimitedError
from licensechain_hooks.client.models import DeliveryLog, Page, Webhook

__all__ = [
    "LONGEST_WAIT",
    "Call",
    "UpdateMethod",
    "check_page",
    "create_webhook",
    "delete_webhook",
    "error_of_both",
    "get_webhook",
    "list_logs",
    "list_webhooks",
    "retry_after",
    "server_time",
    "may_be_patch",
    "test_webhook",
    "update_webhook",
]

LONGEST_WAIT = timedelta(seconds=60)
UpdateMethod = Literal["PUT", "PATCH"]
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[_Result]):
    """One call.

    Attributes:
        method: in capitals.
        path: below the base URL, encoded, with its query.
        read: the result of a reply that is no error.
        body: JSON, where something is sent.
        secrets: what is sent and may not come back in a message.
    """

    method: str
    path: str
    read: Callable[[Reply], _Result]
    body: bytes | None = field(default=None, repr=False)
    secrets: tuple[SecretStr, ...] = ()

    def headers(self, api_key: SecretStr) -> dict[str, str]:
        """What to send with it. No encoding is asked for, so that a small reply cannot become a large one."""
        headers = {
            "Authorization": f"Bearer {api_key.get_secret_value()}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "licensechain-hooks",
        }
        return headers if self.body is None else headers | {"Content-Type": "application/json"}

    def parse(self, reply: Reply, api_key: SecretStr) -> _Result:
        """The result of this call.

        Raises:
            ApiError: the reply is an error, or cannot be understood.
        """
        error = _replies.error_of(reply, (api_key, *self.secrets))
        if error is not None:
            raise error
        return self.read(reply)


def create_webhook(*, url: str, events: Iterable[str], secret: str | SecretStr | None) -> Call[Webhook]:
    """``POST /webhooks``."""
    fields: dict[str, Any] = {"url": url, "events": _checked_events(events)}
    secrets: tuple[SecretStr, ...] = ()
    if secret is not None:
        secrets = (secret if isinstance(secret, SecretStr) else SecretStr(secret),)
        fields["secret"] = secrets[0].get_secret_value()
        if not fields["secret"]:
            msg = "the signing secret is empty; leave it out, and the service makes one"
            raise ValueError(msg)
    return Call(method="POST", path="/webhooks", read=_replies.parse_webhook, body=_json(fields), secrets=secrets)


def get_webhook(webhook_id: str) -> Call[Webhook]:
    """``GET /webhooks/:id``."""
    return Call(method="GET", path=_path(webhook_id), read=_replies.parse_webhook)


def list_webhooks(*, page: int, limit: int) -> Call[Page[Webhook]]:
    """``GET /webhooks``."""
    return Call(
        method="GET", path=f"/webhooks{_query(page=page, limit=limit)}", read=_replies.parse_webhooks(page, limit)
    )


def update_webhook(
    webhook_id: str, *, url: str | None, events: Iterable[str] | None, method: UpdateMethod
) -> Call[Webhook]:
    """``PUT /webhooks/:id``, or ``PATCH``: see `may_be_patch`."""
    fields: dict[str, Any] = {}
    if url is not None:
        fields["url"] = url
    if events is not None:
        fields["events"] = _checked_events(events)
    if not fields:
        msg = "nothing to update: pass url, events or both"
        raise ValueError(msg)
    return Call(method=method, path=_path(webhook_id), read=_replies.parse_webhook, body=_json(fields))


def delete_webhook(webhook_id: str) -> Call[None]:
    """``DELETE /webhooks/:id``."""
    return Call(method="DELETE", path=_path(webhook_id), read=_replies.parse_nothing)


def test_webhook(webhook_id: str) -> Call[None]:
    """``POST /webhooks/:id/test``."""
    return Call(method="POST", path=_path(webhook_id, "/test"), read=_replies.parse_nothing)


def list_logs(webhook_id: str, *, page: int, limit: int) -> Call[Page[DeliveryLog]]:
    """``GET /webhooks/:id/logs``."""
    path = _path(webhook_id, f"/logs{_query(page=page, limit=limit)}")
    return Call(method="GET", path=path, read=_replies.parse_logs(page, limit))


def server_time() -> Call[datetime | None]:
    """A small call that needs the API key, for the date on its reply."""
    return Call(method="GET", path=f"/webhooks{_query(page=1, limit=1)}", read=_replies.parse_date)


def retry_after(method: str, error: Exception) -> bool | timedelta:
    """Whether a call that failed is made again, and after which time where the service says so.

    Only what was certainly not done is done again: any call that was refused for its rate (429), and a GET, which does
    nothing, where there was no reply or the service had a fault (5xx). A service that asks for more than `LONGEST_WAIT`
    is neither waited for nor asked sooner.
    """
    if isinstance(error, ConnectionFailedError):
        return method == "GET"
    if not isinstance(error, ApiError):
        return False
    if not (isinstance(error, RateLimitedError) or (method == "GET" and error.status >= 500)):
        return False
    wait = error.retry_after
    return True if wait is None else wait <= LONGEST_WAIT and wait


def may_be_patch(error: ClientError) -> bool:
    """Whether a PUT that failed may only have been the wrong method: LicenseChain's own SDKs send PUT or PATCH."""
    return isinstance(error, ApiError) and error.status in {404, 405}


def error_of_both(put_error: ApiError, patch_error: ApiError) -> tuple[ApiError, UpdateMethod | None]:
    """What to raise when PUT and then PATCH failed, and which method the service knows, as far as that is seen."""
    if patch_error.status == 405:
        return put_error, None if put_error.status == 405 else "PUT"
    return patch_error, "PATCH" if put_error.status == 405 else None


def check_page(page: int, limit: int) -> None:
    """Refuse numbers that no page has."""
    for name, value in (("page", page), ("limit", limit)):
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            msg = f"{name} must be a number, 1 or more"
            raise ValueError(msg)


def _query(*, page: int, limit: int) -> str:
    check_page(page, limit)
    return f"?page={page}&limit={limit}"


def _path(webhook_id: str, rest: str = "") -> str:
    if not isinstance(webhook_id, str) or not re.fullmatch(r"[!-~]{1,255}", webhook_id) or webhook_id in {".", ".."}:
        msg = "a webhook's id is 1 to 255 printable ASCII characters, without spaces"
        raise ValueError(msg)
    return f"/webhooks/{quote(webhook_id, safe='')}{rest}"


def _checked_events(events: Iterable[str]) -> list[str]:
    if isinstance(events, str):
        msg = "events must be a list of event types, not one string"
        raise TypeError(msg)
    return list(events)


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode()
