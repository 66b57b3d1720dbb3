"""What SQLite needs for a transaction of the inbox's, whatever the project's settings are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["at_once"]

_FULL = 2


@contextmanager
def at_once(connection: BaseDatabaseWrapper, *, seconds: float) -> Iterator[None]:
    """Around one ``atomic``: it begins as a writer, waits so long to be one, and its commit is on the disk.

    A transaction that begins as a reader fails at once when it writes after somebody else has
    (https://www.sqlite.org/lang_transaction.html).

    Args:
        connection: outside of a transaction.
        seconds: how long to wait for another process that writes.
    """
    connection.ensure_connection()
    wrapper: Any = connection
    raw = wrapper.connection
    mode, wrapper.transaction_mode = wrapper.transaction_mode, "IMMEDIATE"
    changed = [
        _change(raw, "busy_timeout", round(seconds * 1000)),
        _change(raw, "synchronous", max(_FULL, _value(raw, "synchronous"))),
    ]
    try:
        yield
    finally:
        wrapper.transaction_mode = mode
        if wrapper.connection is raw:
            for name, value in changed:
                _change(raw, name, value)


def _change(raw: Any, name: str, value: int) -> tuple[str, int]:
    """Set a pragma of the connection's; gives the value it had."""
    before = _value(raw, name)
    if value != before:
        raw.execute(f"PRAGMA {name} = {value}").close()
    return name, before


def _value(raw: Any, name: str) -> int:
    ((value,),) = raw.execute(f"PRAGMA {name}")
    return int(value)
