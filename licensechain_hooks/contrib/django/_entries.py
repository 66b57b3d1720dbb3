"""The entries of the inbox, through the ORM."""

from contextlib import suppress
from datetime import UTC, datetime

from django.conf import settings
from django.db import connections
from django.db.models import QuerySet
from django.utils import timezone

from licensechain_hooks import ConfigurationError
from licensechain_hooks.contrib.django.conf import get_settings
from licensechain_hooks.contrib.django.models import Entry

__all__ = ["now_in", "stored"]


def stored() -> QuerySet[Entry]:
    """All entries, where the inbox has them."""
    entries = Entry.objects.all()
    with suppress(ConfigurationError):  # E001 tells
        entries = entries.using(get_settings().database)
    return entries


def now_in(queryset: QuerySet[Entry]) -> datetime:
    """Now, as the database gives times back; without USE_TZ only PostgreSQL knows of time zones."""
    if settings.USE_TZ or connections[queryset.db].vendor == "postgresql":
        return timezone.now()
    return datetime.now(UTC).replace(tzinfo=None)
