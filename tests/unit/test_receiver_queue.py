"""A receiver with a queue: it stores, tells the queue, and runs what an engine tells it to."""

import asyncio
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from licensechain_hooks import (
    ConfigurationError,
    EngineQueue,
    Hooks,
    Receiver,
    StoreUnavailableError,
    _engine_queue,
    _wakeups,
)
from licensechain_hooks._entries import EntryFilter
from licensechain_hooks.inbox.memory import MemoryInbox
from licensechain_hooks.testing import FrozenClock

SECOND = timedelta(seconds=1)


class Queue(EngineQueue):
    """A queue in memory."""

    def __init__(self):
        super().__init__()
        self.sent = []
        self.failure = None
        self.asked = 0

    def enqueue(self, pk):
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        self.sent.append(pk)


class AsyncQueue(Queue):
    """The same as an asynchronous engine has it."""

    async def enqueue(self, pk):
        await asyncio.sleep(0)
        super().enqueue(pk)


@pytest.fixture(params=[Queue, AsyncQueue])
def queue(request):
    return request.param()


@pytest.fixture
def inbox(clock):
    return MemoryInbox(clock=clock)


@pytest.fixture
def make_receiver(endpoint, hooks, inbox, queue):
    """A receiver whose handlers some engine runs."""
    return lambda **settings: Receiver(endpoint, hooks, **{"inbox": inbox, "queue": queue, **settings})


@pytest.fixture
def ran(hooks):
    """The events that a handler was given."""
    seen = []
    hooks.on("*")(lambda event: seen.append(event.id))
    return seen


def state(inbox, pk):
    return inbox.entries(EntryFilter(pks=(pk,)))[0].state


def test_a_delivery_is_stored_and_enqueued(make_receiver, queue, inbox, delivery, receive, ran):
    """The queue is told of the entry; its task runs it, once."""
    make_receiver()
    assert receive(make_receiver(), delivery()).name == "accepted"
    (pk,) = queue.sent
    assert (state(inbox, pk), ran) == ("received", [])
    assert [queue.run_entry(pk), queue.run_entry(pk)] == [True, False]
    assert (state(inbox, pk), ran) == ("processed", ["evt_1"])


def test_no_thread_is_started(make_receiver, delivery, receive, ran):
    """With a queue this process has no worker of its own."""
    receiver = make_receiver()
    receiver.start()
    receive(receiver, delivery())
    assert not receiver.worker.is_running
    receiver.stop()


@pytest.mark.parametrize("kind", ["duplicate", "conflict", "ignored"])
def test_what_has_nothing_to_run_is_not_enqueued(make_receiver, queue, delivery, receive, hooks, kind):
    """The queue is told of new entries with handlers, and of no other."""
    receiver = make_receiver()
    if kind != "ignored":
        hooks.on("*")(lambda event: None)
        receive(receiver, delivery())
    sent = [*queue.sent]
    assert receive(receiver, delivery(**{"data": {"id": "lic_2"}} if kind == "conflict" else {})).name == kind
    assert queue.sent == sent


def test_a_queue_that_fails(make_receiver, queue, inbox, delivery, receive, ran, caplog, monkeypatch):
    """The delivery is accepted; one line is logged, without a password; for a while the queue is left alone."""
    receiver = make_receiver()
    queue.failure = ConnectionError("amqp://shop:letmein@broker is down")
    with caplog.at_level(logging.INFO, "licensechain_hooks"):
        for number in range(3):
            assert receive(receiver, delivery(id=f"evt_{number}")).name == "accepted"
    lines = [record for record in caplog.records if record.getMessage().startswith("queue.failed")]
    assert (queue.asked, [line.levelname for line in lines]) == (1, ["ERROR"])
    assert "letmein" not in lines[0].getMessage()
    assert "ConnectionError: amqp://[…]@broker is down" in lines[0].getMessage()
    queue.failure = None
    monkeypatch.setattr(_wakeups, "_LEFT_ALONE", 0.0)
    monkeypatch.setattr(receiver._durable._wakeups, "_ask_at", time.monotonic())
    receive(receiver, delivery(id="evt_9"))
    receive(receiver, delivery(id="evt_10"))
    assert len(queue.sent) == 2


def test_a_queue_that_still_fails(make_receiver, queue, delivery, receive, ran, caplog, monkeypatch):
    """After its time of peace one delivery tries again, and it is said again."""
    receiver = make_receiver()
    queue.failure = ConnectionError("down")
    receive(receiver, delivery(id="evt_1"))
    later = time.monotonic() + 5.1
    monkeypatch.setattr(_wakeups.time, "monotonic", lambda: later)
    receive(receiver, delivery(id="evt_2"))
    receive(receiver, delivery(id="evt_3"))
    assert queue.asked == 2
    assert [message.partition(" ")[0] for message in caplog.messages].count("queue.failed") == 2


