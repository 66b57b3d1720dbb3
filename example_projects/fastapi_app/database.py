"""The seats, in PostgreSQL."""

import os
from datetime import datetime

from sqlalchemy import DateTime
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["LICENSECHAIN_INBOX_URL"])


class Base(DeclarativeBase):
    """Of all tables."""


class Seat(Base):
    """A place to run the software at."""

    __tablename__ = "seat"
    license_id: Mapped[str] = mapped_column(primary_key=True)
    is_locked: Mapped[bool]
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


async def create_tables() -> None:
    """Create the tables that are not there."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)


async def upsert_seat(license_id: str, *, is_locked: bool, changed_at: datetime) -> None:
    """Write what became of a seat.

    A handler may run twice, and events may arrive in another order than they happened: so the same again changes
    nothing, and neither does what is older than what is written.
    """
    values = {"license_id": license_id, "is_locked": is_locked, "changed_at": changed_at}
    statement = insert(Seat).values(values)
    newer = statement.on_conflict_do_update(
        index_elements=[Seat.license_id], set_=values, where=Seat.changed_at < statement.excluded.changed_at
    )
    async with engine.begin() as connection:
        await connection.execute(newer)
