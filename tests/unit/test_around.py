"""Functions under ``around`` see every attempt: when it begins, and how it ends."""

import asyncio
import contextvars
import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest

from licensechain_hooks import ATTEMPT_STATES, Attempt, Discard, Hooks, Receiver, Retry, StoreUnavailableError
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.worker import WorkerSettings

current = contextvars.ContextVar("current", default="none")


@pytest.fixture
def seen(hooks) -> list[tuple]:
    """What a function under ``around`` sees: the state at the beginning and at the end, and the error."""
    found = []

    @hooks.around
    @contextmanager
    def note(attempt: Attempt):
        began = attempt.state
        yield
        found.append((began, attempt.state, attempt.error_code))

    return found


@pytest.fixture
def durable(endpoint, hooks, clock):
    """A receiver whose worker runs when it is told to, and gives up after two attempts."""
    settings = WorkerSettings(embedded=False, max_attempts=2, backoff=lambda _number: timedelta(0))
    return Receiver(endpoint, hooks, inbox=MemoryInbox(clock=clock), worker=settings)


def raising(error):
    def handle(_event):
        raise error

    return handle


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (lambda _event: None, [(None, "processed", "")]),
        (raising(ValueError()), [(None, "failed", "ValueError"), (None, "dead", "ValueError")]),
        (raising(Discard()), [(None, "dead", "Discard")]),
    ],
    ids=["returns", "fails", "discards"],
)
def test_durable(durable, hooks, delivery, seen, handler, expected):
    """In durable mode each run is an attempt; it ends as the entry does."""
    hooks.on("*")(handler)
    durable.receive(delivery())
    durable.worker.drain()
    assert seen == expected


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (lambda _event: None, (None, "processed", "")),
        (raising(ValueError()), (None, "failed", "ValueError")),
        (raising(Retry()), (None, "failed", "Retry")),
        (raising(Discard()), (None, "dead", "Discard")),
    ],
    ids=["returns", "fails", "retries", "discards"],
)
def test_inline(receiver, hooks, delivery, receive, seen, handler, expected):
    """In inline mode, under either host, the delivery's run is one."""
    hooks.on("*")(handler)
    receive(receiver, delivery())
    assert seen == [expected]


def test_what_is_told(durable, hooks, delivery):
    """An attempt names its endpoint, its event and its number, and is no place for the event's data."""
    attempts = []

    @hooks.around
    @contextmanager
    def note(attempt: Attempt):
        attempts.append(attempt)
        yield

    hooks.on("*")(raising(ValueError("LC-KEY-NEVER-IN-A-LOG")))
    durable.receive(delivery())
    durable.worker.drain()
    assert [(each.endpoint, each.event_type, each.event_id, each.number, each.mode) for each in attempts] == [
        ("default", "license.revoked", "evt_1", number, "durable") for number in (1, 2)
    ]
    assert "LC-KEY" not in repr(attempts)
    assert {each.state for each in attempts} <= set(ATTEMPT_STATES)


def test_an_ignored_entry(durable, hooks, delivery, seen):
    """An entry for which no handler is left ends as ignored."""
    hooks.on("*")(lambda _event: None)
    durable.receive(delivery())
    hooks._parts.clear()
    Hooks._generation += 1
    durable.worker.drain()
    assert seen == [(None, "ignored", "")]


def test_a_store_that_goes_away(durable, hooks, delivery, seen, monkeypatch):
    """An attempt that the store breaks off is released: it is run again, and counts as no failure of the handlers."""
    hooks.on("*", latest_only=True)(lambda _event: None)

    def down(*_given):
        raise StoreUnavailableError("down")

    monkeypatch.setattr(durable.inbox, "is_stale", down)
    durable.receive(delivery())
    with pytest.raises(StoreUnavailableError):
        durable.worker.drain()
    assert seen == [(None, "released", "")]


def test_a_lost_lease(durable, hooks, delivery, seen, clock):
    """An attempt whose entry another worker has by now is lost."""

    @hooks.on("*")
    def slow(_event):
        clock.advance(timedelta(minutes=10))
        durable.inbox.claim_many(["default"], limit=1, lease=timedelta(minutes=1))

    hooks.on("*")(lambda _event: None)
    durable.receive(delivery())
    durable.worker.drain()
    assert seen == [(None, "lost", "")]


def test_a_host_that_cancels(receiver, hooks, delivery, seen):
    """An attempt that an asynchronous host cancels is released."""
    started = asyncio.Event()

    @hooks.on("*")
    async def wait(_event):
        started.set()
        await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(receiver.areceive(delivery()))
        await started.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    assert seen == [(None, "released", "")]


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize("mode", ["inline", "durable"])
def test_handlers_run_inside(receiver, durable, hooks, delivery, receive, mode, kind):
    """Handlers of either kind see the context variables that are set around them; nobody else does."""
    inside = []

    @hooks.around
    @contextmanager
    def enter(_attempt):
        token = current.set("attempt")
        yield
        current.reset(token)

    def handle(_event):
        inside.append(current.get())

    async def ahandle(_event):
        handle(_event)

    hooks.on("*")(handle if kind == "def" else ahandle)
    receive(receiver if mode == "inline" else durable, delivery())
    if mode == "durable":
        durable.worker.drain()
    assert (inside, current.get()) == (["attempt"], "none")


def test_what_fails_around_changes_nothing(durable, hooks, delivery, caplog):
    """What such a function raises, before or after, is logged; the handlers run, and the others see the attempt."""
    ran, seen = [], []

    @hooks.around
    def no_context_manager(_attempt):
        return None

    @hooks.around
    @contextmanager
    def fails_before(_attempt):
        raise ValueError
        yield

    @hooks.around
    @contextmanager
    def works(attempt):
        yield
        seen.append(attempt.state)

    @hooks.around
    @contextmanager
    def fails_after(_attempt):
        yield
        raise ValueError

    hooks.on("*")(lambda event: ran.append(event.id))
    durable.receive(delivery())
    durable.worker.drain()
    assert (ran, seen) == (["evt_1"], ["processed"])
    assert [record.message for record in caplog.records].count("around.failed") == 3


def test_each_function_once_of_all_included(durable, hooks, delivery):
    """Functions of included hooks count too, each once, those registered later as well."""
    other, seen = Hooks(), []
    hooks.include(other)

    @contextmanager
    def note(attempt):
        yield
        seen.append(attempt.state)

    hooks.on("*")(lambda _event: None)
    durable.receive(delivery(id="evt_1"))
    durable.worker.drain()
    hooks.around(note)
    other.around(note)
    durable.receive(delivery(id="evt_2"))
    durable.worker.drain()
    assert (seen, hooks.arounds()) == (["processed"], (note,))


def test_in_the_threads_of_a_worker(endpoint, hooks, clock, delivery, seen):
    """A worker's threads are no different."""
    ended = threading.Event()

    @hooks.around
    @contextmanager
    def end(_attempt):
        yield
        ended.set()

    hooks.on("*")(lambda _event: None)
    receiver = Receiver(endpoint, hooks, inbox=MemoryInbox(clock=clock))
    receiver.start()
    receiver.receive(delivery())
    assert ended.wait(60)
    receiver.stop()
    assert [each[1] for each in seen] == ["processed"]
