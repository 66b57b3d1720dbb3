"""Handlers that fail in every way Python knows: a failed run, never a stuck event."""

import asyncio
import concurrent.futures
import signal
import threading
from datetime import timedelta

import pytest

from licensechain_hooks import Discard, Receiver, Retry

ERRORS = [
    ValueError,
    SystemExit,
    KeyboardInterrupt,
    asyncio.CancelledError,
    concurrent.futures.CancelledError,
    RecursionError,
    MemoryError,
    StopIteration,
    StopAsyncIteration,
    TimeoutError,
    BaseException,
    BaseExceptionGroup,
]


def error_of(kind: type[BaseException]) -> BaseException:
    return kind("several", [SystemExit(1)]) if kind is BaseExceptionGroup else kind()


class Suspended:
    """Something to wait for that needs no event loop."""

    def __await__(self):
        yield


def off_the_main_thread(call):
    """Servers run requests in threads of their own; there a KeyboardInterrupt is no Ctrl-C."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result(10)


def failing(kind, *, is_async):
    """A handler that raises at its first run and returns at its second."""
    raised = []

    def handler(event):
        if not raised:
            raised.append(kind)
            raise error_of(kind)

    async def handler_later(event):
        await asyncio.sleep(0)
        handler(event)

    return handler_later if is_async else handler


@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async-def"])
@pytest.mark.parametrize("kind", ERRORS)
def test_whatever_a_handler_raises(receiver, delivery, receive, host, hooks, kind, is_async):
    """Row 34: recorded as a failed run, the others run, the event is released and runs again."""
    hooks.on("*")(failing(kind, is_async=is_async))
    others = []
    hooks.on("*")(others.append)
    first = off_the_main_thread(lambda: receive(receiver, delivery()))
    assert (first.name, first.status, len(others)) == ("failed", 500, 1)
    # A coroutine cannot raise StopIteration: Python itself makes it a RuntimeError (PEP 479).
    expected = RuntimeError if is_async and kind is StopIteration else kind
    assert expected is type(first.runs[0].error)
    second = off_the_main_thread(lambda: receive(receiver, delivery()))
    assert (second.name, len(others)) == ("processed", 2)


@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async-def"])
def test_generator_exit(receiver, delivery, receive, hooks, is_async):
    """Row 34: a handler that raises GeneratorExit has failed; the host closing its coroutine is another matter."""
    hooks.on("*")(failing(GeneratorExit, is_async=is_async))
    first = receive(receiver, delivery())
    assert (first.name, type(first.runs[0].error)) == ("failed", GeneratorExit)
    assert receive(receiver, delivery()).name == "processed"


@pytest.mark.parametrize("in_loop", [False, True], ids=["without-a-loop", "within-a-loop"])
def test_a_host_that_closes_the_coroutine(receiver, delivery, hooks, in_loop):
    """A host may drop the coroutine without cancelling it: it ends at once, and the event is released."""
    after = []

    @hooks.on("*")
    async def handler(event):
        await Suspended()

    @hooks.on("*")
    async def next_handler(event):
        after.append(event)
        await Suspended()

    def drop():
        running = receiver.areceive(delivery())
        running.send(None)
        assert len(receiver.deduplicator) == 1
        running.close()

    async def drop_in_loop():
        drop()

    asyncio.run(drop_in_loop()) if in_loop else drop()
    assert (len(receiver.deduplicator), after) == (0, [])


@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async-def"])
def test_real_recursion(receiver, delivery, receive, hooks, is_async):
    """Row 34: a handler without a bottom fails like any other."""

    def dig(event):
        return dig(event) + 1

    async def dig_later(event):
        return dig(event)

    hooks.on("*")(dig_later if is_async else dig)
    outcome = receive(receiver, delivery())
    assert (outcome.name, type(outcome.runs[0].error)) == ("failed", RecursionError)


def test_ctrl_c_in_the_main_thread(receiver, delivery, hooks):
    """Row 34: a true Ctrl-C stops the program, and the event is released."""
    interrupts = [True]

    @hooks.on("*")
    def handler(event):
        if interrupts.pop():
            signal.raise_signal(signal.SIGINT)

    assert threading.current_thread() is threading.main_thread()
    with pytest.raises(KeyboardInterrupt):
        receiver.receive(delivery())
    interrupts.append(False)
    assert receiver.receive(delivery()).name == "processed"


def test_failure_stops_no_other_handler(receiver, delivery, receive, hooks):
    """Each handler has its run, in order, whatever the ones before it did."""
    order = []
    for number, error in enumerate([None, ValueError("x"), Discard(), Retry(), None]):

        def handler(event, context, number=number, error=error):
            order.append(number)
            if error:
                raise error

        hooks.on("*")(handler)
    outcome = receive(receiver, delivery())
    assert order == [0, 1, 2, 3, 4]
    assert [type(run.error).__name__ for run in outcome.runs] == [
        "NoneType",
        "ValueError",
        "Discard",
        "Retry",
        "NoneType",
    ]
    assert outcome.status == 500


def test_on_error(receiver, delivery, receive, hooks):
    """Listeners are told error, event and context; sync and async ones, and what they raise changes nothing."""
    told = []

    @hooks.on_error
    def broken(error, event, context):
        raise RuntimeError

    @hooks.on_error
    def listen(error, event, context):
        told.append((type(error), event.id, context.handler.rpartition(".")[2]))

    @hooks.on_error
    async def listen_later(error, event, context):
        await asyncio.sleep(0)
        told.append("later")

    @hooks.on("*")
    def fails(event):
        raise LookupError

    outcome = receive(receiver, delivery())
    assert told == [(LookupError, "evt_1", "fails"), "later"]
    assert (outcome.name, len(outcome.runs)) == ("failed", 1)


@pytest.mark.parametrize("signal_raised", [Retry(), Discard("why")])
def test_signals_are_no_errors(receiver, delivery, receive, hooks, signal_raised):
    """A handler that asks for a retry or gives up is not reported as an error."""
    told = []
    hooks.on_error(lambda error, event, context: told.append(error))

    @hooks.on("*")
    def handler(event):
        raise signal_raised

    receive(receiver, delivery())
    assert told == []


@pytest.mark.parametrize("after", [5, 0.5, None, "10"])
def test_a_retry_without_a_unit(after):
    """A bare number has no unit: it is refused where it is written, not when the reply is made."""
    with pytest.raises(TypeError, match="timedelta"):
        Retry(after)


def test_a_retry_in_the_past():
    """Retry-After cannot be negative."""
    with pytest.raises(ValueError, match="past"):
        Retry(timedelta(seconds=-1))


@pytest.mark.parametrize(
    ("after", "told"), [(timedelta(0), "0"), (timedelta(milliseconds=1), "1"), (timedelta(days=1), "86400")]
)
def test_retry_after_is_whole_seconds(receiver, delivery, receive, hooks, after, told):
    """Retry-After is rounded up: never sooner than asked for."""

    @hooks.on("*")
    def handler(event):
        raise Retry(after)

    assert dict(receive(receiver, delivery()).reply.headers)["retry-after"] == told


def test_on_outcome(endpoint, delivery, receive, hooks):
    """``on_outcome`` sees each outcome with its request and how long it took."""
    seen = []
    receiver = Receiver(endpoint, hooks, on_outcome=lambda *arguments: seen.append(arguments))
    request = delivery()
    outcome = receive(receiver, request)
    refused = receive(receiver, delivery(id=None))
    assert [(outcome, request), (refused, seen[1][1])] == [entry[:2] for entry in seen]
    assert all(isinstance(seconds, float) and seconds >= 0 for _, _, seconds in seen)


def test_an_on_outcome_that_fails(endpoint, delivery, receive, hooks, caplog):
    """What ``on_outcome`` raises is logged and changes nothing."""
    receiver = Receiver(endpoint, hooks, on_outcome=lambda *_: 1 / 0)
    assert receive(receiver, delivery()).name == "ignored"
    assert "on_outcome.failed" in [record.message for record in caplog.records]
