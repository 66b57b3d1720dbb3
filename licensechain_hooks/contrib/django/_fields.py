"""Columns that SQL compares to the letter and that hold any text, and moments that are UTC in every project."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

__all__ = ["ExactCharField", "ExactTextField", "MomentField"]

if TYPE_CHECKING:
    _CharField = models.CharField[Any, Any]
    _TextField = models.TextField[str, str]
    _DateTimeField = models.DateTimeField[Any, Any]
else:
    _CharField, _TextField, _DateTimeField = models.CharField, models.TextField, models.DateTimeField


class ExactCharField(_CharField):
    """A text that is equal only to itself: MySQL's usual collations take "A" for "a", and so one event for another."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        return super().db_parameters(connection) | _collated(connection)


class ExactTextField(_TextField):
    """A long one; a database may have been made for Latin letters only."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        return super().db_parameters(connection) | _collated(connection)


def _collated(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    return {"collation": "utf8mb4_bin"} if connection.vendor == "mysql" else {}


class MomentField(_DateTimeField):
    """A moment; to projects what a ``DateTimeField`` is, naive without ``USE_TZ``, and in the database always UTC.

    Where a database knows no time zones Django stores the time of the project's own zone. There the inbox, which orders
    entries by their times, would meet some hours twice a year and others never.
    """

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        """As Django's own, for the columns are the same: no migration tells them apart."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.DateTimeField", args, kwargs

    def from_db_value(self, value: Any, _expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """What a project reads."""
        if not isinstance(value, datetime) or connection.features.supports_timezones:
            return value
        # Django has taken it for a time of the connection's zone.
        stored = timezone.make_naive(value, connection.timezone) if timezone.is_aware(value) else value
        moment = stored.replace(tzinfo=UTC)
        return moment if settings.USE_TZ else timezone.make_naive(moment)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:  # noqa: FBT001, FBT002 - Django's own
        """What is stored, or compared with what is."""
        value = value if prepared else self.get_prep_value(value)
        if isinstance(value, datetime) and not connection.features.supports_timezones:
            value = timezone.make_naive(value if timezone.is_aware(value) else timezone.make_aware(value), UTC)
        return super().get_db_prep_value(value, connection, prepared=True)
