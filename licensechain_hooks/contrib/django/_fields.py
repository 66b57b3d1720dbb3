"""Columns that SQL compares to the letter, and that hold any text."""

from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["ExactCharField", "ExactTextField"]

if TYPE_CHECKING:
    _CharField = models.CharField[Any, Any]
    _TextField = models.TextField[str, str]
else:
    _CharField, _TextField = models.CharField, models.TextField


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