@pytest.mark.parametrize("queue", [Queue], indirect=True)
def test_an_event_loop_goes_on(make_receiver, queue, delivery, ran):
    """While a plain function talks to its broker the loop does other things."""
    went_on = threading.Event()
    receiver = make_receiver()
    waited = []
    queue.enqueue = lambda pk: waited.append(went_on.wait(60))

    async def main():
        task = asyncio.create_task(receiver.areceive(delivery()))
        while not task.done():
            await asyncio.sleep(0)
            went_on.set()
        return task.result().name

    assert asyncio.run(main()) == "accepted"
    assert waited == [True]


@pytest.mark.parametrize("is_async", [True, False])
def test_a_queue_that_hangs(make_receiver, queue, delivery, ran, caplog, monkeypatch, is_async):
    """On an event loop an answer does not wait for ever for a broker, whatever the queue does."""
    monkeypatch.setattr(_wakeups, "_PATIENCE", 0.05)
    release = threading.Event()

    async def hang(pk):
        await asyncio.Event().wait()

    queue.enqueue = hang if is_async else lambda pk: release.wait(60)
    receiver = make_receiver()

    async def main():
        try:
            return (await receiver.areceive(delivery())).name
        finally:
            release.set()

    assert asyncio.run(main()) == "accepted"
    assert "TimeoutError: no answer within 0.05 seconds" in caplog.text


def test_a_coroutine_that_hangs_in_a_thread(make_receiver, queue, delivery, ran, caplog, monkeypatch):
    """A synchronous host cancels a coroutine that does not come back."""
    monkeypatch.setattr(_wakeups, "_PATIENCE", 0.05)

    async def hang(pk):
        await asyncio.Event().wait()

    queue.enqueue = hang
    assert make_receiver().receive(delivery()).name == "accepted"
    assert "queue.failed" in caplog.text


def test_a_send_that_is_cancelled(make_receiver, queue, delivery, ran, caplog):
    """A queue whose own task is cancelled has failed; the delivery has not."""

    async def give_up(pk):
        raise asyncio.CancelledError

    queue.enqueue = give_up
    receiver = make_receiver()
    assert asyncio.run(receiver.areceive(delivery())).name == "accepted"
    assert "CancelledError" in caplog.text


@pytest.fixture(params=["sync", "async"])
def engine(request, queue):
    """How a task of an engine calls: in a thread, or on its event loop."""

    class Engine:
        def run_entry(self, pk):
            return queue.run_entry(pk) if request.param == "sync" else asyncio.run(queue.arun_entry(pk))

        def sweep(self):
            return queue.sweep() if request.param == "sync" else asyncio.run(queue.asweep())

    return Engine()


def test_a_sweep(engine, make_receiver, queue, delivery, ran, clock):
    """A sweep enqueues what is due; a new entry only when its message must have been lost."""
    receiver = make_receiver()
    queue.failure = ConnectionError("down")
    receiver.receive(delivery())
    queue.failure = None
    assert (engine.sweep(), queue.sent) == (0, [])
    clock.advance(30 * SECOND)
    assert engine.sweep() == 1
    assert engine.run_entry(queue.sent[0])
    assert (engine.sweep(), ran) == (0, ["evt_1"])


def test_a_failed_entry_is_swept_at_its_time(engine, make_receiver, queue, hooks, delivery, clock, inbox):
    """The inbox says when a failed entry is due again; until then messages change nothing."""
    answers = iter([ValueError("no seat"), None])

    @hooks.on("*")
    def lock(event):
        if (error := next(answers)) is not None:
            raise error

    make_receiver().receive(delivery())
    (pk,) = queue.sent
    assert engine.run_entry(pk)
    assert (engine.run_entry(pk), engine.sweep(), state(inbox, pk)) == (False, 0, "failed")
    clock.advance(15 * SECOND)
    assert engine.sweep() == 1
    assert engine.run_entry(pk)
    assert state(inbox, pk) == "processed"


def test_a_sweep_tells_what_the_queue_raises(engine, make_receiver, queue, delivery, ran, clock):
    """Who calls a sweep has to know that it did not work."""
    make_receiver().receive(delivery())
    clock.advance(30 * SECOND)
    queue.failure = ConnectionError("down")
    with pytest.raises(ConnectionError, match="down"):
        engine.sweep()


