"""A router for projects whose inbox is in a database of its own.

``DATABASE_ROUTERS = ["licensechain_hooks.contrib.django.routers.InboxRouter"]`` keeps the tables of this app in the
``DATABASE`` of the settings, and there alone: ``migrate --database`` makes them there, and the ORM looks for them
there. Other apps are left to the other routers. What a transactional handler writes to that database happens exactly
once; what it writes to another one may happen again.
"""

from typing import Any

from django.db.models import Model

from licensechain_hooks import ConfigurationError
from licensechain_hooks.contrib.django.conf import get_settings

__all__ = ["InboxRouter"]

_LABEL = "licensechain_hooks"


class InboxRouter:
    """See the module."""

    def db_for_read(self, model: type[Model], **_hints: Any) -> str | None:
        """The inbox's database, for its models."""
        return _database() if model._meta.app_label == _LABEL else None  # noqa: SLF001 - Django's own way

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        """The inbox's database, for its models."""
        return self.db_for_read(model, **hints)

    def allow_relation(self, one: Model, other: Model, **_hints: Any) -> bool | None:
        """Its models refer to each other."""
        labels = {one._meta.app_label, other._meta.app_label}  # noqa: SLF001
        return True if labels == {_LABEL} else None

    def allow_migrate(self, database: str, app_label: str, **_hints: Any) -> bool | None:
        """Its tables are in its database, and in no other."""
        inbox = _database()
        return None if inbox is None or app_label != _LABEL else database == inbox


def _database() -> str | None:
    try:
        return get_settings().database
    except ConfigurationError:  # which a check tells
        return None
