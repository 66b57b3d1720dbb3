"""One handler at a time, as a worker runs them: in a thread, perhaps in a transaction, perhaps against the clock."""

import asyncio
import threading
from contextvars import ContextVar

import pytest

from licensechain_hooks import Discard, HandlerRun, HandlerTimeLimitError, Retry, _loop
from licensechain_hooks._dispatch import Dispatch
from licensechain_hooks._loop import run_awaitable
from licensechain_hooks.testing import make_event

EVENT = make_event("license.revoked", event_id="evt_1")
NAME: ContextVar[str] = ContextVar("NAME", default="nobody")


class OpenTransaction:
    is_stale = False
    connection = "the connection"
    session = "the session"


@pytest.fixture
def dispatch(hooks):
    """The third attempt at an event."""
    return Dispatch(
        hooks=hooks, event=EVENT, endpoint="eu", raw_body=b"{}", received_at=1_772_366_400.0, attempt=3, time_limit=30.0
    )


def only(hooks):
    """The one handler of the event."""
    (handler,) = hooks.handlers_for(EVENT, endpoint="eu")
    return handler


@pytest.fixture
def host_loop():
    """An event loop that runs in a thread, as an asynchronous host's does."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_run(hooks, dispatch):
    """The handler gets the event and a context that tells the attempt; nobody gets a transaction by chance."""
    seen = []

    @hooks.on("*")
    def handler(event, context):
        seen.append((event, context.attempt, context.endpoint, context.received_at.isoformat(), context._transaction))

    assert dispatch.run_one(only(hooks)) == HandlerRun(only(hooks).name)
    assert seen == [(EVENT, 3, "eu", "2026-03-01T12:00:00+00:00", None)]


def test_a_transaction_is_handed_on(hooks, dispatch):
    """What an inbox opened for the handler is in its context, and in no other."""
    seen = []

    @hooks.on("*", transactional=True)
    def handler(event, context):
        seen.append((context.connection, context.session))

    assert dispatch.run_one(only(hooks), OpenTransaction()).error is None
    assert seen == [("the connection", "the session")]


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), asyncio.CancelledError(), GeneratorExit()])
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_whatever_is_raised_ends_in_the_run(hooks, dispatch, error, kind):
    """A handler cannot end the thread it runs in."""
    told = []
    hooks.on_error(lambda error, event, context: told.append((error, event, context.handler)))

    def fails(event):
        raise error

    async def fails_later(event):
        raise error

    hooks.on("*")(fails if kind == "def" else fails_later)
    run = dispatch.run_one(only(hooks))
    assert run == HandlerRun(only(hooks).name, error)
    assert told == [(error, EVENT, run.handler)]


def test_ctrl_c_goes_through(hooks, dispatch):
    """A true interruption is nobody's failure: in the main thread KeyboardInterrupt is the operator's."""

    @hooks.on("*")
    def handler(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dispatch.run_one(only(hooks))


def test_an_attempt_tells_nobody(hooks, dispatch, caplog):
    """Who has to roll back first reports the failure after that."""
    told = []
    hooks.on_error(lambda error, _event: told.append(error))
    error = ValueError("x")

    @hooks.on("*", transactional=True)
    def handler(event):
        raise error

    run = dispatch.attempt_one(only(hooks), OpenTransaction())
    assert (run.error, told, caplog.records) == (error, [], [])
    dispatch.report(only(hooks), run)
    assert told == [error]
    assert [record.msg.partition(" ")[0] for record in caplog.records] == ["handler.failed"]


def test_a_success_is_not_reported(hooks, dispatch, caplog):
    """There is nothing to tell of a handler that returned."""
    hooks.on_error(print)
    hooks.on("*")(lambda _event: None)
    with caplog.at_level("DEBUG", "licensechain_hooks"):
        dispatch.report(only(hooks), HandlerRun(only(hooks).name))
    assert caplog.records == []


@pytest.mark.parametrize("signal", [Retry(), Discard("no such seat")])
def test_signals_are_no_errors(hooks, dispatch, signal):
    """`Retry` and `Discard` say how to go on: they end in the run, and listeners of errors hear nothing."""
    told = []
    hooks.on_error(lambda error, _event: told.append(error))

    @hooks.on("*")
    def handler(event):
        raise signal

    assert dispatch.run_one(only(hooks)).error is signal
    assert told == []


def test_listeners_are_told(hooks, dispatch, caplog):
    """Each gets what is given, and a context of its own if it wants one; what one raises keeps none from the next."""
    told = []

    @hooks.on_dead
    def fails(event):
        raise ValueError

    @hooks.on_dead
    async def plain(event):
        told.append(event)

    @hooks.on_dead
    def with_context(event, context):
        told.append((event, context.handler.rpartition(".")[2], context.attempt))

    dispatch.tell(hooks.dead_listeners(), EVENT)
    assert told == [EVENT, (EVENT, "with_context", 3)]
    assert [record.message for record in caplog.records] == ["listener.failed"]


def test_a_late_coroutine_is_cancelled(hooks, dispatch):
    """A coroutine that runs longer than it may is cancelled, and can clean up; its run has failed."""
    seen = []

    @hooks.on("*")
    async def handler(event):
        try:
            await asyncio.sleep(30)
        finally:
            seen.append("cleaned up")

    dispatch.time_limit = 0.01
    error = dispatch.run_one(only(hooks)).error
    assert isinstance(error, HandlerTimeLimitError)
    assert isinstance(error, TimeoutError)
    assert seen == ["cleaned up"]


def test_a_handlers_own_time_out_is_its_own(hooks, dispatch):
    """A `TimeoutError` that the handler raises is not taken for the worker's."""

    @hooks.on("*")
    async def handler(event):
        async with asyncio.timeout(0):
            await asyncio.sleep(30)

    assert type(dispatch.run_one(only(hooks)).error) is TimeoutError


