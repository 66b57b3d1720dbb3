"""SQLite has one writer: threads of this process wait in line instead of trying again and again."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from licensechain_hooks.exceptions import StoreUnavailableError

__all__ = ["BUDGET", "LONG", "only_writer"]

BUDGET = 2
"""Seconds that a commit of the inbox's own may take, waiting included."""
LONG = 60
"""Seconds that a handler's transaction may wait to be the writer."""

_writing: dict[str, threading.Lock] = {}  # by database
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_writing.clear)  # another thread may have held one


@contextmanager
def only_writer(database: str, *, seconds: float) -> Iterator[float]:
    """Be this process's only writer.

    Args:
        database: its name or file.
        seconds: how long to wait for other threads.

    Returns:
        How many of the seconds are left, to wait for other processes.

    Raises:
        StoreUnavailableError: others have been writing for as long.
    """
    writing = _writing.setdefault(database, threading.Lock())
    end = time.monotonic() + seconds
    if not writing.acquire(timeout=seconds):
        msg = "another thread has been writing to the inbox for too long; is a transactional handler slow?"
        raise StoreUnavailableError(msg)
    try:
        yield max(0.0, end - time.monotonic())
    finally:
        writing.release()
