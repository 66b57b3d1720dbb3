"""What the worker's tests share: an inbox on a clock that stands still, with events in it and a worker for it."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from licensechain_hooks import Hooks
from licensechain_hooks._entries import Claim, Entry, EntryFilter, EntryState, LedgerRow, NewEntry, Settlement
from licensechain_hooks._stores import Transaction
from licensechain_hooks.exceptions import StoreUnavailableError
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.testing import FrozenClock, event_body, make_event
from licensechain_hooks.worker import Worker, WorkerSettings

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
NO_WAIT = timedelta(0)


class StoppableInbox(MemoryInbox):
    """A store that can go down, and that notes what it is asked."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.down: set[str] = set()
        self.bad_ids: set[str] = set()
        self.refuses_errors = False
        self.asked: list[str] = []

    def _ask(self, name: str) -> None:
        self.asked.append(name)
        if name in self.down:
            raise StoreUnavailableError("the test has stopped this store")

    def claim_many(
        self, endpoints: Sequence[str], *, limit: int, lease: timedelta, pk: int | None = None
    ) -> list[Claim]:
        self._ask("claim")
        return super().claim_many(endpoints, limit=limit, lease=lease, pk=pk)

    def extend_many(self, claims: Sequence[Claim], *, lease: timedelta) -> list[bool]:
        self._ask("extend")
        return super().extend_many(claims, lease=lease)

    def settle_many(self, settlements: Sequence[Settlement]) -> list[bool]:
        self._ask("settle" if settlements[0].state != "processing" else "ledger")
        if any(settlement.claim.event_id in self.bad_ids for settlement in settlements):
            raise RuntimeError("this driver cannot write that")
        if self.refuses_errors and any(settlement.error for settlement in settlements):
            raise RuntimeError("this driver cannot write that")
        return super().settle_many(settlements)

    def transaction(self, claim: Claim, row: LedgerRow) -> AbstractContextManager[Transaction]:
        self._ask("transaction")
        return super().transaction(claim, row)

    def is_stale(self, claim: Claim, handler: str) -> bool:
        self._ask("stale")
        return super().is_stale(claim, handler)


class Site:
    """An inbox, its hooks, and the workers a test starts."""

    def __init__(self) -> None:
        self.clock = FrozenClock(NOW)
        self.inbox = StoppableInbox(clock=self.clock)
        self.gates: list[threading.Event] = []
        self.hooks = Hooks()
        self.ran: list[str] = []
        self.workers: list[Worker] = []

    def record(self, event_id: str = "evt_1", event_type: str = "license.revoked", **changes: Any) -> int:
        """Store a delivery; the entry's number."""
        event = make_event(event_type, event_id=event_id, data=changes.pop("data", None), timestamp=NOW)
        entry = NewEntry(
            endpoint="default",
            event_id=event_id,
            event_type=event_type,
            event_timestamp=NOW,
            raw_body=event_body(event),
            license_id="lic_1",
        )
        return self.inbox.record_many([replace(entry, **changes)])[0].pk

    def worker(self, **settings: Any) -> Worker:
        """A worker that polls often, and is stopped at the end of the test."""
        endpoints = settings.pop("endpoints", ("default",))
        given = {"concurrency": 2, "poll": timedelta(milliseconds=20), **settings}
        self.workers.append(Worker(self.inbox, self.hooks, WorkerSettings(**given), endpoints=endpoints))
        return self.workers[-1]

    def entry(self, pk: int) -> Entry:
        return self.inbox.entries(EntryFilter(pks=(pk,)))[0]

    def state(self, pk: int) -> str:
        return self.entry(pk).state

    def ledger(self, pk: int) -> dict[str, LedgerRow]:
        """By the last part of the handler's name."""
        return {row.handler.rpartition(".")[2]: row for row in self.inbox.ledger(pk)}

    def states(self, pk: int) -> dict[str, str]:
        return {name: row.state for name, row in self.ledger(pk).items()}

    def on(self, name: str, action: Callable[[Any], object] = lambda event: None, **given: Any) -> None:
        """Register a handler that notes its name and then acts."""

        def handler(event: Any) -> None:
            self.ran.append(name)
            action(event)

        handler.__qualname__ = name
        self.hooks.on("license.*", **given)(handler)

    def gate(self) -> threading.Event:
        """What a handler may wait for; open at the end of the test in any case."""
        self.gates.append(threading.Event())
        return self.gates[-1]

    def counted(self, state: EntryState) -> int:
        return self.inbox.stats().states[state]

    def advance(self, by: timedelta) -> None:
        self.clock.advance(by)


@pytest.fixture
def site() -> Iterator[Site]:
    """See `Site`."""
    made = Site()
    yield made
    for gate in made.gates:
        gate.set()
    end = time.monotonic() + 60
    for worker in made.workers:
        while not worker.stop(timedelta(seconds=5)):
            assert time.monotonic() < end, "a worker does not stop"
            time.sleep(0.002)


@pytest.fixture
def wait_until() -> Callable[[Callable[[], object]], None]:
    """Wait until something is so, or fail."""

    def wait(is_so: Callable[[], object]) -> None:
        end = time.monotonic() + 60
        while not is_so():
            assert time.monotonic() < end, "it has not become so"
            time.sleep(0.002)

    return wait


@pytest.fixture
def raising() -> Callable[[BaseException | type[BaseException]], Callable[[Any], None]]:
    """A handler's action that raises."""

    def make(error: BaseException | type[BaseException]) -> Callable[[Any], None]:
        def act(event: Any) -> None:
            raise error

        return act

    return make
