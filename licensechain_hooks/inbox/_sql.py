"""What the SQL of a database inbox is made of: names, time, parameters.

SQLite, PostgreSQL and MariaDB or MySQL 8 have the same tables and states; they differ in how many rows are written by
one statement, in how a row is claimed while others claim, and in whose clock counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal

__all__ = ["TABLES", "VERSION", "VERSION_TABLE", "Dialect", "ParameterStyle", "Sql", "array_of", "names_of", "numbered"]

Dialect = Literal["sqlite", "postgresql", "mysql"]
ParameterStyle = Literal["named", "pyformat", "psycopg"]

TABLES = {
    "entry": "licensechain_hooks_entry",
    "run": "licensechain_hooks_handler_run",
    "newest": "licensechain_hooks_newest",
}
VERSION = 2
"""Of the tables; each has its migration in `_schema`."""

VERSION_TABLE = "licensechain_hooks_schema"


class Sql:
    """Statements for one dialect, as text.

    Args:
        dialect: of the database.
        style: how the driver writes parameters: ``:name`` or ``%(name)s``; psycopg 3 writes lists as ``%(name)b``, in
            binary, because to spell out bytes and times costs it more than all else.
        database_clock: whether times come from the database; else they are parameters.
    """

    def __init__(self, dialect: Dialect, style: ParameterStyle, *, database_clock: bool) -> None:
        self.dialect = dialect
        self.database_clock = database_clock
        self._style = style
        self._many = lru_cache(maxsize=64)(self._of_many)

    @property
    def _now(self) -> str:
        if not self.database_clock:
            return "%(now)s"
        # Not clock_timestamp(): a volatile function keeps PostgreSQL from using an index.
        return "statement_timestamp()" if self.dialect == "postgresql" else "UTC_TIMESTAMP(6)"

    def _later(self, seconds: str) -> str:
        """A time ``seconds`` from now; where times are parameters, ``seconds`` is that time already."""
        if not self.database_clock:
            return seconds
        if self.dialect == "postgresql":
            return f"statement_timestamp() + make_interval(secs => {seconds})"
        return f"UTC_TIMESTAMP(6) + INTERVAL CAST({seconds} * 1000000 AS SIGNED) MICROSECOND"

    def _text(self, template: str, **parts: str) -> str:
        text = template.format(now=self._now, **TABLES, **parts)
        text = " ".join(text.split())
        if self._style == "psycopg":
            return re.sub(r"%\((\w+)\)s(::(?:bytea|timestamptz)\[\])", r"%(\1)b\2", text)
        return re.sub(r"%\((\w+)\)s", r":\1", text) if self._style == "named" else text

    def _columns(self, names: tuple[str, ...], prefix: str = "") -> str:
        """Columns to read. In another time zone the earliest and the latest event are in years Python does not know."""
        special = {"event_timestamp": " AT TIME ZONE 'UTC'"} if self.dialect == "postgresql" else {}
        return ", ".join(f"{prefix}{name}{special.get(name, '')}" for name in names)

    def _new_value(self, parameter: str, column: str) -> str:
        """A parameter that stands in several places needs its type told to PostgreSQL."""
        return f"{parameter}::text" if self.dialect == "postgresql" and column == "state" else parameter

    def _of_many(self, name: str, count: int) -> str:
        text: str = getattr(self, f"_{name}")(count)
        return text


def numbered(name: str, values: Any) -> dict[str, Any]:
    """The parameters of a list: ``name_0``, ``name_1`` and so on."""
    return {f"{name}_{number}": value for number, value in enumerate(values)}


def array_of(values: Iterable[object]) -> str:
    """PostgreSQL's own spelling of an array of texts or numbers, with ``None`` for NULL.

    A driver goes through a list item by item to find out how to send it, which costs more than the rest of a statement
    (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO).
    """
    quoted = [
        "NULL" if value is None else '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
        for value in values
    ]
    return "{" + ",".join(quoted) + "}"


def names_of(name: str, count: int) -> str:
    return ", ".join(f"%({name}_{number})s" for number in range(count))
