"""`rehearse`: the clock stands still, handlers are watched, nothing runs by itself; and afterwards all is as before."""

import asyncio
import contextlib
import unittest
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from licensechain_hooks import (
    ConfigurationError,
    Discard,
    Endpoint,
    Event,
    Hooks,
    MemoryDeduplicator,
    Receiver,
    Retry,
    WorkerSettings,
)
from licensechain_hooks.inbox import EntryFilter
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.inbox.sql import SqlInbox
from licensechain_hooks.testing import Rehearsal, make_delivery, make_event, rehearse

SECRET = "the-secret-of-these-rehearsals"


@pytest.fixture
def hooks() -> Hooks:
    return Hooks()


@pytest.fixture(params=["inline", "memory", "sqlite", "postgres"])
def receiver(request: pytest.FixtureRequest, hooks: Hooks, tmp_path: Path) -> Any:
    """A receiver of each mode and each kind of clock: PostgreSQL has one of its own."""
    endpoint = Endpoint(secrets=[SECRET])
    if request.param == "inline":
        yield Receiver(endpoint, hooks)
        return
    if request.param == "memory":
        inbox: Any = MemoryInbox()
    elif request.param == "sqlite":
        inbox = SqlInbox(f"sqlite:///{tmp_path}/inbox.db")
    else:
        inbox = SqlInbox(request.getfixturevalue("postgres_database"))
        inbox.create_schema()
    receiver = Receiver(endpoint, hooks, inbox=inbox)
    yield receiver
    receiver.stop()
    for _ in (inbox.discard(EntryFilter()),) if hasattr(inbox, "close") else ():
        inbox.close()


@pytest.fixture
def durable(hooks: Hooks) -> Receiver:
    """A receiver with an inbox in memory."""
    return Receiver(Endpoint(secrets=[SECRET]), hooks, inbox=MemoryInbox())


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_what_ran(kind: str, receiver: Receiver, hooks: Hooks) -> None:
    """Each run of a handler is written down with its event and what it raised; also what became of each delivery."""
    errors = [ValueError("busy")]

    def lock(_event: Event) -> None:
        if errors:
            raise errors.pop()

    async def alock(event: Event) -> None:
        await asyncio.sleep(0)
        lock(event)

    handler = lock if kind == "def" else alock
    hooks.on("license.revoked")(handler)
    with rehearse(receiver) as rehearsal:
        event = rehearsal.make_event("license.revoked")
        first = rehearsal.receive(event).name
        if receiver.inbox is None:
            rehearsal.receive(event)
        assert rehearsal.drain() == (0 if receiver.inbox is None else 2)
        assert [(run.event.id, repr(run.error)) for run in rehearsal.runs_of(handler)] == [
            (event.id, "ValueError('busy')"),
            (event.id, "None"),
        ]
        assert rehearsal.receive(event).name == "duplicate"
        names = [outcome.name for outcome in rehearsal.outcomes]
    expected = ["failed", "processed"] if first == "failed" else ["accepted"]
    assert names == [*expected, "duplicate"]


@pytest.mark.parametrize("receiver", ["memory", "sqlite", "postgres"], indirect=True)
def test_to_the_end(receiver: Receiver, hooks: Hooks) -> None:
    """`drain` lets the time of each next attempt come, until the last entry is finished or dead; it takes no real time."""
    hooks.on("license.revoked")(lambda _event: 1 / 0)
    with rehearse(receiver) as rehearsal:
        began_at = rehearsal.clock.now
        event = rehearsal.make_event("license.revoked")
        rehearsal.receive(event)
        assert rehearsal.drain() == 12
        (entry,) = receiver.inbox.entries(EntryFilter(event_id=event.id))
        assert (entry.state, entry.attempts) == ("dead", 12)
        assert rehearsal.clock.now - began_at > timedelta(hours=1)


def test_all_as_before(receiver: Receiver, hooks: Hooks) -> None:
    """Clock, listener, settings and handlers are the receiver's own again, whatever the block raised."""
    hooks.on("license.revoked")(print)

    def facts() -> list[Any]:
        durable = receiver.inbox is not None
        return [
            receiver.endpoint.clock,
            receiver._outcome_listeners,
            "handlers_for" in vars(receiver.hooks),
            receiver.deduplicator,
            receiver._mode.deduplicator if not durable else receiver.inbox._clock,
            [receiver._durable._is_embedded, receiver._durable._wakeups] if durable else None,
        ]

    before = facts()
    with contextlib.suppress(ZeroDivisionError), rehearse(receiver):
        assert facts()[:3] != before[:3]
        raise ZeroDivisionError
    assert before == facts()


