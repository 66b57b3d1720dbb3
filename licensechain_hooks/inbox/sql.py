"""An inbox in a SQL database, reached through SQLAlchemy: SQLite, PostgreSQL, MariaDB and MySQL 8."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from math import inf
from typing import Any, TypeVar

try:
    import sqlalchemy
    from sqlalchemy import event, exc
    from sqlalchemy.engine import URL, Connection, Engine
except ImportError as error:
    msg = "this module needs SQLAlchemy: pip install 'licensechain-hooks[sql]'"
    raise ImportError(msg) from error

from licensechain_hooks._entries import NewEntry, Recorded
from licensechain_hooks.exceptions import ConfigurationError, LicenseChainHooksError, StoreUnavailableError
from licensechain_hooks.inbox._engines import dialect_of, make_durable, make_engine
from licensechain_hooks.inbox._only_writer import BUDGET, LONG, only_writer
from licensechain_hooks.inbox._sql import VERSION, VERSION_TABLE, ParameterStyle
from licensechain_hooks.inbox.database import Cursor, DatabaseInbox, DeadlockError, OpenTransaction, is_deadlock

__all__ = ["SqlInbox"]

_T = TypeVar("_T")
_STYLES: dict[str, ParameterStyle] = {"pysqlite": "named", "psycopg": "psycopg"}  # by driver
_NOTICED = 0.05  # seconds less to wait for SQLite's lock that are worth a statement
_LOCK_ID = 7_301_455_021  # an arbitrary number: PostgreSQL's advisory lock for migrations


class SqlInbox(DatabaseInbox):
    """An inbox in a database of its own or beside the application's tables.

    In SQLite the tables are created at first use; elsewhere call `create_schema` once. A SQLite file is put into
    write-ahead mode, and every commit is on the disk before the sender is answered (``synchronous=FULL``).

    Args:
        url_or_engine: such as ``"sqlite:///inbox.db"``, ``"postgresql+psycopg://user:password@host/database"``,
            ``"mariadb+pymysql://…"``; or an engine, for transactional handlers that write to the application's tables.
        retention, payload_retention, clock: see `DatabaseInbox`.

    Raises:
        ConfigurationError: no such database, or one in memory, which would forget what a 200 has promised.
    """

    def __init__(
        self,
        url_or_engine: str | URL | Engine,
        *,
        retention: timedelta | None = timedelta(days=35),
        payload_retention: timedelta | None = timedelta(days=30),
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._is_own = not isinstance(url_or_engine, Engine)
        self._engine = url_or_engine if isinstance(url_or_engine, Engine) else make_engine(url_or_engine)
        dialect = dialect_of(self._engine)
        super().__init__(
            dialect,
            _STYLES.get(self._engine.driver, "pyformat"),
            retention=retention,
            payload_retention=payload_retention,
            clock=clock,
        )
        if dialect == "sqlite":
            event.listen(self._engine, "connect", make_durable)
        self._name = os.path.realpath(self._engine.url.database or "")  # of SQLite's file
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._errors: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        self._pid = os.getpid()
        self._recording = _Recording()
        self._kept: list[Connection] = []
        self._schema_checked = False

    def __repr__(self) -> str:
        """The database without its password."""
        return f"SqlInbox({self._engine.url!r})"

    @property
    def engine(self) -> Engine:
        """The engine."""
        self._stay_in_process()
        return self._engine

    def close(self) -> None:
        """Close the connections that nobody uses right now. The inbox stays usable."""
        self._stay_in_process()
        with suppress(IndexError):
            while True:
                self._kept.pop().close()
        self._engine.dispose()

    # The schema

    def create_schema(self) -> tuple[int, int]:
        """Create the tables, or bring them up to this version.

        Returns:
            The schema's version before (0: there was none) and now.

        Raises:
            ConfigurationError: the schema is of a newer version than this package.
            StoreUnavailableError: the database cannot be reached.
        """
        try:
            with self.engine.connect() as connection, connection.begin():
                self._hold_others_back(connection)
                before = _version(connection)
                if before < VERSION:
                    self._migrate(connection, before)
        except exc.SQLAlchemyError as error:
            raise _unavailable(error) from error
        self._schema_checked = True
        return before, VERSION

    def schema_sql(self) -> str:
        """The schema as a script, for people who create tables by themselves."""
        from licensechain_hooks.inbox._schema import schema_sql  # noqa: PLC0415 - it loads every dialect

        return schema_sql(self._engine.dialect)

    def _migrate(self, connection: Connection, version: int) -> None:
        from licensechain_hooks.inbox._schema import migrations  # noqa: PLC0415

        for number, statements in migrations(self._engine.dialect, version=version):
            for statement in statements:
                connection.exec_driver_sql(statement)
            _write_version(connection, number)

    def _hold_others_back(self, connection: Connection) -> None:
        """Let only one process migrate at a time."""
        if self._dialect == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif self._dialect == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK_ID})")
        else:
            connection.exec_driver_sql(f"SELECT GET_LOCK('{VERSION_TABLE}', {LONG})")

    def _check_schema(self) -> None:
        if self._dialect == "sqlite":
            self.create_schema()
            return
        try:
            with self.engine.connect() as connection:
                found = _version(connection, create=False)
        except exc.SQLAlchemyError as error:
            raise _unavailable(error) from error
        if found < VERSION:
            msg = (
                f"the inbox's tables are of version {found}, this package needs {VERSION} (0: there are none); run "
                "`licensechain-hooks inbox migrate` or call create_schema() once"
            )
            raise ConfigurationError(msg)
        self._schema_checked = True

    # Reaching the database

    def record_many(self, entries: Sequence[NewEntry]) -> list[Recorded]:
        """See `Inbox`; within the budget, also where PostgreSQL hangs."""
        # A little later than the server's own limits, whose errors say more.
        self._recording.deadline = time.monotonic() + BUDGET * 1.1
        try:
            return super().record_many(entries)
        finally:
            self._recording.deadline = inf

    def _attempt(self, work: Callable[[Cursor], _T], *, atomic: bool, writes: bool = True) -> _T:
        if not self._schema_checked:
            self._check_schema()
        if self._dialect != "sqlite" or not writes:
            return self._attempt_connected(work, atomic=atomic)
        with only_writer(self._name, seconds=BUDGET) as left:
            return self._attempt_connected(work, atomic=atomic, patience=left)

    def _attempt_connected(self, work: Callable[[Cursor], _T], *, atomic: bool, patience: float = BUDGET) -> _T:
        """Once more where the pool's connection was dead."""
        try:
            return self._attempt_once(work, atomic=atomic, patience=patience)
        except _DisconnectedError:
            self.close()  # the other connections are dead, too
        try:
            return self._attempt_once(work, atomic=atomic, patience=patience)
        except _DisconnectedError as error:
            raise _unavailable(error.cause) from error.cause

    def _attempt_once(self, work: Callable[[Cursor], _T], *, atomic: bool, patience: float) -> _T:
        connection = self._take()
        driver: Any = connection.connection
        if isinstance(getattr(driver.dbapi_connection, "deadline", None), float):
            driver.dbapi_connection.deadline = self._recording.deadline
        cursor = driver.cursor()
        is_late = patience < BUDGET - _NOTICED
        try:
            if is_late:  # it has waited for this process's other writers: one budget for both
                cursor.execute(f"PRAGMA busy_timeout={round(patience * 1000)}")
            if atomic:
                cursor.execute("BEGIN IMMEDIATE" if self._dialect == "sqlite" else "BEGIN")
            result = work(cursor)
            if atomic:
                cursor.execute("COMMIT")
            if is_late:
                cursor.execute(f"PRAGMA busy_timeout={BUDGET * 1000}")
        except BaseException as error:
            self._give_up(connection, driver, cursor, error)
            raise
        cursor.close()
        self._give_back(connection)
        return result

    def _take(self) -> Connection:
        """A connection in autocommit mode.

        Those of an engine of the inbox's own are kept: the pool's resetting costs as much as the work.
        """
        self._stay_in_process()
        try:
            return self._kept.pop()
        except IndexError:
            pass
        try:
            return self._autocommit.connect()
        except exc.SQLAlchemyError as error:
            raise _unavailable(error) from error

    def _give_back(self, connection: Connection) -> None:
        if self._is_own:
            self._kept.append(connection)
        else:
            connection.close()

    def _give_up(self, connection: Connection, driver: Any, cursor: Any, error: BaseException) -> None:
        """Let nothing of a failed piece of work stay; raise what its error means, where it means something."""
        dead = isinstance(error, self._errors) and self._engine.dialect.is_disconnect(
            error,  # type: ignore[arg-type]
            driver,
            cursor,
        )
        if not dead:
            with suppress(self._errors):
                cursor.execute("ROLLBACK")
        connection.invalidate()  # whatever state it is in, nobody shall inherit it
        connection.close()
        if dead:
            raise _DisconnectedError(error) from error
        if _is_operational(error, self._engine):
            raise _unavailable(error) from error

    @contextmanager
    def _transaction(self) -> Iterator[OpenTransaction]:
        turn = only_writer(self._name, seconds=LONG) if self._dialect == "sqlite" else nullcontext()
        try:
            with turn, self._open() as transaction:
                yield transaction
        except (exc.SQLAlchemyError, self._errors) as error:
            cause = error.orig if isinstance(error, exc.DBAPIError) else error
            if isinstance(error, exc.TimeoutError) or (cause is not None and _is_operational(cause, self._engine)):
                raise _unavailable(error) from error
            raise

    @contextmanager
    def _open(self) -> Iterator[OpenTransaction]:
        from sqlalchemy import orm  # noqa: PLC0415 - slow to import, and only transactional handlers need it

        with self.engine.connect() as connection, connection.begin():
            if self._dialect == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            driver: Any = connection.connection
            with orm.Session(connection, join_transaction_mode="create_savepoint") as session:
                yield OpenTransaction(driver.cursor(), connection, session)
                session.commit()  # what a handler has only told its session

    def _stay_in_process(self) -> None:
        """Leave what belongs to the process that this one was forked from."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._inherited, self._kept = self._kept, []  # never closed: the other process uses them
            self._engine.dispose(close=False)


class _Recording(threading.local):
    """Until when what a thread records has to be stored, in monotonic seconds."""

    deadline = inf


class _DisconnectedError(Exception):
    """It never leaves this module."""

    def __init__(self, cause: BaseException) -> None:
        self.cause = cause


def _version(connection: Connection, *, create: bool = True) -> int:
    if not sqlalchemy.inspect(connection).has_table(VERSION_TABLE):
        if create:
            connection.exec_driver_sql(f"CREATE TABLE {VERSION_TABLE} (version INTEGER NOT NULL)")
        return 0
    found = connection.exec_driver_sql(f"SELECT version FROM {VERSION_TABLE}").scalar_one()
    if found > VERSION:
        msg = f"the inbox's tables are of version {found}, and this package knows {VERSION}: upgrade licensechain-hooks"
        raise ConfigurationError(msg)
    return int(found)


def _write_version(connection: Connection, number: int) -> None:
    connection.exec_driver_sql(f"DELETE FROM {VERSION_TABLE}")
    connection.exec_driver_sql(f"INSERT INTO {VERSION_TABLE} (version) VALUES ({number:d})")


def _is_operational(error: BaseException, engine: Engine) -> bool:
    """Whether the database as a whole has a problem, and not one row."""
    operational: Any = engine.dialect.loaded_dbapi
    kinds = (operational.OperationalError, operational.InterfaceError, operational.InternalError)
    return isinstance(error, kinds) and not isinstance(error, LicenseChainHooksError)


def _unavailable(error: BaseException) -> StoreUnavailableError:
    cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
    text = str(cause).strip().splitlines()
    kind = DeadlockError if is_deadlock(cause) else StoreUnavailableError
    return kind(f"the inbox's database: {type(cause).__name__}: {text[0] if text else ''}"[:300])
