"""What all chapters stand on: how an inbox is opened, and short ways to fill it."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

import pytest

from licensechain_hooks._entries import Claim, Entry, EntryFilter, LedgerRow, NewEntry, Settlement
from licensechain_hooks._stores import Inbox, Transaction
from licensechain_hooks.testing._clock import FrozenClock

__all__ = ["DAY", "EVERYTHING", "LEASE", "NOW", "SECOND", "TEXTS", "InboxSuite", "body_of", "new_entry"]

NOW = datetime(2026, 3, 29, 1, 30, 0, 250_000, tzinfo=UTC)  # when summer time begins in many places
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
LEASE = timedelta(seconds=60)
EVERYTHING = EntryFilter()
# What a careless quoting, of a statement or of a list, takes for something else.
TEXTS = (
    '"',
    "'",
    "''",
    "\\",
    '\\"',
    "\\'",
    "a,b",
    "{a}",
    '{"a"}',
    "NULL",
    "null",
    "%s",
    "%%",
    ":a",
    "$1",
    "?",
    "é\U0001f600",
)

SettledState = Literal["processing", "processed", "failed", "dead", "ignored"]
_T = TypeVar("_T")


def body_of(event_id: str = "evt_1", *, layout: int | None = None, **data: Any) -> bytes:
    """A body as it is signed; ``layout`` changes its bytes and not its content."""
    fields = {"id": event_id, "type": "license.created", "timestamp": "2026-03-29T01:30:00Z", "data": data}
    return json.dumps(fields, indent=layout).encode()


def new_entry(event_id: str = "evt_1", **changes: Any) -> NewEntry:
    """An accepted delivery."""
    fields: dict[str, Any] = {
        "endpoint": "default",
        "event_id": event_id,
        "event_type": "license.created",
        "event_timestamp": NOW - SECOND,
        "raw_body": body_of(event_id),
        "headers": {"content-type": "application/json"},
    }
    return NewEntry(**(fields | changes))


class InboxSuite:
    """How an inbox is opened."""

    def make_inbox(self, clock: FrozenClock, **settings: Any) -> Inbox:
        """An inbox that takes its time from ``clock``; its store is empty at the beginning of each test.

        Args:
            clock: Unix time in seconds, when it is called.
            settings: ``retention`` and ``payload_retention``, where a test needs its own.
        """
        msg = f"{type(self).__name__} must define make_inbox, for {clock}"
        raise TypeError(msg)

    def open_again(self, inbox: Inbox, clock: FrozenClock) -> Inbox:
        """Another inbox on the store of ``inbox``, as another process has one; where there can be none, the same."""
        return inbox

    def write(self, transaction: Transaction, word: str) -> None:
        """Write a word into the store through an open transaction; override it together with `written`."""
        pytest.skip("this inbox says of no writes of handlers")

    def written(self) -> list[str]:
        """The words that are written, sorted."""
        return []

    @pytest.fixture
    def clock(self) -> FrozenClock:
        """The inbox's clock."""
        return FrozenClock(NOW)

    @pytest.fixture
    def inbox(self, clock: FrozenClock) -> Inbox:
        """The inbox that is tested."""
        return self.make_inbox(clock)

    @pytest.fixture
    def other(self, inbox: Inbox, clock: FrozenClock) -> Inbox:
        """The same store, as another process sees it."""
        return self.open_again(inbox, clock)

    def record(self, inbox: Inbox, *event_ids: str, **changes: Any) -> list[int]:
        """Record new events, one by one; their entries."""
        return [inbox.record_many([new_entry(event_id, **changes)])[0].pk for event_id in event_ids]

    def claim(self, inbox: Inbox, limit: int = 100, lease: timedelta = LEASE) -> list[Claim]:
        """Claim what is due."""
        return inbox.claim_many(["default"], limit=limit, lease=lease)

    def claimed(self, inbox: Inbox, event_id: str = "evt_1", **changes: Any) -> Claim:
        """Record an event and claim it."""
        (pk,) = self.record(inbox, event_id, **changes)
        (claim,) = (claim for claim in self.claim(inbox) if claim.pk == pk)
        return claim

    def settle(self, inbox: Inbox, claim: Claim, state: SettledState = "processed", **changes: Any) -> bool:
        """Settle one claim."""
        (held,) = inbox.settle_many([Settlement(claim=claim, state=state, **changes)])
        return held

    def settled(self, inbox: Inbox, state: SettledState = "processed", event_id: str = "evt_1", **changes: Any) -> int:
        """Record an event, claim and settle it; its entry."""
        claim = self.claimed(inbox, event_id)
        assert self.settle(inbox, claim, state, **changes)
        return claim.pk

    def entry(self, inbox: Inbox, pk: int) -> Entry:
        """One entry."""
        (entry,) = inbox.entries(EntryFilter(pks=(pk,)))
        return entry

    def done(self, handler: str = "lock_seat", **changes: Any) -> LedgerRow:
        """The ledger row of a handler that has succeeded."""
        return LedgerRow(handler=handler, state="done", **changes)

    def at_once(self, function: Callable[[int], Iterable[_T]], threads: int = 8) -> list[_T]:
        """What a function gave in several threads at once, each with its number."""
        with ThreadPoolExecutor(threads) as pool:
            return [one for found in pool.map(function, range(threads)) for one in found]
