"""What handlers do, written down: within the inbox's transaction, and outside of it."""

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any

import sqlalchemy
from sqlalchemy import Column, Integer, MetaData, String, Table

from licensechain_hooks import Event, HandlerContext

_metadata = MetaData()


def _table(name: str) -> Table:
    # Nothing is unique but the row's number, so that a repeated effect is there to be counted.
    texts = [Column(column, String(300), nullable=False) for column in ("handler", "event_id", "idempotency_key")]
    numbers = [Column(column, Integer, nullable=False) for column in ("worker", "sequence")]
    return Table(name, _metadata, Column("id", Integer, primary_key=True), *texts, *numbers)


WITHIN = _table("crash_effects")
OUTSIDE = _table("crash_outside_effects")


@dataclass(frozen=True, slots=True)
class Tally:
    """What is wrong with the effects of some handlers.

    Attributes:
        duplicates: effects that were there already.
        missing: those that are not there.
        inversions: those after an effect of a later event of the same license.
    """

    duplicates: int
    missing: int
    inversions: int


class Effects:
    """Two tables in a database: `WITHIN` and `OUTSIDE`.

    Args:
        url: of the database.
        patience: for how many seconds to wait for others who have locked SQLite.
    """

    def __init__(self, url: str, *, patience: float = 60) -> None:
        arguments = {"timeout": patience} if url.startswith("sqlite") else {}
        self._engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT", pool_size=8, connect_args=arguments)
        self._sequence = count(1)

    def create(self) -> None:
        """Create the tables."""
        _metadata.create_all(self._engine)

    def within(self, event: Event, context: HandlerContext) -> None:
        """Write by the connection that holds the handler's transaction."""
        connection, row = context.connection, self._row(event, context)
        if isinstance(connection, sqlalchemy.Connection):
            connection.execute(WITHIN.insert(), row)
            return
        places = ", ".join(["%s"] * len(row))
        with connection.cursor() as cursor:
            cursor.execute(f"INSERT INTO {WITHIN.name} ({', '.join(row)}) VALUES ({places})", [*row.values()])

    def outside(self, event: Event, context: HandlerContext) -> None:
        """Write by a connection of its own, at once and for good."""
        with self._engine.connect() as connection:
            connection.execute(OUTSIDE.insert(), self._row(event, context))

    def rows(self, table: Table) -> list[Any]:
        """All there is, in the order it was written."""
        with self._engine.connect() as connection:
            return [*connection.execute(sqlalchemy.select(table).order_by(table.c.id))]

    def tally(self, table: Table, handlers: Iterable[str], event_ids: Iterable[str]) -> Tally:
        """Compare what is there with one effect of each handler for each event.

        Ids of events end with their place among those of their license: ``lic_3-12``.
        """
        rows = self.rows(table)
        found = {(row.handler, row.event_id) for row in rows}
        wanted = {(handler, event_id) for handler in handlers for event_id in event_ids}
        latest: defaultdict[tuple[str, str], int] = defaultdict(int)
        inversions = 0
        for row in rows:
            license_id, _, place = row.event_id.rpartition("-")
            inversions += int(place) < latest[row.handler, license_id]
            latest[row.handler, license_id] = max(latest[row.handler, license_id], int(place))
        return Tally(len(rows) - len(found), len(wanted - found), inversions)

    def held_by(self, tokens: list[str]) -> int | None:
        """How many entries are claimed by one of these tokens; ``None`` where the database is locked."""
        statement = sqlalchemy.text(
            "SELECT count(*) FROM licensechain_hooks_entry WHERE state = 'processing' AND lease_token IN :tokens"
        )
        return self._count(statement.bindparams(sqlalchemy.bindparam("tokens", tokens, expanding=True)))

    def unfinished(self) -> int | None:
        """How many entries a worker still has something to do for; ``None`` where the database is locked."""
        return self._count(
            sqlalchemy.text("SELECT count(*) FROM licensechain_hooks_entry WHERE next_attempt_at IS NOT NULL")
        )

    def _count(self, statement: Any) -> int | None:
        try:
            with self._engine.connect() as connection:
                return int(connection.execute(statement).scalar_one())
        except sqlalchemy.exc.OperationalError:  # by a process that is stopped in the middle of its commit
            return None

    def _row(self, event: Event, context: HandlerContext) -> dict[str, str | int]:
        return {
            "handler": context.handler.rpartition(".")[2],
            "event_id": event.id,
            "idempotency_key": context.idempotency_key,
            "worker": os.getpid(),
            "sequence": next(self._sequence),
        }
