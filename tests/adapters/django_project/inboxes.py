"""What tests of the inbox in Django's databases do with one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

from licensechain_hooks import Inbox
from licensechain_hooks._entries import Claim, EntryFilter, LedgerRow
from licensechain_hooks.testing.inbox_conformance import new_entry

__all__ = ["DONE", "EVERYTHING", "LEASE", "atomic", "claimed", "connection_of", "in_thread", "opened", "states"]

_T = TypeVar("_T")
LEASE = timedelta(seconds=60)
DONE = LedgerRow(handler="shop.lock", state="done")
EVERYTHING = EntryFilter()


def opened(alias: str) -> Any:
    """An empty inbox in the database of this alias."""
    from django_project.databases import empty
    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    empty(alias)
    return DjangoInbox(alias)


def connection_of(inbox: Any) -> Any:
    """This thread's."""
    from django.db import connections

    return connections[inbox.using]


def atomic(inbox: Any, **options: Any) -> Any:
    """A transaction of the project's own."""
    from django.db import transaction

    return transaction.atomic(using=inbox.using, **options)


def states(inbox: Inbox, *event_ids: str) -> list[str]:
    """What becomes of deliveries."""
    return [recorded.state for recorded in inbox.record_many([new_entry(event_id) for event_id in event_ids])]


def claimed(inbox: Inbox, event_id: str = "evt_1") -> Claim:
    """A claim of a new entry."""
    inbox.record_many([new_entry(event_id)])
    (claim,) = inbox.claim_many(["default"], limit=1, lease=LEASE)
    return claim


def in_thread(call: Callable[[], _T]) -> _T:
    """What a call gives in a thread of its own, whose connections are closed at its end."""
    from django.db import connections

    def call_and_close() -> _T:
        try:
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call_and_close).result()
