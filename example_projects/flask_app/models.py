"""What the shop knows: licenses and their seats."""

import os

from sqlalchemy import ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

engine = create_engine(os.environ.get("SHOP_DATABASE", "sqlite:///shop.db"))


class Base(DeclarativeBase):
    """Of all tables."""


class License(Base):
    """What was bought; its id is LicenseChain's."""

    __tablename__ = "license"
    id: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    seats: Mapped[list["Seat"]] = relationship(back_populates="license", order_by="Seat.number")


class Seat(Base):
    """A place to run the software at."""

    __tablename__ = "seat"
    number: Mapped[int] = mapped_column(primary_key=True)
    license_id: Mapped[str] = mapped_column(ForeignKey("license.id"))
    is_locked: Mapped[bool] = mapped_column(default=False)
    license: Mapped[License] = relationship(back_populates="seats")
