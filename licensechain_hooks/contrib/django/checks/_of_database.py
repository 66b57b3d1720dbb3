"""What is told by ``check --database ALIAS``: what only the database knows."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import DatabaseError
from django.db.migrations.executor import MigrationExecutor

from licensechain_hooks import ConfigurationError, StoreUnavailableError
from licensechain_hooks.contrib.django.checks._check import Check, Project
from licensechain_hooks.contrib.django.conf import Receivers

__all__ = ["CHECKS"]

_LABEL = "licensechain_hooks"
_OVERDUE = timedelta(minutes=15)
_HINTS = {
    "thread": "the embedded thread needs a server that has received a delivery",
    "worker": "start `manage.py licensechain_worker`",
}


def _not_migrated(project: Project) -> Iterator[str]:
    """Without its tables nothing can be stored, and deliveries are answered 503."""
    if not project.stores or sys.argv[1:2] == ["migrate"]:  # which is about to do it, and checks before
        return
    if missing := _missing(project):
        yield f"Run `manage.py migrate --database {_alias(project)}`: {', '.join(missing)}."


def _nobody_works(project: Project) -> Iterator[str]:
    """Entries are stored and acknowledged, but no worker and no thread takes them."""
    if project.settings is None or not project.stores or _missing(project):
        return
    try:
        stats = Receivers(project.settings).inbox.stats()
    except (ConfigurationError, StoreUnavailableError):
        return
    if stats.oldest_due_at is not None and datetime.now(UTC) - stats.oldest_due_at > _OVERDUE:
        todo = _HINTS.get(project.settings.processing, "start the engine's workers, and let its sweep run now and then")
        yield f"{stats.due} wait, the first since {stats.oldest_due_at:%Y-%m-%d %H:%M} UTC: {todo}."


def _missing(project: Project) -> list[str]:
    """The migrations that the database lacks; none, where it cannot be asked, which others tell."""
    assert project.database is not None  # noqa: S101 - who asks knows that deliveries are stored
    try:
        executor = MigrationExecutor(project.database)
        targets = executor.loader.graph.leaf_nodes(_LABEL)
        return [migration.name for migration, _ in executor.migration_plan(targets) if migration.app_label == _LABEL]
    except DatabaseError:
        return []


def _alias(project: Project) -> str:
    return "" if project.database is None else project.database.alias


CHECKS = (
    Check(
        id="licensechain_hooks.W010",
        level="warning",
        when="database",
        message="The database of the inbox lacks its tables, or has old ones.",
        find=_not_migrated,
    ),
    Check(
        id="licensechain_hooks.W011",
        level="warning",
        when="database",
        message="Entries have waited for longer than 15 minutes: nobody runs their handlers.",
        find=_nobody_works,
    ),
)
