"""Many deliveries at once: one run of each event, under threads and on an event loop."""

import asyncio
import contextvars
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from licensechain_hooks import HookRequest, MemoryDeduplicator, Receiver

DUPLICATES = 20
current = contextvars.ContextVar("current", default="nobody's")


class Slow(MemoryDeduplicator):
    """A store that has to be waited for, like one on the network."""

    in_process = False


@pytest.fixture(params=[MemoryDeduplicator, Slow], ids=["in-process", "in-thread"])
def deduplicator(request):
    """A store in memory, and one that an event loop must not wait for."""
    return request.param()


@pytest.fixture
def threads():
    """As many threads as duplicates, so that all meet."""
    with ThreadPoolExecutor(DUPLICATES) as pool:
        yield pool


@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async-def"])
def test_duplicates_in_threads(endpoint, hooks, delivery, threads, is_async):
    """Row 31: of 20 concurrent deliveries of an event one runs the handlers."""
    receiver = Receiver(endpoint, hooks)
    ran, all_here, go_on = [], threading.Barrier(DUPLICATES), threading.Event()

    def handler(event):
        ran.append(event.id)
        go_on.wait(10)

    async def handler_later(event):
        await asyncio.to_thread(handler, event)

    hooks.on("*")(handler_later if is_async else handler)

    def deliver(_number):
        request = delivery()
        all_here.wait(10)
        outcome = receiver.receive(request)
        go_on.set()  # every loser answers while the winner still runs
        return outcome.name

    names = Counter(threads.map(deliver, range(DUPLICATES)))
    assert ran == ["evt_1"]
    assert names["processed"] == 1
    assert names["in_flight"] >= 1
    assert sum(names.values()) == names["processed"] + names["in_flight"] + names["duplicate"] == DUPLICATES


@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async-def"])
def test_duplicates_on_a_loop(endpoint, hooks, delivery, deduplicator, is_async):
    """Row 31: the same on an event loop, with either kind of handler and of store."""
    receiver = Receiver(endpoint, hooks, deduplicator=deduplicator)
    ran, go_on = [], threading.Event()

    def handler(event):
        ran.append(event.id)
        go_on.wait(10)

    async def handler_later(event):
        ran.append(event.id)
        await asyncio.to_thread(go_on.wait, 10)

    hooks.on("*")(handler_later if is_async else handler)

    async def deliver():
        outcome = await receiver.areceive(delivery())
        go_on.set()
        return outcome.name

    async def all_of_them():
        return await asyncio.gather(*(deliver() for _ in range(DUPLICATES)))

    names = Counter(asyncio.run(all_of_them()))
    assert ran == ["evt_1"]
    assert names["processed"] == 1
    assert names["in_flight"] >= 1
    assert sum(names.values()) == names["processed"] + names["in_flight"] + names["duplicate"] == DUPLICATES


def test_in_flight(receiver, hooks, delivery, threads):
    """Row 36: a redelivery that overlaps is told to come back; once the first run is done it is a duplicate."""
    started, go_on = threading.Event(), threading.Event()

    @hooks.on("*")
    def handler(event):
        started.set()
        go_on.wait(10)

    first = threads.submit(receiver.receive, delivery())
    assert started.wait(10)
    overlapping = receiver.receive(delivery(timestamp="2026-03-01T11:59:59Z"))
    conflicting = receiver.receive(delivery(data={"id": "lic_2"}))
    go_on.set()
    assert (overlapping.name, overlapping.status) == ("in_flight", 409)
    assert dict(overlapping.reply.headers)["retry-after"] == "5"
    assert conflicting.name == "conflict"
    assert first.result(10).name == "processed"
    assert receiver.receive(delivery()).name == "duplicate"


def test_a_failed_run_makes_way(receiver, hooks, delivery, threads):
    """Row 36: an overlapping redelivery of a run that fails then runs again."""
    started, go_on, runs = threading.Event(), threading.Event(), []

    @hooks.on("*")
    def handler(event):
        runs.append(event.id)
        started.set()
        go_on.wait(10)
        if len(runs) == 1:
            raise ValueError

    first = threads.submit(receiver.receive, delivery())
    assert started.wait(10)
    assert receiver.receive(delivery()).name == "in_flight"
    go_on.set()
    assert first.result(10).name == "failed"
    assert receiver.receive(delivery()).name == "processed"
    assert len(runs) == 2


