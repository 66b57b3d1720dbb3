"""Engines for `SqlInbox`: which databases it can be in, and what their connections need."""

from __future__ import annotations

import time
from typing import Any

import sqlalchemy
from sqlalchemy import event, exc
from sqlalchemy.engine import URL, Engine

from licensechain_hooks.exceptions import ConfigurationError
from licensechain_hooks.inbox._only_writer import BUDGET
from licensechain_hooks.inbox._sql import Dialect

__all__ = ["dialect_of", "make_durable", "make_engine"]

_DIALECTS: dict[str, Dialect] = {"sqlite": "sqlite", "postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}


def make_engine(url: str | URL) -> Engine:
    try:
        parsed = sqlalchemy.make_url(url)
        backend = parsed.get_backend_name()
        if _DIALECTS.get(backend) == "sqlite" and parsed.database in {None, "", ":memory:"}:
            msg = "a SQLite database in memory forgets its entries; give a file, or use MemoryInbox in tests"
            raise ConfigurationError(msg)
        options: dict[str, Any] = {"pool_size": 5, "max_overflow": 40, "pool_timeout": BUDGET, "pool_use_lifo": True}
        if _DIALECTS.get(backend) == "mysql":
            options["isolation_level"] = "READ COMMITTED"  # no locks on gaps: they hold back other deliveries
        engine = sqlalchemy.create_engine(parsed, **options, connect_args=_connect_arguments(parsed))
    except ModuleNotFoundError as error:
        msg = f"the database's driver is not installed: {error.name}"
        raise ConfigurationError(msg) from error
    except (exc.SQLAlchemyError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        # The error's own text may quote the URL, and so the password.
        msg = f"this is no URL of a database ({type(error).__name__}); it looks like sqlite:///inbox.db"
        raise ConfigurationError(msg) from None
    if engine.driver == "psycopg":
        event.listen(engine, "do_connect", _connect_impatiently)
    return engine


def _connect_impatiently(_dialect: Any, _record: Any, given: Any, options: Any) -> Any:
    from licensechain_hooks.inbox._impatient import ImpatientConnection  # noqa: PLC0415 - the driver is an extra

    return ImpatientConnection.connect(*given, **options)


def _connect_arguments(url: URL) -> dict[str, Any]:
    """Time-outs, so that a delivery is answered in time even where the database is not."""
    driver = url.get_driver_name()
    if driver == "psycopg":
        asked = url.query.get("options", "")
        options = f"{asked if isinstance(asked, str) else ' '.join(asked)} -c lock_timeout={BUDGET * 1000}"
        return {"connect_timeout": BUDGET, "tcp_user_timeout": BUDGET * 1000, "options": options.strip()}
    if driver == "pymysql":
        return {"connect_timeout": BUDGET, "init_command": f"SET SESSION innodb_lock_wait_timeout = {BUDGET}"}
    return {"timeout": BUDGET} if _DIALECTS.get(url.get_backend_name()) == "sqlite" else {}


def dialect_of(engine: Engine) -> Dialect:
    try:
        return _DIALECTS[engine.dialect.name]
    except KeyError:
        msg = f"an inbox can be in SQLite, PostgreSQL, MariaDB or MySQL, not in {engine.dialect.name}"
        raise ConfigurationError(msg) from None


def make_durable(connection: Any, _record: Any) -> None:
    """A commit is on the disk when it returns, and readers do not hold it up (https://sqlite.org/wal.html)."""
    cursor = connection.cursor()
    for setting in ("synchronous=FULL", f"busy_timeout={BUDGET * 1000}", "cache_size=-65536"):
        cursor.execute(f"PRAGMA {setting}")
    _write_ahead(cursor)
    cursor.close()


def _write_ahead(cursor: Any) -> None:
    """Change the file's mode, once in its life; that is the one thing for which SQLite does not wait by itself."""
    end = time.monotonic() + BUDGET
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except Exception as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return