def test_a_coroutine_that_ends_all_the_same(hooks, dispatch):
    """Who is cancelled and returns nevertheless has done its work."""

    @hooks.on("*")
    async def handler(event):
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            return

    dispatch.time_limit = 0.01
    assert dispatch.run_one(only(hooks)).error is None


def test_coroutines_run_on_the_given_loop(hooks, dispatch, host_loop):
    """In an asynchronous host coroutines find the host's loop, and the caller's context variables."""
    seen = []

    @hooks.on("*")
    async def handler(event):
        seen.append((asyncio.get_running_loop(), NAME.get()))

    dispatch.loop = host_loop
    NAME.set("the worker")
    assert dispatch.run_one(only(hooks)).error is None
    assert seen == [(host_loop, "the worker")]


def test_a_loop_that_does_not_run_is_not_waited_for(hooks, dispatch):
    """Where the host's loop has ended, or never began, the private one takes over."""
    seen = []

    @hooks.on("*")
    async def handler(event):
        seen.append(asyncio.get_running_loop())

    loop = asyncio.new_event_loop()
    dispatch.loop = loop
    assert dispatch.run_one(only(hooks)).error is None
    loop.close()
    assert dispatch.run_one(only(hooks)).error is None
    assert [found is loop for found in seen] == [False, False]


def test_a_slow_coroutine_is_waited_for(hooks, dispatch, host_loop, monkeypatch):
    """However long it takes, as long as its loop lives."""
    monkeypatch.setattr(_loop, "_LOOK", 0.001)

    @hooks.on("*")
    async def handler(event):
        await asyncio.sleep(0.05)

    dispatch.loop = host_loop
    assert dispatch.run_one(only(hooks)).error is None


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_a_loop_that_is_closed_meanwhile():
    """Whoever waits for a coroutine is not left waiting when its loop is closed before it runs."""
    sent = threading.Event()

    class Loop(asyncio.SelectorEventLoop):
        def call_soon_threadsafe(self, *given, **options):
            handle = super().call_soon_threadsafe(*given, **options)
            sent.set()
            return handle

    async def never():
        pytest.fail("it cannot have run")

    errors = []

    def wait():
        try:
            run_awaitable(never(), loop)
        except RuntimeError as error:
            errors.append(str(error))

    def end():
        loop.stop()  # at the end of this turn: what is sent until then does not run
        waiting.start()
        sent.wait(10)

    loop, waiting = Loop(), threading.Thread(target=wait)
    loop.call_soon(end)
    loop.run_forever()
    loop.close()
    waiting.join(10)
    assert errors == ["the event loop was closed before the coroutine had run"]