def test_the_clock(receiver: Receiver, hooks: Hooks) -> None:
    """The clock stands where it is told to, and is moved by the test alone: events grow too old, leases end."""
    with rehearse(receiver, now=datetime(2026, 2, 1, tzinfo=UTC)) as rehearsal:
        event = make_event("license.revoked", seed=1)
        delivery = make_delivery(event, rehearsal.secret, timestamp=rehearsal.clock())
        assert rehearsal.receive(delivery).name == "ignored"
        rehearsal.advance(timedelta(minutes=6))
        assert rehearsal.receive(delivery).reason == "timestamp_outside_tolerance"
        rehearsal.advance(timedelta(days=60))
        assert rehearsal.receive(event).reason == "event_too_old"


@pytest.mark.parametrize("tamper", ["body", "signature", "timestamp"])
def test_tampered(receiver: Receiver, tamper: Any) -> None:
    """A tampered delivery is rejected on an event loop and without one."""
    with rehearse(receiver) as rehearsal:
        event = rehearsal.make_event()
        assert rehearsal.receive(event, tamper=tamper).status == 401
        assert asyncio.run(rehearsal.areceive(event, tamper=tamper)).status == 401


def test_handlers_that_say_how_to_go_on(durable: Receiver, hooks: Hooks) -> None:
    """`Retry` is waited for as long as it says, `Discard` is the end; both are among the runs."""
    asked = [Retry(after=timedelta(hours=3)), Discard("never")]

    @hooks.on("license.*")
    def unsure(_event: Event) -> None:
        raise asked.pop(0)

    with rehearse(durable) as rehearsal:
        began_at = rehearsal.clock.now
        rehearsal.receive(rehearsal.make_event())
        assert rehearsal.drain() == 2
        assert rehearsal.clock.now - began_at == timedelta(hours=3)
        assert [type(run.error) for run in rehearsal.runs] == [Retry, Discard]


def test_a_crash(durable: Receiver, hooks: Hooks) -> None:
    """An entry that a worker took and never gave back runs again once its lease is over."""
    hooks.on("license.*")(lambda _event: None)
    with rehearse(durable) as rehearsal:
        rehearsal.receive(rehearsal.make_event())
        durable.inbox.claim_many(["default"], limit=1, lease=timedelta(seconds=60))
        began_at = rehearsal.clock.now
        assert rehearsal.drain() == 1
        assert rehearsal.clock.now - began_at == timedelta(seconds=60)


def test_in_order(hooks: Hooks) -> None:
    """An entry that waits for an earlier one of its license has its turn, though it is due long before."""
    errors = [ValueError("busy")] * 3
    ran: list[str] = []

    @hooks.on("license.*")
    def lock(event: Event) -> None:
        ran.append(event.id)
        if errors:
            raise errors.pop()

    receiver = Receiver(Endpoint(secrets=[SECRET]), hooks, inbox=MemoryInbox(), ordering_key="license")
    with rehearse(receiver) as rehearsal:
        for event_id in ("evt_1", "evt_2"):
            rehearsal.receive(rehearsal.make_event(event_id=event_id))
        assert rehearsal.drain() == 5
    assert ran == ["evt_1"] * 4 + ["evt_2"]


def test_another_clock_is_let_be(hooks: Hooks) -> None:
    """An inbox that cannot be frozen keeps its time: what is due runs, and the rest stays."""

    class Foreign:
        def __init__(self) -> None:
            self._inbox = MemoryInbox()

        def __getattr__(self, name: str) -> Any:
            if name == "_use_clock":
                raise AttributeError(name)
            return getattr(self._inbox, name)

    hooks.on("license.*")(lambda _event: 1 / 0)
    with rehearse(Receiver(Endpoint(secrets=[SECRET]), hooks, inbox=Foreign())) as rehearsal:
        rehearsal.receive(rehearsal.make_event())
        assert rehearsal.drain() == 1


def test_a_running_worker_rests(hooks: Hooks) -> None:
    """A worker that runs is stopped for the time, and runs again after; no delivery starts it meanwhile."""
    ran: list[Event] = []
    hooks.on("license.*")(ran.append)
    settings = WorkerSettings(concurrency=1, poll=timedelta(milliseconds=20))
    receiver = Receiver(Endpoint(secrets=[SECRET]), hooks, inbox=MemoryInbox(), worker=settings)
    receiver.start()
    try:
        with rehearse(receiver) as rehearsal:
            rehearsal.receive(rehearsal.make_event())
            receiver.start()
            assert not receiver.worker.is_running
            assert rehearsal.drain() == 1
        assert receiver.worker.is_running
    finally:
        receiver.stop()
    assert len(ran) == 1


