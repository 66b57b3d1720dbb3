"""The receivers that settings lead to: one for each endpoint, with one inbox and one worker for all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

from licensechain_hooks import ConfigurationError, Deduplicator, Endpoint, HookRequest, Hooks, Inbox, Receiver, Worker
from licensechain_hooks.contrib.django._hooks import DjangoHooks
from licensechain_hooks.contrib.django._host import run_in_thread
from licensechain_hooks.contrib.django._values import SETTING, EndpointSettings, HookSettings
from licensechain_hooks.contrib.django.inbox import DjangoInbox
from licensechain_hooks.contrib.django.queues import ProjectQueue, find_queue, is_queue

__all__ = ["Receivers", "stand_in"]


class Receivers:
    """Builds what it is asked for, once. One endpoint that cannot be built stops no other.

    Args:
        settings: the project's.
        inbox: by default the one that the settings describe.
    """

    def __init__(self, settings: HookSettings, *, inbox: Inbox | None = None) -> None:
        self.settings = settings
        self._inbox = inbox
        self.hooks = DjangoHooks(settings.hooks)
        self._built: dict[str, Receiver] = {}
        self._lock = threading.RLock()  # reentrant: a dotted path may lead to a module that asks for a receiver

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the endpoints."""
        return tuple(endpoint.name for endpoint in self.settings.each_endpoint)

    def get(self, name: str | None = None) -> Receiver:
        """The receiver of an endpoint.

        Args:
            name: its name; not needed where there is one.

        Raises:
            ConfigurationError: says which setting and why; no endpoint of that name.
        """
        found = self._name(name)
        if found not in self._built:
            with self._lock:
                if found not in self._built:
                    self._built[found] = self._receiver(found)
        return self._built[found]

    def every(self) -> list[Receiver]:
        """The receivers of all endpoints.

        Raises:
            ConfigurationError: says which setting and why.
        """
        return [self.get(name) for name in self.names]

    def working(self) -> list[Receiver]:
        """The receivers of those endpoints that can be built.

        Raises:
            ConfigurationError: none can.
        """
        found: list[Receiver] = []
        error: ConfigurationError | None = None
        for name in self.names:
            try:
                found.append(self.get(name))
            except ConfigurationError as exc:
                error = error or exc
        if error is not None and not found:
            raise error
        return found

    def build(self, settings: EndpointSettings) -> Receiver:
        """A new receiver of an endpoint.

        Raises:
            ConfigurationError: says which setting and why.
        """
        endpoint = settings.endpoint()
        stores: dict[str, Any] = {"deduplicator": self._deduplicator}
        if self.settings.processing != "inline":
            stores = {
                "inbox": self.inbox,
                "worker": self.worker,
                "queue": self._queue,
                "ordering_key": self.settings.ordering_key,
                "redact": self.settings.redact,
            }
        with _named(settings.place):
            return Receiver(
                endpoint, self.hooks, on_outcome=self.settings.on_outcome, run_in_thread=run_in_thread, **stores
            )

    def stop(self) -> None:
        """Stop the embedded worker, where it was started."""
        for receiver in self._built.values():
            receiver.stop()

    @cached_property
    def _deduplicator(self) -> Deduplicator | None:
        found = self.settings.deduplicator
        if not isinstance(found, str):
            return found
        from licensechain_hooks.dedupe.redis import RedisDeduplicator  # noqa: PLC0415 - nobody else needs redis-py

        with _named(f"{SETTING}['DEDUPLICATOR']"):
            return RedisDeduplicator(found)

    @property
    def inbox(self) -> Inbox:
        """The inbox; also in inline mode, which stores nothing in it.

        Raises:
            ConfigurationError: says which setting and why.
        """
        given = self.settings
        with self._lock, _named(SETTING):
            if self._inbox is None:
                kept: dict[str, Any] = {"retention": given.retention, "payload_retention": given.payload_retention}
                self._inbox = DjangoInbox(given.database, **kept)
            return self._inbox

    @property
    def worker(self) -> Worker:
        """The worker of all endpoints.

        Raises:
            ConfigurationError: inline mode has none.
        """
        if self.settings.processing == "inline":
            msg = f"{SETTING}: with PROCESSING 'inline' the handlers run while the sender waits; set it to 'worker'"
            raise ConfigurationError(msg)
        with self._lock:
            return self._only_worker

    @cached_property
    def _only_worker(self) -> Worker:
        settings = replace(self.settings.worker, embedded=self.settings.processing == "thread")
        return Worker(self.inbox, self.hooks, settings, endpoints=self.names)

    @cached_property
    def _queue(self) -> ProjectQueue | None:
        given = self.settings
        return ProjectQueue(find_queue(given.processing), given.database) if is_queue(given.processing) else None

    def _name(self, name: str | None) -> str:
        if name in self.names:
            return name
        listed = ", ".join(map(repr, self.names))
        if name is not None:
            msg = f"{SETTING} has no endpoint {name!r}; it has {listed}"
        elif len(self.names) == 1:
            return self.names[0]
        else:
            msg = f"{SETTING} has several endpoints, {listed}: say which, as their URLs do"
        raise ConfigurationError(msg)

    def _receiver(self, name: str) -> Receiver:
        return self.build(next(given for given in self.settings.each_endpoint if given.name == name))


def stand_in(error: ConfigurationError) -> Receiver:
    """In the place of a receiver that cannot be built: it tells the log why, and the sender to come back.

    It refuses what every receiver refuses, in the same order.
    """
    return Receiver(Endpoint(secrets=_Unavailable(error), profile="compat"), Hooks())


class _Unavailable:
    """In the place of a secrets callable."""

    def __init__(self, error: ConfigurationError) -> None:
        self.error = error

    def __call__(self, _request: HookRequest) -> list[str]:
        raise self.error


@contextmanager
def _named(place: str) -> Iterator[None]:
    """Where in the settings it is that something cannot work."""
    try:
        yield
    except ConfigurationError as exc:
        msg = f"{place}: {exc}"
        raise ConfigurationError(msg) from exc
