"""One private event loop, so that a synchronous host can run coroutines."""

import os
import threading
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["run_awaitable"]

_T = TypeVar("_T")

_lock = threading.Lock()
_loop: "AbstractEventLoop | None" = None
_loop_pid = 0


def run_awaitable(awaitable: Awaitable[_T]) -> _T:
    """Wait for ``awaitable`` on the private loop, with the caller's context variables.

    All coroutines share that loop and its thread, so they may share asynchronous clients.
    """
    import asyncio  # noqa: PLC0415 - nobody without coroutines pays for it

    async def settle() -> tuple[_T | None, BaseException | None]:
        try:
            return await awaitable, None
        except BaseException as error:  # noqa: BLE001 - SystemExit, raised out of a task, would end the loop for all
            return None, error

    result, error = asyncio.run_coroutine_threadsafe(settle(), _private_loop()).result()
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


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
