"""The durable inbox in Django's database.

Its tables are those of `models`, and come with ``manage.py migrate``.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import timedelta, timezone
from typing import Any, Literal, TypeVar

from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    Error,
    InterfaceError,
    InternalError,
    OperationalError,
    connections,
    reset_queries,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.connection import ConnectionDoesNotExist

from licensechain_hooks import ConfigurationError, StoreUnavailableError
from licensechain_hooks.contrib.django import _sqlite
from licensechain_hooks.contrib.django._host import close_old_connections, in_worker, worker_thread
from licensechain_hooks.inbox import Claim, LedgerRow, NewEntry, Recorded
from licensechain_hooks.inbox.database import (
    BUDGET,
    LONG,
    Cursor,
    DatabaseInbox,
    DeadlockError,
    OpenTransaction,
    is_deadlock,
    only_writer,
)

__all__ = ["DjangoInbox"]

_T = TypeVar("_T")
_DIALECTS: dict[str, Literal["sqlite", "postgresql", "mysql"]] = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "mysql": "mysql",
}
_UNAVAILABLE = (OperationalError, InterfaceError, InternalError)  # the database as a whole, and not one row
_NOT_MIGRATED = {
    *("42P01", "42703"),  # PostgreSQL's undefined_table and undefined_column
    *(1146, 1054),  # MySQL's
}


class DjangoInbox(DatabaseInbox):
    """An inbox in one of ``settings.DATABASES``: SQLite, PostgreSQL, MariaDB or MySQL 8.

    It uses the connections Django has for each thread, and commits by itself. A transactional handler runs inside of
    ``transaction.atomic(using=using)``: what it writes to this database by the ORM happens exactly once.

    Inside of somebody's ``atomic`` a delivery is not recorded, for nobody could promise that it will be committed; the
    one of a ``TestCase`` is the exception. Other methods take part in it.

    In a thread that serves no request a connection is kept as long as ``CONN_MAX_AGE`` says.

    Args:
        using: the alias of the database.
        retention, payload_retention, clock: see `DatabaseInbox`.

    Raises:
        ConfigurationError: no such database, or one of another kind.
    """

    def __init__(
        self,
        using: str = DEFAULT_DB_ALIAS,
        *,
        retention: timedelta | None = timedelta(days=35),
        payload_retention: timedelta | None = timedelta(days=30),
        clock: Callable[[], float] | None = None,
    ) -> None:
        super().__init__(
            _dialect_of(using),
            "pyformat",
            retention=retention,
            payload_retention=payload_retention,
            clock=clock,
        )
        self.using = using
        self._thread = _Thread()

    def __repr__(self) -> str:
        """The alias."""
        return f"DjangoInbox(using={self.using!r})"

    @contextmanager
    def handling(self) -> Iterator[None]:
        """Around handlers in a worker's thread: what Django does around a request."""
        reset_queries()
        close_old_connections()
        try:
            with worker_thread():
                yield
        finally:
            close_old_connections()

    def record_many(self, entries: Sequence[NewEntry]) -> list[Recorded]:
        """See `Inbox`.

        Raises:
            ConfigurationError: within somebody's ``transaction.atomic``.
        """
        if self._connection.in_atomic_block:
            self._refuse_to_promise()
        return super().record_many(entries)

    @contextmanager
    def transaction(self, claim: Claim, row: LedgerRow) -> Iterator[OpenTransaction]:
        """See `Inbox`."""
        try:
            with ExitStack() as stack:
                yield self._connected(lambda: stack.enter_context(super(DjangoInbox, self).transaction(claim, row)))
        except Error as error:
            raise _meaning(error, self._connection) from error

    @property
    def _connection(self) -> BaseDatabaseWrapper:
        """This thread's."""
        return connections[self.using]

    def _attempt(self, work: Callable[[Cursor], _T], *, atomic: bool, writes: bool = True) -> _T:
        if self._connection.in_atomic_block:
            return self._connected(lambda: self._attempt_once(work, atomic=True))
        with self._looked_after():
            if not writes or self._connection.vendor != "sqlite":
                return self._connected(lambda: self._attempt_once(work, atomic=atomic))
            with self._writer(BUDGET) as at_once:
                return self._connected(lambda: self._attempt_once(work, at_once, atomic=atomic))

    def _attempt_once(
        self,
        work: Callable[[Cursor], _T],
        manner: Callable[[], AbstractContextManager[None]] = nullcontext,
        *,
        atomic: bool,
    ) -> _T:
        if not atomic:
            self._require_autocommit()
        with manner(), self._atomic() if atomic else nullcontext(), self._cursor() as cursor:
            return work(cursor)

    @contextmanager
    def _writer(self, seconds: float) -> Iterator[Callable[[], AbstractContextManager[None]]]:
        """Be SQLite's writer in this process; gives how to wait for those of others."""
        with only_writer(self.using, seconds=seconds) as left:
            yield lambda: _sqlite.at_once(self._connection, seconds=left)

    @contextmanager
    def _transaction(self) -> Iterator[OpenTransaction]:
        connection = self._connection
        with ExitStack() as stack:
            stack.enter_context(self._looked_after())
            if connection.vendor == "sqlite" and not connection.in_atomic_block:
                at_once = stack.enter_context(self._writer(LONG))
                stack.enter_context(at_once())
            stack.enter_context(self._atomic())
            yield OpenTransaction(stack.enter_context(self._cursor()), connection)

    @contextmanager
    def _atomic(self) -> Iterator[None]:
        """A transaction, or a savepoint of one there is."""
        if not self._connection.in_atomic_block:
            self._require_autocommit()
        with transaction.atomic(using=self.using):
            yield

    def _cursor(self) -> Any:
        """A cursor that is none of those that keep every statement with its parameters, as they do under DEBUG."""
        connection = self._connection
        connection.ensure_connection()
        with connection.wrap_database_errors:
            cursor = connection.create_cursor()
        if connection.vendor == "postgresql" and not settings.USE_TZ:
            _keep_time_zones(cursor)
        return connection.make_cursor(cursor)

    def _connected(self, work: Callable[[], _T]) -> _T:
        """Do ``work``, and once more where the connection was dead."""
        connection = self._connection
        is_own, raw = not connection.in_atomic_block, connection.connection
        try:
            return work()
        except Error as error:
            if not is_own or not _was_dead(connection, raw):
                raise _meaning(error, connection) from error
        try:
            return work()
        except Error as error:
            raise _meaning(error, connection) from error

    @contextmanager
    def _looked_after(self) -> Iterator[None]:
        """Close a connection that nobody else would: Django looks after those of threads that serve requests."""
        connection = self._connection
        is_here = connection.connection is not None and connection.connection is not self._thread.connection
        if is_here or in_worker() or connection.in_atomic_block:
            yield
            return
        connection.close_if_unusable_or_obsolete()
        try:
            yield
        finally:
            connection.close_if_unusable_or_obsolete()
            self._thread.connection = connection.connection

    def _require_autocommit(self) -> None:
        if not self._connection.get_autocommit():
            msg = f"the inbox commits by itself, so AUTOCOMMIT of the database {self.using!r} has to be on"
            raise ConfigurationError(msg)

    def _refuse_to_promise(self) -> None:
        try:
            with transaction.atomic(using=self.using, durable=True):
                return  # of a TestCase
        except RuntimeError:
            msg = (
                "a delivery is received inside of transaction.atomic, so nobody can promise that it will be committed; "
                "if the project sets ATOMIC_REQUESTS, exempt this view by transaction.non_atomic_requests"
            )
            raise ConfigurationError(msg) from None


