"""A handler's time limit in a thread.

Python can make another thread raise an exception, and that is how a handler that runs too long is stopped: at its next
Python instruction, not in the middle of a call that blocks. The exception must not come up anywhere else, least of all
in a commit; so it is sent only while the handler runs, under a lock, and taken back if it has not come up by its end.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from licensechain_hooks.exceptions import HandlerTimeLimitError

__all__ = ["TimeLimit"]

_T = TypeVar("_T")
_CAN_INTERRUPT = sys.implementation.name == "cpython"


class TimeLimit:
    """The time limit of whatever handler one thread runs.

    Args:
        seconds: how long a handler may run; ``None``: for ever.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._lock = threading.Lock()
        self._thread = 0
        self._deadline: float | None = None  # of the handler that runs now
        self._can_interrupt = False
        self._is_interrupted = False

    def run(self, call: Callable[[], _T], *, interrupt: bool) -> _T:
        """Run ``call`` in this thread, within the limit.

        Args:
            call: what to run.
            interrupt: whether it is interrupted after the limit, and not only known to be late.

        Raises:
            HandlerTimeLimitError: it was interrupted, and did not catch that itself.
        """
        if self.seconds is None:
            return call()
        try:
            self._begin(self.seconds, interrupt=interrupt)
            try:
                return call()
            finally:
                self._end()
        except HandlerTimeLimitError:
            self._end()  # it may have come up in the first one; it comes only once
            raise

    def check(self, now: float) -> float | None:
        """For another thread: interrupt a handler that is late.

        Args:
            now: monotonic seconds.

        Returns:
            By how many seconds it is late, negative before that; ``None`` where no handler runs.
        """
        with self._lock:
            if self._deadline is None:
                return None
            if now >= self._deadline and self._can_interrupt and not self._is_interrupted:
                self._is_interrupted = True
                _raise_in(self._thread, HandlerTimeLimitError)
            return now - self._deadline

    def _begin(self, seconds: float, *, interrupt: bool) -> None:
        with self._lock:
            self._thread = threading.get_ident()
            self._can_interrupt = interrupt and _CAN_INTERRUPT
            self._is_interrupted = False
            self._deadline = time.monotonic() + seconds

    def _end(self) -> None:
        with self._lock:
            self._deadline = None
            if self._is_interrupted:
                _raise_in(self._thread, None)


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Let a thread raise ``error`` at its next instruction; ``None`` takes back what it has not raised yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), None if error is None else ctypes.py_object(error)
    )
