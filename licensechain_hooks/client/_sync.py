# Generated from _async.py by tools/generate_sync_client.py: change that file.
"""The synchronous client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import httpcore2
import httpx2
import stamina
from pydantic import SecretStr

from licensechain_hooks.client import _calls
from licensechain_hooks.client._calls import Call
from licensechain_hooks.client._replies import MAX_REPLY, Reply
from licensechain_hooks.client._settings import ClientSettings
from licensechain_hooks.client._sync_network import DeadlineTransport, deadline
from licensechain_hooks.client.exceptions import ApiError, ConnectionFailedError
from licensechain_hooks.client.models import DeliveryLog, Page, Webhook

__all__ = ["LicenseChainClient", "Webhooks"]

_Result = TypeVar("_Result")
_Item = TypeVar("_Item", Webhook, DeliveryLog)


class LicenseChainClient:
    """LicenseChain's management API.

    Calls that failed are made again where that is safe: a GET after no reply or a fault of the service, any call that
    was refused for its rate. A Retry-After of up to a minute is waited for. No redirect is followed. The environment's
    ``HTTPS_PROXY`` and ``NO_PROXY`` are kept to, ``SSL_CERT_FILE`` too; never for this machine's own addresses.

    Args:
        api_key: by default ``LICENSECHAIN_API_KEY`` of the environment.
        base_url: by default ``LICENSECHAIN_BASE_URL``, else ``https://api.licensechain.app/v1``.
        timeout: how long one attempt may take, from connecting to the last byte of the reply.
        attempts: how often a call is made at most.

    Attributes:
        webhooks: the calls, see `Webhooks`.

    Raises:
        ConfigurationError: no API key, or a setting that cannot work.
    """

    def __init__(
        self,
        api_key: str | SecretStr | None = None,
        *,
        base_url: str | None = None,
        timeout: timedelta = timedelta(seconds=10),
        attempts: int = 3,
    ) -> None:
        self._settings = ClientSettings.checked(api_key=api_key, base_url=base_url, timeout=timeout, attempts=attempts)
        self._http = httpx2.Client(
            transport=DeadlineTransport(self._settings.proxy),
            timeout=self._settings.timeout,
            follow_redirects=False,
            trust_env=False,
        )
        self._retrying = stamina.RetryingCaller(attempts=attempts, timeout=None, wait_initial=0.2, wait_jitter=0.2)
        self.webhooks = Webhooks(self._make)

    def server_time(self) -> datetime | None:
        """The time by the service's clock, to a second; ``None`` where its reply has no date.

        Raises:
            ClientError: see `Webhooks`.
        """
        return self._make(_calls.server_time())

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._settings.host}>"

    def _make(self, call: Call[_Result]) -> _Result:
        return self._retrying(partial(_calls.retry_after, call.method), self._attempt, call)

    def _attempt(self, call: Call[_Result]) -> _Result:
        return call.parse(self._send(call), self._settings.api_key)

    def _send(self, call: Call[Any]) -> Reply:
        settings = self._settings
        begun = deadline.set(time.monotonic() + settings.timeout)
        try:
            with self._http.stream(
                call.method, settings.base_url + call.path, content=call.body, headers=call.headers(settings.api_key)
            ) as response:
                body = bytearray()
                for chunk in response.iter_raw():
                    body += chunk
                    if len(body) > MAX_REPLY:
                        break
                return Reply.of(response.status_code, response.headers.raw, bytes(body))
        except httpcore2.TimeoutException:
            msg = f"no whole reply from {settings.host} within {settings.timeout:g} seconds"
            raise ConnectionFailedError(msg) from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError) as error:
            msg = f"no reply from {settings.host}: {_why(error)}"
            raise ConnectionFailedError(msg) from None
        finally:
            deadline.reset(begun)


class Webhooks:
    """The calls about webhooks.

    Each raises a `ClientError`: `ConnectionFailedError` where there was no reply, `AuthenticationError` (401, 403),
    `NotFoundError` (404), `RateLimitedError` (429), or `ApiError` for any other reply that is no success or cannot be
    understood; and ``ValueError`` for an id that cannot be one.
    """

    def __init__(self, make: Callable[[Call[Any]], Any]) -> None:
        self._make = make
        self._update_method: _calls.UpdateMethod | None = None

    def create(self, *, url: str, events: Iterable[str], secret: str | SecretStr | None = None) -> Webhook:
        """Register a URL for events.

        Not made again when its reply is lost, so that no webhook is made twice: look with `iter` whether it is there.

        Args:
            url: where to deliver.
            events: event types.
            secret: the signing secret. Without one the service makes one, and this result is the only place to get it.
        """
        webhook: Webhook = self._make(_calls.create_webhook(url=url, events=events, secret=secret))
        return webhook

    def get(self, webhook_id: str) -> Webhook:
        """One webhook."""
        webhook: Webhook = self._make(_calls.get_webhook(webhook_id))
        return webhook

    def list(self, *, page: int = 1, limit: int = 10) -> Page[Webhook]:
        """One page of the webhooks."""
        webhooks: Page[Webhook] = self._make(_calls.list_webhooks(page=page, limit=limit))
        return webhooks

    def iter(self, *, limit: int = 100) -> Iterator[Webhook]:
        """All webhooks, each once.

        Args:
            limit: how many to ask for at a time.
        """
        return self._iter(partial(_calls.list_webhooks, limit=limit))

    def update(self, webhook_id: str, *, url: str | None = None, events: Iterable[str] | None = None) -> Webhook:
        """Change where a webhook delivers, or which events; what is not given stays.

        Sent by PUT. Where that is refused with 404 or 405 it is tried by PATCH, and what works is kept to.
        """
        changes = partial(_calls.update_webhook, webhook_id, url=url, events=None if events is None else tuple(events))
        webhook: Webhook
        if self._update_method is not None:
            webhook = self._make(changes(method=self._update_method))
            return webhook
        try:
            webhook = self._make(changes(method="PUT"))
        except ApiError as put_error:
            if not _calls.may_be_patch(put_error):
                raise
            return self._patch(changes(method="PATCH"), put_error)
        self._update_method = "PUT"
        return webhook

    def delete(self, webhook_id: str) -> None:
        """Remove a webhook: nothing more is delivered."""
        self._make(_calls.delete_webhook(webhook_id))

    def test(self, webhook_id: str) -> None:
        """Have the service deliver a sample event to the webhook's URL."""
        self._make(_calls.test_webhook(webhook_id))

    def logs(self, webhook_id: str, *, page: int = 1, limit: int = 10) -> Page[DeliveryLog]:
        """One page of what the service noted of its deliveries."""
        logs: Page[DeliveryLog] = self._make(_calls.list_logs(webhook_id, page=page, limit=limit))
        return logs

    def iter_logs(self, webhook_id: str, *, limit: int = 100) -> Iterator[DeliveryLog]:
        """All logs of a webhook, each once, in the service's order: the newest first.

        Args:
            webhook_id: of which webhook.
            limit: how many to ask for at a time.
        """
        return self._iter(partial(_calls.list_logs, webhook_id, limit=limit))

    def _patch(self, call: Call[Webhook], put_error: ApiError) -> Webhook:
        try:
            webhook: Webhook = self._make(call)
        except ApiError as patch_error:
            error, self._update_method = _calls.error_of_both(put_error, patch_error)
            raise error from None
        self._update_method = "PATCH"
        return webhook

    def _iter(self, call_for: Callable[..., Call[Page[_Item]]]) -> Iterator[_Item]:
        seen: set[str] = set()  # while we read, new ones push others to the next page
        number = 1
        while True:
            page = self._make(call_for(page=number))
            new = [item for item in page.items if item.id not in seen]
            for item in new:
                seen.add(item.id)
                yield item
            if not new or (not page.has_more and page.total is not None):
                return
            number += 1


def _why(error: Exception) -> str:
    """In words; the error's own only where this machine wrote them, for others are of what the server sent."""
    if isinstance(error, httpcore2.ConnectError):
        return f"cannot connect ({error})"
    if isinstance(error, httpcore2.ProxyError):
        return "the proxy does not let us through"
    return "the connection ended early, or what came is not HTTP"
