"""Sends what is due: for each webhook one event after the other, webhooks beside each other."""

import asyncio
import logging
import sqlite3
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx2

from licensechain_hooks._loopback import is_loopback
from licensechain_hooks.emulator._emulation import Emulation
from licensechain_hooks.emulator._records import Delivery
from licensechain_hooks.emulator._sending import Reply, make_parcel, send

__all__ = ["Deliverer"]

logger = logging.getLogger("licensechain_hooks")

_LONGEST_WAIT = 3600.0  # seconds
_PAUSE = 1.0  # seconds after a failure of the emulator itself, such as a full disk


class Deliverer:
    """A task of an event loop that delivers until it is cancelled.

    Args:
        emulation: whose deliveries it sends.
    """

    def __init__(self, emulation: Emulation) -> None:
        self._emulation = emulation
        self._busy: set[str] = set()  # webhooks
        self._due = asyncio.Event()
        emulation.wake = self._due.set

    async def run(self) -> None:
        """Deliver."""
        settings = self._emulation.settings
        client = httpx2.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=settings.timeout.total_seconds(),
            limits=httpx2.Limits(max_keepalive_connections=0),
        )
        async with client, asyncio.TaskGroup() as tasks:
            while True:
                self._due.clear()
                now = datetime.now(UTC).timestamp()
                try:
                    for webhook_id in self._emulation.store.due_webhooks(now):
                        if webhook_id not in self._busy:
                            self._busy.add(webhook_id)
                            tasks.create_task(self._deliver_next(client, webhook_id, now))
                    await self._until_due(now)
                except sqlite3.Error:
                    logger.exception("emulator.state_failed")
                    await asyncio.sleep(_PAUSE)

    async def _until_due(self, now: float) -> None:
        next_due = self._emulation.store.due_after(now)
        wait = _LONGEST_WAIT if next_due is None else next_due - datetime.now(UTC).timestamp()
        try:
            async with asyncio.timeout(max(0.0, min(wait, _LONGEST_WAIT))):
                await self._due.wait()
        except TimeoutError:
            pass

    async def _deliver_next(self, client: httpx2.AsyncClient, webhook_id: str, now: float) -> None:
        """Send what is next for a webhook: one delivery, and its copies at the same time."""
        try:
            deliveries = self._emulation.store.next_due(webhook_id, now)
            await asyncio.gather(*(self._deliver(client, delivery) for delivery in deliveries))
        except Exception:
            logger.exception("emulator.delivery_failed")
            await asyncio.sleep(_PAUSE)
        finally:
            self._busy.discard(webhook_id)
            self._due.set()

    async def _deliver(self, client: httpx2.AsyncClient, delivery: Delivery) -> None:
        emulation = self._emulation
        webhook = emulation.store.webhook(delivery.webhook_id)
        refusal = "the webhook was deleted" if webhook is None else self._refusal(delivery.url)
        if webhook is None or refusal is not None:
            emulation.finish(delivery, Reply(error=refusal))
            return
        settings = emulation.settings
        parcel = make_parcel(
            delivery.event,
            secret=webhook.secret,
            app_secret=settings.app_secret or settings.api_key,
            faults=emulation.faults,
            stamp=delivery.stamp,
        )
        begun = emulation.begin(delivery, parcel)
        emulation.finish(begun, await send(client, delivery.url, parcel, within=settings.timeout))

    def _refusal(self, url: str) -> str | None:
        host = urlsplit(url).hostname or ""
        if self._emulation.settings.allow_remote or is_loopback(host):
            return None
        return f"{host} is not this machine; start the emulator with --allow-remote if you mean it"
