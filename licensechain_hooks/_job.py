"""A call that runs in a thread while an event loop waits for it, and that the loop may stop waiting for."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Job"]

_T = TypeVar("_T")


class Job(Generic[_T]):
    """Run ``call`` in a thread: a thread cannot be cancelled, so whoever cancels must know what became of it."""

    def __init__(self, call: Callable[[], _T]) -> None:
        self.result: _T | None = None
        self._call = call
        self._lock = threading.Lock()
        self._state = "waiting"
        self._afterwards: Callable[[_T | None], object] | None = None

    def __call__(self) -> _T | None:
        """For the thread: run the call, unless it was left before."""
        with self._lock:
            if self._state == "left":
                return None
            self._state = "running"
        try:
            self.result = self._call()
        finally:
            with self._lock:
                self._state = "done"
            if self._afterwards is not None:
                self._afterwards(self.result)
        return self.result

    def leave(self, afterwards: Callable[[_T | None], object]) -> bool:
        """For the loop: stop waiting.

        Args:
            afterwards: called in the thread with the result, ``None`` where the call raised.

        Returns:
            Whether it will be. Not so where the call has ended, and where it never will begin.
        """
        with self._lock:
            if self._state == "running":
                self._afterwards = afterwards
                return True
            if self._state == "waiting":
                self._state = "left"
            return False
