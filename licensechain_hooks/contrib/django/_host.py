"""Django's border between threads and event loops, which asgiref guards.

Whatever touches the ORM has to stay in the thread of its request: there its database connection lives, there Django
closes it afterwards. So in a thread a coroutine runs through ``async_to_sync``, which brings its ORM calls back to that
thread, and on an event loop a plain function runs through ``sync_to_async``. A worker's thread hands coroutines to the
worker, which has an event loop for them; there their ORM calls share a thread and a connection for each run.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from inspect import isawaitable, iscoroutinefunction
from typing import Any

from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async
from django.db import connections

from licensechain_hooks import Handler

__all__ = [
    "call_from_anywhere",
    "close_old_connections",
    "hosted",
    "in_tests_thread",
    "in_worker",
    "on_event_loop",
    "run_in_thread",
    "tests_thread",
    "worker_thread",
]

_in_worker: ContextVar[bool] = ContextVar("licensechain_hooks_in_worker", default=False)


_tests_in_thread = 0  # how many tests want it


@contextmanager
def tests_thread() -> Iterator[None]:
    """Around a test: deliveries to asynchronous views are recorded in its thread, where its transaction is."""
    global _tests_in_thread  # noqa: PLW0603
    _tests_in_thread += 1
    try:
        yield
    finally:
        _tests_in_thread -= 1


def in_tests_thread() -> bool:
    """Whether that is wanted, and not a commit of several deliveries together, which has a thread of its own."""
    return _tests_in_thread > 0


@contextmanager
def worker_thread() -> Iterator[None]:
    """Around what a worker's thread runs."""
    token = _in_worker.set(True)
    try:
        yield
    finally:
        _in_worker.reset(token)


def in_worker() -> bool:
    """Whether a worker runs this."""
    return _in_worker.get()


def close_old_connections() -> None:
    """Close this thread's connections that are dead or have had their time, as Django does around a request.

    Not one with a transaction, as in a ``TestCase``, where Django's own function is not called either.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def run_in_thread(call: Callable[[], Any]) -> Awaitable[Any]:
    """Run ``call`` in the thread that Django keeps for this request."""
    return sync_to_async(call, thread_sensitive=True)()


def on_event_loop() -> bool:
    """Whether this thread is running an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def hosted(handler: Handler) -> Handler:
    """The handler, its function fit for either host."""
    return replace(handler, function=partial(_run, handler.function)) if handler.is_async else handler


def call_from_anywhere(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, sync or async, fit for either host; on an event loop the call has to be awaited."""
    if iscoroutinefunction(function) or iscoroutinefunction(getattr(function, "__call__", None)):  # noqa: B004
        return partial(_run, function)

    def call(*arguments: Any) -> Any:
        return run_in_thread(partial(_run, function, *arguments)) if on_event_loop() else _run(function, *arguments)

    return call


def _run(function: Callable[..., Any], *arguments: Any) -> Any:
    returned = function(*arguments)
    if not isawaitable(returned) or on_event_loop():
        return returned
    # In a transaction, as in a TestCase, its connection is the one that counts.
    return _wait(returned) if _in_transaction() or not in_worker() else _run_for_worker(returned)


def _in_transaction() -> bool:
    return any(connection.in_atomic_block for connection in connections.all(initialized_only=True))


def _wait(awaitable: Awaitable[Any]) -> Any:
    async def settle() -> Any:
        return await awaitable

    return async_to_sync(settle)()


async def _run_for_worker(awaitable: Awaitable[Any]) -> Any:
    """On the worker's event loop."""
    async with ThreadSensitiveContext():
        try:
            return await awaitable
        finally:
            await sync_to_async(close_old_connections)()
