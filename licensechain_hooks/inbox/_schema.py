"""The tables of `SqlInbox`, and how they came to be: one migration per version.

The names and columns are those of the Django app's models.
"""

from collections.abc import Iterator

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import TypeEngine

from licensechain_hooks.inbox._sql import TABLES, VERSION, VERSION_TABLE

__all__ = ["VERSION", "VERSION_TABLE", "migrations", "schema_sql"]

_metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is SQLite's own row number


def _string(length: int) -> TypeEngine[str]:
    # MySQL's usual collations take "A" for "a", and so one event for another.
    exact = mysql.VARCHAR(length, charset="utf8mb4", collation="utf8mb4_bin")
    return String(length).with_variant(exact, "mysql", "mariadb")


_Time = DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_Text = Text().with_variant(mysql.TEXT(charset="utf8mb4"), "mysql", "mariadb")
_Blob = LargeBinary().with_variant(mysql.LONGBLOB(), "mysql", "mariadb")

# Not with IN, for whose list SQLite makes a table at every INSERT.
_UNUSUAL = "NOT (state = 'received') AND NOT (state = 'processing') AND NOT (state = 'processed')"


def _index(name: str, *columns: str, where: str | None = None) -> Index:
    """An index of the rows that ``where`` tells, on databases that can."""
    partial = None if where is None else text(where)
    return Index(f"{TABLES['entry']}_{name}", *columns, postgresql_where=partial, sqlite_where=partial)


_entry = Table(
    TABLES["entry"],
    _metadata,
    Column("id", _Id, primary_key=True),
    Column("endpoint", _string(100), nullable=False),
    Column("event_id", _string(255), nullable=False),
    Column("variant", _string(64), nullable=False),
    Column("event_type", _string(100), nullable=False),
    Column("event_timestamp", _Time, nullable=False),
    Column("received_at", _Time, nullable=False),
    Column("state", _string(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", _Time),
    Column("lease_token", _string(32)),
    Column("license_id", _string(255)),
    Column("ordering_key", _string(255)),
    Column("headers", _Text, nullable=False),
    Column("raw_body", _Blob),
    Column("error_code", _string(255), nullable=False),
    Column("error", _Text, nullable=False),
    Column("done_at", _Time),
    Column("purged_at", _Time),
    UniqueConstraint("endpoint", "event_id", "variant", name=f"{TABLES['entry']}_event"),
    _index("due", "next_attempt_at", "id", where="next_attempt_at IS NOT NULL"),
    _index(
        *("order", "endpoint", "ordering_key", "id"),
        where="ordering_key IS NOT NULL AND next_attempt_at IS NOT NULL",
    ),
    _index("license", "license_id", "id", where="license_id IS NOT NULL"),
    _index("state", "state", "id", where=_UNUSUAL),
    _index("type", "event_type", "received_at"),
    _index("received", "received_at"),
    sqlite_autoincrement=True,  # a number is never given twice, not even after a purge
)
_run = Table(
    TABLES["run"],
    _metadata,
    Column("entry_id", _Id, ForeignKey(_entry.c.id), primary_key=True, autoincrement=False),
    Column("handler", _string(255), primary_key=True),
    Column("state", _string(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("done_at", _Time),
)
_newest = Table(
    TABLES["newest"],
    _metadata,
    Column("endpoint", _string(100), primary_key=True),
    Column("license_id", _string(255), primary_key=True),
    Column("handler", _string(255), primary_key=True),
    Column("event_timestamp", _Time, nullable=False),
)

_MIGRATIONS: tuple[tuple[Table, ...], ...] = ((_entry, _run), (_newest,))
"""What each version added to the one before."""


def migrations(dialect: Dialect, *, version: int = 0) -> Iterator[tuple[int, list[str]]]:
    """The statements that lead from ``version`` to each later one."""
    for number, tables in enumerate(_MIGRATIONS[version:], start=version + 1):
        yield number, [statement for table in tables for statement in _statements(table, dialect)]


def schema_sql(dialect: Dialect) -> str:
    """The whole schema as a script, for people who create tables by themselves."""
    statements = [statement for _, step in migrations(dialect) for statement in step]
    statements += [f"CREATE TABLE {VERSION_TABLE} (version INTEGER NOT NULL)"]
    statements += [f"INSERT INTO {VERSION_TABLE} (version) VALUES ({VERSION})"]
    return "".join(f"{statement};\n\n" for statement in statements)


def _statements(table: Table, dialect: Dialect) -> Iterator[str]:
    create = str(CreateTable(table).compile(dialect=dialect)).strip()
    yield "\n".join(line.rstrip() for line in create.splitlines()).replace("\t", "    ")
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        yield str(CreateIndex(index).compile(dialect=dialect))
