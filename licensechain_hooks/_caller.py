"""Calls that may hang, made in a thread that nobody else has to wait for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

__all__ = ["Caller"]

_Todo = SimpleQueue[tuple["Future[Any]", Callable[[], Any]]]


class Caller:
    """One thread, which makes calls one after the other. It is begun when it is needed, and again after a fork."""

    def __init__(self) -> None:
        self._todo: _Todo = SimpleQueue()
        self._pid = 0

    def call(self, function: Callable[[], Any], *, seconds: float) -> Any:
        """What ``function`` returns, or raises.

        Raises:
            TimeoutError: it has not ended within so many seconds; it may go on, and later calls wait for it.
        """
        if self._pid != os.getpid():
            self._begin()  # where two come at once there may be two threads, one of which has nothing to do
        future: Future[Any] = Future()
        self._todo.put((future, function))
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise

    def _begin(self) -> None:
        todo: _Todo = SimpleQueue()
        threading.Thread(target=_make_calls, args=(todo,), name="licensechain_hooks.caller", daemon=True).start()
        self._todo, self._pid = todo, os.getpid()


def _make_calls(todo: _Todo) -> None:
    while True:
        future, function = todo.get()
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(function())
        except BaseException as error:  # noqa: BLE001 - it is whoever waits for the result
            future.set_exception(error)
        del future, function  # not kept until the next one comes
