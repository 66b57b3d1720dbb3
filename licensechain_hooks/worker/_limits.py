"""A handler's time limit in a thread.

Python can make another thread raise an exception, and that is how a handler that runs too long is stopped: at its next
Python instruction, not in the middle of a call that blocks. The exception must not come up anywhere else, least of all
in a commit; so it is sent only while the handler runs, and waited for if it has not come up by its end.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from licensechain_hooks.exceptions import HandlerTimeLimitError

__all__ = ["TimeLimit", "can_interrupt"]

_T = TypeVar("_T")
_INSTRUCTIONS = 100  # after each turn of a loop a thread looks whether there is something to raise


def can_interrupt() -> bool:
    """Whether a thread can be made to raise an exception here.

    CPython only; and not under a debugger or a measurement of coverage on Python 3.11, where all traced threads would
    hang until the exception has come up, for ever if one of them is what the interrupted one waits for.
    """
    is_cpython = sys.implementation.name == "cpython"
    return is_cpython and (sys.version_info >= (3, 12) or sys.gettrace() is None)


class _Run:
    """One call under a time limit."""

    __slots__ = ("can_interrupt", "deadline", "is_said", "right")

    def __init__(self, deadline: float, *, can_interrupt: bool) -> None:
        self.deadline = deadline
        self.can_interrupt = can_interrupt
        self.right = [True]  # whoever pops it says how the call ends; not a lock: an exception might leave it held
        self.is_said = False

    def takes_right(self) -> bool:
        """Whether this thread is the one that may say."""
        try:
            return self.right.pop()
        except IndexError:
            return False


class TimeLimit:
    """The time limit of whatever handler one thread runs.

    Args:
        seconds: how long a handler may run; ``None``: for ever.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._thread = 0
        self._run: _Run | None = None

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
        self._thread = threading.get_ident()
        run = _Run(time.monotonic() + self.seconds, can_interrupt=interrupt and can_interrupt())
        try:
            self._run = run
            try:
                return call()
            finally:
                self._end(run)
        except HandlerTimeLimitError:
            self._end(run)  # it may have come up in the first one; it comes only once
            raise

    def check(self, now: float) -> float | None:
        """For another thread: interrupt a handler that is late.

        Args:
            now: monotonic seconds.

        Returns:
            By how many seconds it is late, negative before that; ``None`` where no handler runs.
        """
        run = self._run
        if run is None:
            return None
        if now >= run.deadline and run.can_interrupt and run.takes_right():
            _raise_in(self._thread, HandlerTimeLimitError)
            run.is_said = True
        return now - run.deadline

    def _end(self, run: _Run) -> None:
        """Nothing is sent after this; may be called again where what was sent came up in it."""
        self._run = None
        if run.takes_right():
            run.is_said = True
            return
        while not run.is_said:
            time.sleep(0)
        for _ in range(_INSTRUCTIONS):  # if it has not come up yet, it does here
            pass


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Let a thread raise ``error`` at its next instruction.

    To take it back is possible too, but CPython 3.11 then forgets to lower the flag that makes threads look for it,
    which slows all of them down, and hangs those that are traced.
    """
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))