def test_different_events_do_not_wait_for_each_other(receiver, hooks, delivery, threads):
    """A slow handler of one event holds back no other."""
    all_here = threading.Barrier(5)
    hooks.on("*")(lambda _event: all_here.wait(10))
    outcomes = threads.map(lambda number: receiver.receive(delivery(id=f"evt_{number}")).name, range(5))
    assert list(outcomes) == ["processed"] * 5


def test_a_loop_is_not_held_up(receiver, hooks, delivery):
    """A ``def`` handler on an event loop runs in a thread: five that wait for each other get through."""
    all_here = threading.Barrier(3)
    hooks.on("*")(lambda _event: all_here.wait(10))

    async def three():
        return await asyncio.gather(*(receiver.areceive(delivery(id=f"evt_{number}")) for number in range(3)))

    assert [outcome.name for outcome in asyncio.run(three())] == ["processed"] * 3


def test_mixed_handlers_keep_their_order(receiver, hooks, delivery, receive):
    """``def`` and ``async def`` run one after the other, as registered, under every host."""
    order = []

    async def slow(event):
        await asyncio.sleep(0.01)
        order.append("slow")

    def gives_an_awaitable(event):
        return slow(event)

    async def object_call(self, event):
        order.append("object")

    hooks.on("*")(lambda _event: order.append("first"))
    hooks.on("*")(slow)
    hooks.on("*")(lambda _event: order.append("third"))
    hooks.on("*")(type("Handler", (), {"__call__": object_call})())
    hooks.on("*")(gives_an_awaitable)
    assert receive(receiver, delivery()).name == "processed"
    assert order == ["first", "slow", "third", "object", "slow"]


@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async-def"])
def test_context_variables_reach_handlers(receiver, hooks, delivery, receive, is_async):
    """What a middleware put into a context variable, such as a request id, is there in every kind of handler."""
    seen = []

    def handler(event):
        seen.append(current.get())

    async def handler_later(event):
        await asyncio.sleep(0)
        seen.append(current.get())

    hooks.on("*")(handler_later if is_async else handler)

    def deliver_for(name):
        current.set(name)
        receive(receiver, delivery(id=name))

    for name in ("ada", "bob"):
        contextvars.copy_context().run(deliver_for, name)
    assert seen == ["ada", "bob"]


def test_where_handlers_run(endpoint, hooks, delivery):
    """An async host runs coroutines on its own loop and hands the rest to ``run_in_thread``."""
    calls, places = [], []

    async def run_in_thread(call):
        calls.append(call)
        return await asyncio.to_thread(call)

    def handler(event):
        places.append(threading.current_thread())

    async def handler_later(event):
        places.append(asyncio.get_running_loop())

    hooks.on("*")(handler)
    hooks.on("*")(handler_later)
    receiver = Receiver(endpoint, hooks, run_in_thread=run_in_thread)

    async def deliver():
        return (await receiver.areceive(delivery())).name, asyncio.get_running_loop(), threading.current_thread()

    name, loop, thread = asyncio.run(deliver())
    assert (name, len(calls)) == ("processed", 1)
    assert places[0] is not thread
    assert places[1] is loop


def test_a_store_that_is_waited_for(endpoint, hooks, delivery):
    """A deduplicator that is not in process never runs on the event loop; one that is costs no thread."""
    for kind, expected in ((MemoryDeduplicator, 0), (Slow, 2)):
        calls = []

        async def run_in_thread(call, calls=calls):
            calls.append(call)
            return await asyncio.to_thread(call)

        async def handler(event): ...

        hooks.on("*")(handler)
        receiver = Receiver(endpoint, hooks, deduplicator=kind(), run_in_thread=run_in_thread)
        assert asyncio.run(receiver.areceive(delivery())).name == "processed"
        assert expected == len(calls)


def test_one_receiver_in_both_worlds(receiver, hooks, delivery):
    """A receiver may serve a WSGI and an ASGI part of one process: they share their memory."""
    hooks.on("*")(lambda _event: None)
    assert receiver.receive(delivery()).name == "processed"
    assert asyncio.run(receiver.areceive(delivery())).name == "duplicate"


def test_requests_are_independent(receiver, make_body, signed, threads):
    """Valid and forged deliveries side by side each get their own verdict."""
    body = make_body()

    def deliver(number):
        headers = signed(body) if number % 2 else signed(body, secret="not-the-secret")
        return receiver.receive(HookRequest(body, headers)).status

    assert list(threads.map(deliver, range(40))) == [401, 200] * 20
