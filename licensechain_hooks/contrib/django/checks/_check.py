"""What a check is, and what it looks at."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from inspect import cleandoc
from typing import Any, Literal

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from licensechain_hooks import ConfigurationError
from licensechain_hooks.contrib.django.conf import HookSettings, get_settings
from licensechain_hooks.contrib.django.inbox import DjangoInbox

__all__ = ["Check", "Project"]


class Project:
    """What the checks look at, as it is now."""

    @cached_property
    def settings(self) -> HookSettings | None:
        """The settings; ``None`` where they cannot be read, which a check of its own tells."""
        try:
            return get_settings()
        except ConfigurationError:
            return None

    @property
    def stores(self) -> bool:
        """Whether deliveries are stored in a database."""
        return self.settings is not None and self.settings.processing != "inline" and self.database is not None

    @cached_property
    def database(self) -> BaseDatabaseWrapper | None:
        """The connection of the inbox's database; ``None`` where there is none that an inbox could be in."""
        try:
            return None if self.settings is None else connections[DjangoInbox(self.settings.database).using]
        except ConfigurationError:
            return None

    @property
    def options(self) -> dict[str, Any]:
        """The ``OPTIONS`` of that database."""
        return {} if self.database is None else self.database.settings_dict.get("OPTIONS", {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A system check.

    Attributes:
        id: what ``SILENCED_SYSTEM_CHECKS`` names it by.
        level: an error stops ``manage.py check`` and ``runserver``, a warning does not.
        when: ``"always"``, with ``check --deploy``, or with ``check --database ALIAS``, for it asks that database.
        message: what is wrong.
        find: looks for it, and gives a hint for each place where it is so.
    """

    id: str
    level: Literal["error", "warning"]
    when: Literal["always", "deploy", "database"]
    message: str
    find: Callable[[Project], Iterator[str]]

    @property
    def about(self) -> str:
        """Why that matters, for the docs."""
        return cleandoc(self.find.__doc__ or "")
