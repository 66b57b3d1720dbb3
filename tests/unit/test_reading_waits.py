"""Bodies that an asynchronous host has to wait for: what was started is gone on with, ended, and cleaned up after."""

import asyncio
import contextvars
from datetime import timedelta

import pytest

from licensechain_hooks import BodyTooLargeError, HookRequest, IncompleteBodyError, ReadTimeoutError
from licensechain_hooks._reading import aread_body

current = contextvars.ContextVar("current", default="nobody's")


def soon(seconds: float = 0.001) -> asyncio.Future[None]:
    """A future that is done a little later."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_later(seconds, future.set_result, None)
    return future


async def read(body, *, max_body: int = 100, declared: int | None = None, deadline: float = 10) -> bytes:
    return await aread_body(HookRequest(body, {}), max_body, declared, timedelta(seconds=deadline))


@pytest.mark.parametrize("waits", ["", "w", "ww", "a", "aw", "wa", "waw", "awwa", "awawaw", "wwwaaawww"])
async def test_any_order_of_waiting_and_arriving(waits):
    """Whether and where the body makes us wait does not matter."""

    async def body():
        for step in waits:
            if step == "w":
                await soon()
            else:
                yield b"a"

    assert await read(body()) == b"a" * waits.count("a")


@pytest.mark.parametrize(
    "wait", [lambda: asyncio.sleep(0), soon, lambda: asyncio.to_thread(int), lambda: asyncio.gather(soon())]
)
async def test_any_kind_of_waiting(wait):
    """A bare suspension, a future, a thread, a group: each is waited for, and its result arrives where it is awaited."""
    results = []

    async def body():
        results.append(await wait())
        yield b"a"
        results.append(await wait())
        yield b"b"

    assert await read(body()) == b"ab"
    assert len(results) == 2
    assert results[0] == results[1]


async def test_limits_hold_while_waiting():
    """Too much and too little are noticed after a wait as before it."""

    async def body():
        await soon()
        yield b"a" * 60
        await soon()
        yield b"a" * 60

    with pytest.raises(BodyTooLargeError):
        await read(body())
    with pytest.raises(IncompleteBodyError, match="says 150"):
        await read(body(), max_body=200, declared=150)


@pytest.mark.parametrize("error", [ConnectionResetError, RuntimeError, StopAsyncIteration])
async def test_errors_after_a_wait(error):
    """What the body raises after a wait breaks it off."""

    async def body():
        await soon()
        yield b"a"
        await soon()
        raise error

    with pytest.raises(IncompleteBodyError):
        await read(body())


@pytest.mark.parametrize("before", [b"", b"a"])
async def test_the_deadline_cleans_up(before):
    """Where time is up the body's own clean-up runs, though it has to wait itself."""
    steps = []

    async def body():
        try:
            if before:
                yield before
            await asyncio.Event().wait()
        finally:
            steps.append("began")
            await soon()
            steps.append("ended")

    with pytest.raises(ReadTimeoutError):
        await read(body(), deadline=0.01)
    assert steps == ["began", "ended"]


async def test_a_host_that_cancels():
    """A cancellation while the body is waited for goes through, after the body's own clean-up."""
    waiting, steps = asyncio.Event(), []

    async def body():
        yield b"a"
        try:
            waiting.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned")

    task = asyncio.create_task(read(body()))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["cleaned"]


async def test_a_host_s_own_deadline():
    """An outer deadline that ends first is the host's: it is no ReadTimeoutError."""

    async def body():
        await asyncio.Event().wait()
        yield b""

    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.01):
            await read(body())
    assert not isinstance(caught.value, ReadTimeoutError)


async def test_a_body_runs_in_the_task_of_its_request():
    """The body is read by the host's own task, with its context variables, from its first byte to its last."""
    seen = []

    async def body():
        for _ in range(3):
            seen.append((asyncio.current_task(), current.get()))
            await soon()
            yield b"a"

    current.set("ada")
    assert await read(body()) == b"aaa"
    assert seen == [(asyncio.current_task(), "ada")] * 3


async def test_many_bodies_at_once():
    """Bodies that are waited for at the same time do not mix."""

    async def body(number):
        for _ in range(5):
            await soon(0.0005 * (number % 3 + 1))
            yield bytes([number])

    bodies = await asyncio.gather(*(read(body(number)) for number in range(20)))
    assert bodies == [bytes([number]) * 5 for number in range(20)]
