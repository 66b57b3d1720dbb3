"""A psycopg connection that stops waiting for a server that has stopped answering: libpq would wait for ever."""

from __future__ import annotations

import time
from collections.abc import Generator
from math import inf
from typing import Any

import psycopg

__all__ = ["ImpatientConnection"]


class ImpatientConnection(psycopg.Connection[Any]):
    """A connection with a deadline.

    Attributes:
        deadline: in monotonic seconds; what waits beyond it raises, and the connection is of no use any more.
    """

    deadline = inf

    def wait(self, gen: Generator[Any, Any, Any], *given: Any, **options: Any) -> Any:
        """Wait for the server; psycopg looks up ten times a second."""
        return super().wait(gen if self.deadline == inf else self._in_time(gen), *given, **options)

    def _in_time(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > self.deadline:
                    msg = "the server has not answered in time"
                    raise psycopg.OperationalError(msg)
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value