def test_an_entry_that_was_held_back_is_enqueued(engine, make_receiver, queue, delivery, ran):
    """The message of an entry that has to wait for an earlier one finds nothing; it is sent again when that is done."""
    receiver = make_receiver(ordering_key="license")
    for number in range(3):
        receiver.receive(delivery(id=f"evt_{number}"))
    first, second, third = queue.sent
    queue.sent.clear()
    assert [engine.run_entry(third), engine.run_entry(second), queue.sent] == [False, False, []]
    assert (engine.run_entry(first), queue.sent) == (True, [second])
    assert (engine.run_entry(second), queue.sent) == (True, [second, third])
    assert engine.run_entry(third)
    assert (ran, queue.sent) == (["evt_0", "evt_1", "evt_2"], [second, third])


def test_a_store_that_is_gone_after_a_run(make_receiver, queue, inbox, delivery, ran, monkeypatch):
    """An entry that ran has run, whether or not the next one of its key can be found."""

    def fail(*arguments, **settings):
        raise StoreUnavailableError("down")

    make_receiver(ordering_key="license").receive(delivery())
    monkeypatch.setattr(inbox, "due", fail)
    assert queue.run_entry(queue.sent[0])


@pytest.mark.parametrize("queue", [Queue], indirect=True)
def test_coroutines_run_on_the_loop_of_an_asynchronous_engine(make_receiver, queue, hooks, delivery):
    """There they can use what belongs to that loop."""
    loops = []

    @hooks.on("*")
    async def note(event):
        loops.append(asyncio.get_running_loop())

    make_receiver().receive(delivery())

    async def main():
        assert await queue.arun_entry(queue.sent[0])
        return asyncio.get_running_loop()

    its_own = asyncio.run(main())
    assert loops == [its_own]


def test_several_receivers_on_one_queue(make_endpoint, hooks, inbox, queue, delivery, ran):
    """Each runs and sweeps the entries of its own endpoint."""
    receivers = {name: Receiver(make_endpoint(name=name), hooks, inbox=inbox, queue=queue) for name in ("eu", "us")}
    for receiver in receivers.values():
        receiver.receive(delivery())
    assert [queue.run_entry(pk) for pk in queue.sent] == [True, True]
    assert ran == ["evt_1", "evt_1"]


def test_a_queue_nobody_uses(queue):
    """An engine whose process has no receiver says what to do, and does not swallow messages."""
    for call in (lambda: queue.run_entry(1), queue.sweep, lambda: asyncio.run(queue.arun_entry(1))):
        with pytest.raises(ConfigurationError, match=r"no Receiver uses this \w*Queue in this process"):
            call()


def test_without_an_inbox(endpoint):
    """Only what is stored can be enqueued."""
    with pytest.raises(ConfigurationError, match="queue has no meaning without an inbox"):
        Receiver(endpoint, Hooks(), queue=Queue())
    with pytest.raises(ConfigurationError, match="without an inbox the receiver runs the handlers itself"):
        Receiver(endpoint, Hooks()).run_entry(1)


def test_without_a_queue(endpoint):
    """An entry can be run by whoever knows it; there is nowhere to enqueue it."""
    receiver = Receiver(endpoint, Hooks(), inbox=MemoryInbox(clock=FrozenClock()))
    assert not receiver.run_entry(1)
    with pytest.raises(ConfigurationError, match="without a queue there is nowhere to enqueue"):
        receiver.sweep()


def test_a_client_that_hangs(make_receiver, delivery, ran, caplog, monkeypatch):
    """A queue of a client without time-outs sends in a thread of its own, for which no delivery waits for ever."""
    monkeypatch.setattr(_engine_queue, "_PATIENCE", 0.05)
    release = threading.Event()

    class Hanging(EngineQueue):
        def enqueue(self, pk):
            self._in_time(lambda: release.wait(60))

    receiver = make_receiver(queue=Hanging())
    assert receiver.receive(delivery()).name == "accepted"
    release.set()
    assert "queue.failed queue=Hanging detail=TimeoutError" in caplog.text


@pytest.mark.parametrize("queue", [Queue], indirect=True)
def test_who_fails_at_the_same_time(make_receiver, queue, delivery, ran, caplog):
    """However many deliveries were being enqueued when the queue failed, it is said once."""
    together = threading.Barrier(2)

    def fail(pk):
        together.wait(60)
        raise ConnectionError("down")

    queue.enqueue = fail
    receiver = make_receiver()
    with ThreadPoolExecutor(2) as pool:
        outcomes = [*pool.map(receiver.receive, [delivery(id="evt_1"), delivery(id="evt_2")])]
    assert [outcome.name for outcome in outcomes] == ["accepted"] * 2
    assert [message.partition(" ")[0] for message in caplog.messages].count("queue.failed") == 1
