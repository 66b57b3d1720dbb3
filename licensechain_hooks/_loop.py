"""One private event loop, so that a synchronous host can run coroutines."""

import os
import threading
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from licensechain_hooks.exceptions import HandlerTimeLimitError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from concurrent.futures import Future

__all__ = ["run_awaitable"]

_T = TypeVar("_T")

_LOOK = 1.0  # seconds between two looks at whether a loop still lives

_lock = threading.Lock()
_loop: "AbstractEventLoop | None" = None
_loop_pid = 0


def run_awaitable(
    awaitable: Awaitable[_T], loop: "AbstractEventLoop | None" = None, timeout: float | None = None
) -> _T:
    """Wait for ``awaitable`` on an event loop of another thread, with the caller's context variables.

    Args:
        awaitable: what to wait for.
        loop: where it runs, as long as that loop runs itself. By default the private loop, which all coroutines of a
            synchronous host share, so that they may share asynchronous clients.
        timeout: seconds after which it is cancelled.

    Raises:
        HandlerTimeLimitError: it was cancelled after ``timeout``.
    """
    import asyncio  # noqa: PLC0415 - nobody without coroutines pays for it

    async def settle() -> tuple[_T | None, BaseException | None]:
        limit = asyncio.timeout(timeout)
        try:
            async with limit:
                return await awaitable, None
        except BaseException as error:  # noqa: BLE001 - SystemExit, raised out of a task, would end the loop for all
            return None, HandlerTimeLimitError() if isinstance(error, TimeoutError) and limit.expired() else error

    where = loop if loop is not None and loop.is_running() else _private_loop()
    result, error = _wait(asyncio.run_coroutine_threadsafe(settle(), where), where)
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def _wait(future: "Future[_T]", loop: "AbstractEventLoop") -> _T:
    """The result; an error once the loop is closed, for then there will be none."""
    while True:
        try:
            return future.result(_LOOK)
        except TimeoutError:
            if loop.is_closed() and not future.done():
                msg = "the event loop was closed before the coroutine had run"
                raise RuntimeError(msg) from None


def _private_loop() -> "AbstractEventLoop":
    import asyncio  # noqa: PLC0415

    global _loop, _loop_pid  # noqa: PLW0603
    with _lock:
        if _loop is None or _loop_pid != os.getpid():  # threads do not survive a fork
            _loop = asyncio.new_event_loop()
            _loop_pid = os.getpid()
            threading.Thread(target=_loop.run_forever, name="licensechain_hooks.loop", daemon=True).start()
        return _loop


def _forget_lock() -> None:
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()  # another thread may have held it at the fork


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)
