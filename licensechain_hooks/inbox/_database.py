"""What every part of a database inbox stands on: how work reaches the database, and times.

A subclass says how a connection is had.
"""

from __future__ import annotations

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from licensechain_hooks.exceptions import ConfigurationError, StoreUnavailableError
from licensechain_hooks.inbox._sql import Dialect, ParameterStyle
from licensechain_hooks.inbox._statements import Statements

__all__ = ["Cursor", "Database", "DeadlockError", "OpenTransaction", "is_deadlock", "rows_of"]

_T = TypeVar("_T")
_FIRST = datetime(1, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
_DEADLOCKS = {"40P01", 1213}  # PostgreSQL's SQLSTATE, MySQL's number
_TRIES = 4
_PAUSE = 0.05  # seconds at most, so that those who were in each other's way do not meet again


class DeadlockError(StoreUnavailableError):
    """The database has ended a transaction that others waited for crosswise; nothing of it has happened."""


class Cursor(Protocol):
    """What the inbox needs of a cursor of the Python Database API (PEP 249)."""

    @property
    def rowcount(self) -> int: ...

    @property
    def lastrowid(self) -> int | None: ...

    def execute(self, statement: str, parameters: Any, /) -> Any: ...

    def fetchall(self) -> Any: ...


@dataclass(slots=True)
class OpenTransaction:
    """A database transaction; see `Transaction`.

    Attributes:
        cursor: in it, for the inbox's own statements.
    """

    cursor: Cursor
    connection: Any = None
    session: Any = None
    is_stale: bool = False


class Database(ABC):
    """The ways to the database; for the arguments see `DatabaseInbox`."""

    def __init__(
        self,
        dialect: Dialect,
        style: ParameterStyle,
        *,
        retention: timedelta | None,
        payload_retention: timedelta | None,
        clock: Callable[[], float] | None,
    ) -> None:
        if retention is not None and payload_retention is not None and payload_retention > retention:
            msg = "payload_retention is longer than retention: a payload is deleted with its entry at the latest"
            raise ConfigurationError(msg)
        self.retention = retention
        self.payload_retention = payload_retention
        self._dialect: Dialect = dialect
        self._style: ParameterStyle = style
        self._use_clock(time.time if clock is None and dialect == "sqlite" else clock)

    def _use_clock(self, clock: Callable[[], float] | None) -> None:
        """Tell the time by ``clock``, by the database's own where it is ``None``; also for tests that freeze it."""
        self._clock = clock
        self._sql = Statements(self._dialect, self._style, database_clock=clock is None)

    @abstractmethod
    def _attempt(self, work: Callable[[Cursor], _T], *, atomic: bool, writes: bool = True) -> _T:
        """Do ``work`` and commit it, as one transaction where ``atomic``, else statement by statement.

        On SQLite what ``writes`` waits in line, so that a process never has two writers.

        It may be done a second time, on a new connection where the old one was dead.

        Raises:
            DeadlockError: another transaction was in the way, and this one is undone.
            StoreUnavailableError: the database cannot be reached, is locked, is full.
        """

    def _run(self, work: Callable[[Cursor], _T], *, atomic: bool, writes: bool = True) -> _T:
        """The same, a few times where another transaction is in the way."""
        for _ in range(_TRIES - 1):
            with suppress(DeadlockError):
                return self._attempt(work, atomic=atomic, writes=writes)
            time.sleep(random.uniform(0, _PAUSE))  # noqa: S311 - nothing secret
        return self._attempt(work, atomic=atomic, writes=writes)

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[OpenTransaction]:
        """A transaction that commits at the end and rolls back when the body raises."""

    def _read(self, statement: str, parameters: Mapping[str, Any]) -> Any:
        """The rows that a statement gives which changes nothing."""
        return self._run(lambda cursor: rows_of(cursor, statement, parameters), atomic=False, writes=False)

    @property
    def many_writers(self) -> bool:
        """See `Inbox`."""
        return self._dialect != "sqlite"

    def handling(self) -> AbstractContextManager[None]:
        """See `Inbox`."""
        return nullcontext()

    # Times

    def _times(self, **durations: timedelta) -> dict[str, Any]:
        """The parameters of a statement's times: seconds where the database knows the time, else points in time."""
        if self._clock is None:
            return {name: duration.total_seconds() for name, duration in durations.items()}
        now = datetime.fromtimestamp(self._clock(), UTC)
        return {"now": self._encode(now)} | {name: self._encode(now + each) for name, each in durations.items()}

    def _encode(self, moment: datetime) -> Any:
        try:
            in_utc = moment.astimezone(UTC)
        except OverflowError:  # of an offset at the edge of the calendar
            in_utc = _FIRST if moment.year == 1 else _LAST
        if self._dialect == "postgresql":
            return in_utc
        if self._dialect == "mysql":
            return in_utc.replace(tzinfo=None)
        return in_utc.isoformat(" ", "microseconds").removesuffix("+00:00")

    def _decode(self, value: Any) -> datetime:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        return datetime.combine(moment, moment.time(), UTC)  # three times as fast as replace(tzinfo=UTC)

    def _decode_or_none(self, value: Any) -> datetime | None:
        return None if value is None else self._decode(value)


def is_deadlock(error: BaseException) -> bool:
    """Whether a driver's error says that the database has chosen this transaction to break a deadlock."""
    return bool(_DEADLOCKS & {getattr(error, "sqlstate", None), *error.args[:1]})


def rows_of(cursor: Cursor, statement: str, parameters: Mapping[str, Any]) -> Any:
    """What a statement gives."""
    cursor.execute(statement, parameters)
    return cursor.fetchall()
