"""The databases, and the inboxes in them."""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy

from licensechain_hooks.inbox.database import DatabaseInbox
from licensechain_hooks.inbox.sql import SqlInbox
from tests.support.databases import fresh_database
from tests.support.postgres_server import PostgresServer

KINDS = ("postgres", "sqlite", "django", "django-sqlite")
"""``django`` is its inbox in PostgreSQL."""

_CLAIM_IS_HELD = re.compile(r" AND (e\.)?lease_token = (given\.token|%\(token\)s|:token)| FOR UPDATE")


@contextmanager
def database(kind: str, url: str | None = None) -> Iterator[str]:
    """The URL of an empty database, by default a new one."""
    named = os.environ.get("LICENSECHAIN_TEST_POSTGRES_URL")
    if url is not None:
        yield url
    elif kind.endswith("sqlite"):
        with tempfile.TemporaryDirectory(prefix="crash-") as folder:
            yield f"sqlite:///{Path(folder) / 'inbox.db'}"
    elif named:
        with fresh_database(named) as new:
            yield new
    else:
        with PostgresServer() as server, fresh_database(server.url) as new:
            yield new


def open_inbox(kind: str, url: str, *, clock: Callable[[], float] | None = None) -> Any:
    """An inbox in the database; with Django the only one of its process.

    Args:
        kind: one of `KINDS`.
        url: of the database, for SQLAlchemy.
        clock: see `DatabaseInbox`.
    """
    if not kind.startswith("django"):
        return SqlInbox(url, clock=clock)
    _configure_django(url)
    from licensechain_hooks.contrib.django.inbox import DjangoInbox

    return DjangoInbox(clock=clock)


def create_schema(inbox: Any) -> None:
    """Create the tables of the inbox."""
    if isinstance(inbox, SqlInbox):
        inbox.create_schema()
    else:
        from django.core.management import call_command

        call_command("migrate", verbosity=0)


def _configure_django(url: str) -> None:
    import django
    from django.conf import settings

    if settings.configured:
        return
    parts = sqlalchemy.make_url(url)
    engine = {"sqlite": "sqlite3", "postgresql": "postgresql"}[parts.get_backend_name()]
    database = {
        "ENGINE": f"django.db.backends.{engine}",
        "NAME": parts.database,
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": parts.host or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
    }
    settings.configure(INSTALLED_APPS=["licensechain_hooks.contrib.django"], DATABASES={"default": database})
    django.setup()


def take_fence_down(inbox: DatabaseInbox) -> None:
    """Let every claim pass for held, as if there were neither tokens nor a lock on the entry."""
    statements = inbox._sql
    for name in ("fence", "extend", "extend_many", "settle", "settle_many"):
        fenced = getattr(statements, name)
        unfenced = _CLAIM_IS_HELD.sub("", fenced)
        assert unfenced != fenced, name
        statements.__dict__[name] = unfenced