def test_a_queue_is_not_told(hooks: Hooks) -> None:
    """Where a task queue would run the handlers, no message is left behind for it: the test runs them."""

    class Queue:
        sent: list[int] = []  # noqa: RUF012

        def register(self, _receiver: Receiver) -> None:
            pass

        def enqueue(self, pk: int) -> None:
            self.sent.append(pk)

    hooks.on("license.*")(lambda _event: None)
    receiver = Receiver(Endpoint(secrets=[SECRET]), hooks, inbox=MemoryInbox(), queue=Queue())
    with rehearse(receiver) as rehearsal:
        rehearsal.receive(rehearsal.make_event())
        assert (rehearsal.drain(), Queue.sent) == (1, [])
    receiver.receive(make_delivery(make_event(), SECRET).request())
    assert Queue.sent == [2]


def test_an_empty_memory(hooks: Hooks) -> None:
    """In inline mode what earlier tests delivered is forgotten, and remembered again after; a store of one's own stays."""
    hooks.on("*")(lambda _event: None)
    receiver = Receiver(Endpoint(secrets=[SECRET]), hooks)
    event = make_event()
    for _ in range(2):
        with rehearse(receiver) as rehearsal:
            assert [rehearsal.receive(event).name for _ in range(2)] == ["processed", "duplicate"]
    assert len(receiver.deduplicator) == 0

    class Own(MemoryDeduplicator):
        pass

    own = Own()
    with rehearse(Receiver(Endpoint(secrets=[SECRET]), hooks, deduplicator=own)) as rehearsal:
        rehearsal.receive(event)
    assert len(own) == 1


def test_an_outcome_listener_is_told(hooks: Hooks) -> None:
    """The receiver's own listener hears of deliveries as ever."""
    told: list[str] = []
    receiver = Receiver(Endpoint(secrets=[SECRET]), hooks, on_outcome=lambda outcome, *_: told.append(outcome.name))
    with rehearse(receiver) as rehearsal:
        rehearsal.receive(rehearsal.make_event())
    assert told == ["ignored"]


def test_two_handlers_of_one_name(durable: Receiver, hooks: Hooks) -> None:
    """Handlers are found by function and by name; those that share a name are told apart by their number."""

    def make() -> Any:
        def lock(_event: Event) -> None:
            pass

        return lock

    one, two = make(), make()
    hooks.on("*")(one)
    hooks.on("*")(two)
    with rehearse(durable) as rehearsal:
        rehearsal.receive(rehearsal.make_event())
        rehearsal.drain()
        name = f"{one.__module__}.{one.__qualname__}"
        assert [run.handler for run in rehearsal.runs_of(one)] == [name, f"{name}#2"]
        assert [run.handler for run in rehearsal.runs_of(f"{name}#2")] == [f"{name}#2"]
        assert rehearsal.runs_of("another") == []


def test_tenants(hooks: Hooks) -> None:
    """Where the secret depends on the request there is no newest one: a delivery is made by hand."""
    receiver = Receiver(Endpoint(secrets=lambda request: [f"the-secret-of-{request.path}"]), hooks)
    with rehearse(receiver) as rehearsal:
        event = rehearsal.make_event()
        with pytest.raises(ConfigurationError, match="say which"):
            rehearsal.receive(event)
        made = make_delivery(event, "the-secret-of-acme", timestamp=rehearsal.clock())
        assert rehearsal.receive(made, path="acme").name == "ignored"
        assert rehearsal.receive(made, path="other").status == 401


class UnderUnittest(unittest.TestCase):
    """The kit without pytest."""

    def setUp(self) -> None:
        self.hooks = Hooks()
        receiver = Receiver(Endpoint(secrets=[SECRET]), self.hooks, inbox=MemoryInbox())
        self.licensechain: Rehearsal = self.enterContext(rehearse(receiver))

    def test_a_handler(self) -> None:
        """``enterContext`` is all it takes."""
        seen: list[Event] = []
        self.hooks.on("license.*")(seen.append)
        self.licensechain.receive(self.licensechain.make_event("license.revoked"))
        self.assertEqual((1, 1), (self.licensechain.drain(), len(seen)))  # noqa: PT009 - as people write there
