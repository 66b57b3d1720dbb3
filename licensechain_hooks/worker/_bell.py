"""What wakes the one thread that waits for it. It rings once for all who rang since, and may be rung anywhere."""

import threading
from contextlib import suppress

__all__ = ["Bell"]


class Bell:
    """An event that is cleared by waiting for it: safe in a signal handler, and cheap where it has rung already."""

    def __init__(self) -> None:
        self._silent = threading.Lock()
        self._silent.acquire()

    def ring(self) -> None:
        """Wake who waits, or who will wait next."""
        if self._silent.locked():
            with suppress(RuntimeError):  # somebody else rang in between
                self._silent.release()

    def wait(self, seconds: float) -> None:
        """Wait until it has rung since the last time, or for so long."""
        self._silent.acquire(timeout=seconds)