class _Thread(threading.local):
    """What an inbox knows of one thread: the driver's connection that it has opened there."""

    connection: object = None


def _dialect_of(using: str) -> Literal["sqlite", "postgresql", "mysql"]:
    try:
        vendor = connections[using].vendor
    except ConnectionDoesNotExist:
        vendor = "unknown"
    if vendor == "unknown":
        msg = (
            f"the inbox needs a database, and there is none that is called {using!r}: "
            "configure DATABASES, or set PROCESSING to 'inline'"
        )
        raise ConfigurationError(msg)
    try:
        return _DIALECTS[vendor]
    except KeyError:
        msg = f"an inbox can be in SQLite, PostgreSQL, MariaDB or MySQL, not in {vendor}"
        raise ConfigurationError(msg) from None


def _was_dead(connection: BaseDatabaseWrapper, raw: object) -> bool:
    """Whether the driver's connection was; then there is none any more, or a new one."""
    if raw is None:
        return False
    if connection.connection is raw and not connection.is_usable():
        connection.close()
    return connection.connection is not raw


def _cause(error: Error) -> Any:
    """The driver's own error."""
    return error.__cause__ or error


def _meaning(error: Error, connection: BaseDatabaseWrapper) -> Exception:
    """What an error of the database is for the inbox's caller."""
    cause = _cause(error)
    text = str(cause)
    if connection.vendor == "sqlite":
        is_not_migrated = text.startswith(("no such table: licensechain_hooks_", "no such column: "))
    else:
        code = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or next(iter(cause.args), None)
        is_not_migrated = code in _NOT_MIGRATED
    if is_not_migrated:
        msg = f"the database {connection.alias!r} lacks the inbox's tables, or has old ones: run `manage.py migrate`"
        return ConfigurationError(msg)
    if isinstance(error, _UNAVAILABLE):
        first_line = text.strip().partition("\n")[0]
        # Within somebody's transaction nothing can be tried again: MySQL has undone all of it.
        is_over = is_deadlock(cause) and not connection.in_atomic_block
        return (DeadlockError if is_over else StoreUnavailableError)(
            f"the inbox's database: {type(cause).__name__}: {first_line}"[:300]
        )
    return error


def _keep_time_zones(cursor: Any) -> None:
    """Without USE_TZ Django cuts the zone off, and one hour of a year is two."""
    if hasattr(cursor, "adapters"):
        from psycopg.types.datetime import TimestamptzLoader  # noqa: PLC0415 - the driver in use

        cursor.adapters.register_loader("timestamptz", TimestamptzLoader)
    else:  # of psycopg2
        cursor.tzinfo_factory = timezone
