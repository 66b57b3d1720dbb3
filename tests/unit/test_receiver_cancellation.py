"""An async host that cancels a delivery: the event is released and the cancellation goes through."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from licensechain_hooks import MemoryDeduplicator, Receiver


class Slow(MemoryDeduplicator):
    """A store on the network, whose answers can be held back."""

    in_process = False

    def __init__(self):
        super().__init__()
        self.asked, self.answer, self.answered = threading.Event(), threading.Event(), threading.Event()
        self.answer.set()

    def reserve(self, endpoint, event_id, body):
        self.asked.set()
        assert self.answer.wait(10)
        reservation = super().reserve(endpoint, event_id, body)
        self.answered.set()
        return reservation


@pytest.fixture(params=[MemoryDeduplicator, Slow], ids=["in-process", "in-thread"])
def receiver(request, endpoint, hooks):
    """A receiver with either kind of store."""
    return Receiver(endpoint, hooks, deduplicator=request.param())


async def until(event: threading.Event) -> None:
    """Wait without holding up the loop."""
    assert await asyncio.to_thread(event.wait, 10)


async def until_empty(store: MemoryDeduplicator) -> None:
    """Wait until nothing is remembered, for as long as a busy machine may need."""
    for _ in range(2000):
        if len(store) == 0:
            return
        await asyncio.sleep(0.005)
    pytest.fail("the event was never released")


async def cancelled(task: asyncio.Task) -> bool:
    """Cancel a task; whether that went through."""
    task.cancel()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    return isinstance(result, asyncio.CancelledError)


async def test_during_a_coroutine(receiver, hooks, delivery):
    """A cancelled ``async def`` handler: no outcome, no failed run, and the next delivery runs."""
    started, runs = threading.Event(), []

    @hooks.on("*")
    async def handler(event):
        runs.append(event.id)
        started.set()
        await asyncio.sleep(10 if len(runs) == 1 else 0)

    task = asyncio.create_task(receiver.areceive(delivery()))
    await until(started)
    assert await cancelled(task)
    assert (await receiver.areceive(delivery())).name == "processed"


async def test_during_a_handler_in_a_thread(receiver, hooks, delivery):
    """A ``def`` handler cannot be stopped, but its delivery can; until it has ended nobody runs the event beside it."""
    started, go_on, runs = threading.Event(), threading.Event(), []

    @hooks.on("*")
    def handler(event):
        runs.append(event.id)
        started.set()
        go_on.wait(10)

    task = asyncio.create_task(receiver.areceive(delivery()))
    await until(started)
    assert await cancelled(task)
    assert (await receiver.areceive(delivery())).name == "in_flight"
    go_on.set()
    await until_empty(receiver.deduplicator)
    assert (await receiver.areceive(delivery())).name == "processed"
    assert len(runs) == 2


async def test_after_a_handler_in_a_thread_has_ended(receiver, hooks, delivery):
    """Cancelled between two handlers, of which the first has ended: the event is free at once."""
    started = threading.Event()
    hooks.on("*")(lambda _event: None)

    @hooks.on("*")
    async def handler(event):
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(receiver.areceive(delivery()))
    await until(started)
    assert await cancelled(task)
    assert len(receiver.deduplicator) == 0


async def test_by_a_deadline(receiver, hooks, delivery):
    """A host's own deadline works like any cancellation."""
    runs = []

    @hooks.on("*")
    async def handler(event):
        runs.append(event.id)
        if len(runs) == 1:
            await asyncio.sleep(10)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await receiver.areceive(delivery())
    assert (await receiver.areceive(delivery())).name == "processed"


async def test_a_handler_s_own_deadline(receiver, hooks, delivery):
    """A deadline inside a handler is the handler's failure, not the host's cancellation."""

    @hooks.on("*")
    async def handler(event):
        async with asyncio.timeout(0.01):
            await asyncio.sleep(10)

    outcome = await receiver.areceive(delivery())
    assert (outcome.name, type(outcome.runs[0].error)) == ("failed", TimeoutError)


async def test_while_reserving(endpoint, hooks, delivery):
    """A reservation that arrives after its delivery was cancelled is given back: the next delivery runs at once."""
    hooks.on("*")(lambda _event: None)
    store = Slow()
    store.answer.clear()
    receiver = Receiver(endpoint, hooks, deduplicator=store)
    task = asyncio.create_task(receiver.areceive(delivery()))
    await until(store.asked)
    task.cancel()
    await asyncio.sleep(0)
    store.answer.set()
    (result,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(result, asyncio.CancelledError)
    await until(store.answered)
    await until_empty(store)
    assert (await receiver.areceive(delivery())).name == "processed"


async def test_before_a_handler_has_begun(endpoint, hooks, delivery):
    """A handler that still waits for a thread never begins once its delivery is cancelled; the event is free at once."""
    ran, busy, go_on = [], threading.Event(), threading.Event()
    hooks.on("*")(ran.append)
    with ThreadPoolExecutor(1) as pool:
        asked = asyncio.Event()

        async def run_in_thread(call):
            asked.set()
            return await asyncio.get_running_loop().run_in_executor(pool, call)

        receiver = Receiver(endpoint, hooks, run_in_thread=run_in_thread)
        blocker = pool.submit(lambda: (busy.set(), go_on.wait(10)))
        await until(busy)
        task = asyncio.create_task(receiver.areceive(delivery()))
        await asked.wait()
        assert await cancelled(task)
        assert len(receiver.deduplicator) == 0
        go_on.set()
        await asyncio.wrap_future(blocker)
        assert (await receiver.areceive(delivery())).name == "processed"
    assert len(ran) == 1


async def test_before_reserving_has_begun(endpoint, hooks, delivery):
    """A reservation that still waits for a thread is never made once its delivery is cancelled."""
    hooks.on("*")(lambda _event: None)
    store, asked, calls = Slow(), asyncio.Event(), []

    async def run_in_thread(call):
        calls.append(call)
        if len(calls) == 1:
            asked.set()
            await asyncio.Event().wait()  # no thread is free
        return await asyncio.to_thread(call)

    receiver = Receiver(endpoint, hooks, deduplicator=store, run_in_thread=run_in_thread)
    task = asyncio.create_task(receiver.areceive(delivery()))
    await asked.wait()
    assert await cancelled(task)
    calls[0]()  # a thread comes free, too late
    assert (store.asked.is_set(), len(store)) == (False, 0)
    assert (await receiver.areceive(delivery())).name == "processed"


async def test_one_of_many(receiver, hooks, delivery):
    """Cancelling one delivery does not touch another."""
    started, go_on = threading.Event(), asyncio.Event()

    @hooks.on("*")
    async def handler(event):
        started.set()
        await go_on.wait()

    first, second = (asyncio.create_task(receiver.areceive(delivery(id=event_id))) for event_id in ("1", "2"))
    await until(started)
    assert await cancelled(first)
    go_on.set()
    assert (await second).name == "processed"
